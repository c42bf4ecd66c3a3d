"""Palette files: which class a number or colour of a mask stands for."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rsqa_core.errors import InvalidInputError, UnreadableFileError
from rsqa_core.raster.headers import Color
from rsqa_core.records import VOID, ClassDef, normalised_class_name

MAX_PALETTE_BYTES = 1 << 20
MAX_MASK_VALUE = 65535
_FORMS = '{"name": [r, g, b]}, {"name": id}, {"name": {"index": id, "rgb": [r, g, b]}}'


@dataclass(frozen=True, slots=True)
class PaletteEntry:
    """One class of a mask as its author calls it, by number, colour or both."""

    name: str
    id: int | None = None
    color: Color | None = None


@dataclass(frozen=True, slots=True)
class Palette:
    """The classes of a data set's masks in file order. ``title`` says where they come from."""

    entries: tuple[PaletteEntry, ...]
    title: str

    def __post_init__(self) -> None:
        if not self.entries:
            raise InvalidInputError(f"Expected classes in {self.title}, but it has none.")
        names = [normalised_class_name(e.name) for e in self.entries]
        for entry, name in zip(self.entries, names, strict=True):
            if not name:
                raise InvalidInputError(
                    f"Expected class names with a letter a-z or a digit in {self.title}, but got "
                    f"{entry.name!r}. Rename it."
                )
        _require_once("name", names, self.title)
        _require_once("id", [e.id for e in self.entries if e.id is not None], self.title)
        _require_once("colour", [e.color for e in self.entries if e.color], self.title)

    def by_color(self) -> dict[int, int]:
        """Return the place of the entry of each packed colour (r << 16 | g << 8 | b)."""
        return {packed(e.color): i for i, e in enumerate(self.entries) if e.color is not None}

    def by_id(self) -> dict[int, int]:
        """Return the place of the entry of each mask value.

        A palette with colours only numbers its classes by their order, from 0.
        """
        if all(e.id is None for e in self.entries):
            return {i: i for i in range(len(self.entries))}
        return {e.id: i for i, e in enumerate(self.entries) if e.id is not None}


def packed(color: Iterable[int]) -> int:
    """Return a colour as one number.

    Example:
        >>> hex(packed((60, 16, 152)))
        '0x3c1098'
    """
    r, g, b = color
    return r << 16 | g << 8 | b


def palette_of_classes(classes: Iterable[ClassDef], title: str) -> Palette:
    """Return the palette in which masks hold a project's own class ids or colours."""
    entries = [PaletteEntry(c.name, c.id, c.color) for c in classes]
    # Two classes may share a colour on screen; then colours say nothing.
    if len({e.color for e in entries}) < len(entries):
        entries = [PaletteEntry(e.name, e.id) for e in entries]
    return Palette(tuple(entries), title)


def read_palette(path: Path) -> Palette:
    """Read a palette file.

    JSON: an object from class name to ``[r, g, b]``, to a number, or to an object with ``index``
    (or ``id``) and ``rgb`` (or ``color``). CSV: columns name, id, r, g, b, of which id or the
    three colours may be left out.

    Raises:
        UnreadableFileError: the file is missing, too large or not UTF-8 text.
        InvalidInputError: it has another form, or a name, id or colour occurs twice.
    """
    try:
        if path.stat().st_size > MAX_PALETTE_BYTES:
            raise UnreadableFileError(
                f"The palette {path.name} has more than {MAX_PALETTE_BYTES:,} bytes."
            )
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableFileError(
            f"The palette {path.name} cannot be read: {error}. Expected a JSON or CSV text file."
        ) from error
    entries = (
        _from_csv(text, path.name) if path.suffix.lower() == ".csv" else _from_json(text, path.name)
    )
    return Palette(tuple(entries), f"the palette {path.name}")


def _from_json(text: str, title: str) -> list[PaletteEntry]:
    def refuse_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        _require_once("name", [name for name, _ in pairs], f"the palette {title}")
        return dict(pairs)

    try:
        values = json.loads(text, object_pairs_hook=refuse_twice)
    except (json.JSONDecodeError, RecursionError) as error:
        raise InvalidInputError(f"The palette {title} is not valid JSON: {error}.") from error
    if not isinstance(values, dict):
        raise InvalidInputError(f"Expected the palette {title} to be one of {_FORMS}.")
    return [_entry(str(name), value, title) for name, value in values.items()]


def _entry(name: str, value: Any, title: str) -> PaletteEntry:
    if isinstance(value, list):
        return PaletteEntry(name, None, _color(name, value, title))
    if isinstance(value, int) and not isinstance(value, bool):
        return PaletteEntry(name, _id(name, value, title))
    if isinstance(value, dict):
        number = value.get("index", value.get("id"))
        color = value.get("rgb", value.get("color"))
        if number is not None or color is not None:
            return PaletteEntry(
                name,
                None if number is None else _id(name, number, title),
                None if color is None else _color(name, color, title),
            )
    raise InvalidInputError(
        f"Class {name!r} of the palette {title} has the value {value!r}. Expected one of {_FORMS}."
    )


def _from_csv(text: str, title: str) -> list[PaletteEntry]:
    rows = csv.DictReader(io.StringIO(text), skipinitialspace=True)
    columns = [c.strip().casefold() for c in rows.fieldnames or []]
    with_color = {"r", "g", "b"} <= set(columns)
    if "name" not in columns or not (with_color or "id" in columns):
        raise InvalidInputError(
            f"Expected the palette {title} to have the columns name, id, r, g, b, but got "
            f"{', '.join(columns) or 'none'}."
        )
    rows.fieldnames = columns
    entries = []
    for row in rows:
        name = (row["name"] or "").strip()
        number = (row.get("id") or "").strip()
        parts = [(row.get(c) or "").strip() for c in "rgb"] if with_color else ["", "", ""]
        entries.append(
            PaletteEntry(
                name,
                _id(name, number, title) if number else None,
                _color(name, parts, title) if any(parts) else None,
            )
        )
        if entries[-1].id is None and entries[-1].color is None:
            raise InvalidInputError(f"Class {name!r} of the palette {title} has no id, no colour.")
    return entries


def _id(name: str, value: Any, title: str) -> int:
    number = _whole(value)
    if number is None or not 0 <= number <= MAX_MASK_VALUE:
        raise InvalidInputError(
            f"Expected the id of class {name!r} in the palette {title} to be a whole number in "
            f"0..{MAX_MASK_VALUE}, but got {value!r}."
        )
    return number


def _color(name: str, value: Any, title: str) -> Color:
    parts = [_whole(v) for v in value] if isinstance(value, list) else []
    if len(parts) != 3 or any(p is None or not 0 <= p <= 255 for p in parts):
        raise InvalidInputError(
            f"Expected the colour of class {name!r} in the palette {title} to be three whole "
            f"numbers in 0..255, but got {value!r}."
        )
    r, g, b = (int(p) for p in parts if p is not None)
    return (r, g, b)


def _whole(value: Any) -> int | None:
    if isinstance(value, str):
        return int(value) if value.isascii() and value.isdigit() else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _require_once(kind: str, values: list[Any], title: str) -> None:
    for value in values:
        if values.count(value) > 1:
            raise InvalidInputError(
                f"Expected every class {kind} once in {title}, but {value!r} is used more often."
            )


def is_void(value: int, known: dict[int, int]) -> bool:
    """Return whether a mask value means "no label": VOID, unless the palette names it."""
    return value == VOID and VOID not in known

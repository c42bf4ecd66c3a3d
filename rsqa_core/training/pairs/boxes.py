"""Pairs from labelled boxes: a caption counts what the boxes of an image hold."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from rsqa_core.encoders.captions import compose_box_caption
from rsqa_core.errors import InvalidInputError, RsqaError, UnreadableFileError
from rsqa_core.files import resolve_under
from rsqa_core.training.pairs.pair import LeftOut, PairEntry, Picture, decode_picture
from rsqa_core.training.pairs.tables import read_table

BOX_COLUMNS = ("image", "class", "x_min", "y_min", "x_max", "y_max")
"""Columns of a CSV file of boxes, in px."""

_SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp")
_Labelled = tuple[str, str, str, list[float]]
"""Where it stands, image, class and the flat x, y, x, y… of two or four corners."""


class BoxPairs:
    """Images with labelled boxes. A bad box is left out by its place, the image's others count."""

    def __init__(self, path: Path, *, trusted: bool, images: Path | None = None) -> None:
        """Read the labels; images are only looked for, not decoded.

        Args:
            path: a CSV file with BOX_COLUMNS; a JSON list of objects with ``image``, ``class`` and
                ``box`` (x_min, y_min, x_max, y_max); or a folder of text files as DOTA has them,
                one an image, each line eight coordinates, a class and perhaps a difficulty.
            trusted: whether the labels are vouched for.
            images: folder of the images; default: that of the labels.

        Raises:
            InvalidInputError: the file is none of these.
        """
        root = images if images is not None else (path if path.is_dir() else path.parent)
        self.left_out: list[LeftOut] = []
        named: dict[str, list[str]] = {}
        for place, image, label, corners in _labels(path, self.left_out):
            reason = _fault(label, corners)
            if reason:
                self.left_out.append(LeftOut(place, reason))
            else:
                named.setdefault(image, []).append(label)
        entries: list[PairEntry] = []
        self._files: list[Path] = []
        for i, (image, labels) in enumerate(sorted(named.items())):
            try:
                file = _image_file(root, image)
            except RsqaError as error:
                self.left_out.append(LeftOut(image, str(error)))
                continue
            caption = compose_box_caption(labels, np.random.default_rng([19, i]))
            entries.append(PairEntry(image, caption, trusted))
            self._files.append(file)
        self.entries = tuple(entries)

    def picture(self, index: int) -> Picture:
        file = self._files[index]
        try:
            content = file.read_bytes()
        except OSError as error:
            raise UnreadableFileError(f"The image {file} cannot be read: {error}.") from error
        return decode_picture(content, file.name), None


def _labels(path: Path, left_out: list[LeftOut]) -> Iterator[_Labelled]:
    if path.is_dir():
        for file in sorted(path.glob("*.txt")):
            yield from _dota(file, left_out)
    elif path.suffix.lower() == ".json":
        yield from _json(path, left_out)
    else:
        for line, row in read_table(path, list(BOX_COLUMNS)):
            place = f"{path.name} line {line}"
            numbers = _numbers([row[name] for name in BOX_COLUMNS[2:]])
            if numbers is None:
                left_out.append(LeftOut(place, "its corners are not four numbers"))
            else:
                yield place, (row["image"] or "").strip(), row["class"] or "", numbers


def _dota(file: Path, left_out: list[LeftOut]) -> Iterator[_Labelled]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        left_out.append(LeftOut(file.name, f"it cannot be read: {error}"))
        return
    for number, line in enumerate(lines, 1):
        words = line.split()
        if not words or words[0].startswith(("imagesource:", "gsd:")):
            continue  # DOTA's two lines of header
        numbers = _numbers(words[:8])
        if numbers is None or len(words) not in (9, 10):
            reason = "it is not eight coordinates, a class and perhaps a difficulty"
            left_out.append(LeftOut(f"{file.name} line {number}", reason))
        else:
            yield f"{file.name} line {number}", file.stem, words[8], numbers


def _json(path: Path, left_out: list[LeftOut]) -> Iterator[_Labelled]:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInputError(
            f"Cannot read the boxes {path}: {error}. Expected a JSON list of objects."
        ) from error
    if not isinstance(told, list):
        raise InvalidInputError(
            f"Expected {path} to hold a list of objects with image, class and box, but got "
            f"{type(told).__name__}."
        )
    for i, item in enumerate(told):
        place = f"{path.name} item {i}"
        box = item.get("box") if isinstance(item, dict) else None
        numbers = _numbers(box) if isinstance(box, list) and len(box) == 4 else None
        if numbers is None:
            left_out.append(LeftOut(place, "it has no box of four numbers"))
        else:
            yield place, str(item.get("image", "")), str(item.get("class", "")), numbers


def _numbers(values: list[Any]) -> list[float] | None:
    try:
        numbers = [float(value) for value in values]
    except (TypeError, ValueError):
        return None
    return numbers if all(math.isfinite(number) for number in numbers) else None


def _fault(label: str, corners: list[float]) -> str:
    """Return what is wrong with a box, nothing if it can be counted."""
    if not label.strip():
        return "it has no class"
    xs, ys = corners[0::2], corners[1::2]
    if max(xs) <= min(xs) or max(ys) <= min(ys) or (len(xs) == 2 and (xs[1] < xs[0])):
        return "its box has no area"
    if max(xs) < 0 or max(ys) < 0:
        return "its box lies outside of the image"
    return ""


def _image_file(root: Path, name: str) -> Path:
    if not name:
        raise InvalidInputError("The box names no image.")
    for suffix in ("", *_SUFFIXES):
        path = resolve_under(root, name + suffix)
        if path.is_file():
            return path
    raise InvalidInputError(f"There is no image {name} in {root}.")

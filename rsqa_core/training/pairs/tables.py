"""Pairs from a CSV or TSV file: one row an image path and its caption."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rsqa_core.errors import InvalidInputError, RsqaError, UnreadableFileError
from rsqa_core.files import resolve_under
from rsqa_core.raster import read_mask
from rsqa_core.training.pairs.pair import LeftOut, PairEntry, Picture, decode_picture


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of the columns; the defaults are those of SkyScript's files.

    Attributes:
        image: path of the image, relative to the folder of images.
        caption: what the image shows.
        mask: path of a reference mask (8-bit PNG of class ids), where the file has that column.
    """

    image: str = "filepath"
    caption: str = "title"
    mask: str | None = None


class TablePairs:
    """The rows of a table. Rows without a usable image path or caption are left out, by line."""

    def __init__(
        self,
        path: Path,
        *,
        trusted: bool,
        columns: Columns = Columns(),
        images: Path | None = None,
    ) -> None:
        """Read the table; images are only looked for, not decoded.

        Args:
            path: CSV file, or TSV by its suffix, UTF-8, with a header.
            trusted: whether its captions are vouched for.
            images: folder that paths start from; default: that of the table.

        Raises:
            InvalidInputError: the file is no table or lacks a column.
        """
        self._root = path.parent if images is None else images
        entries: list[PairEntry] = []
        self.left_out: list[LeftOut] = []
        self._files: list[tuple[Path, Path | None]] = []
        for line, row in read_table(path, [c for c in _wanted(columns) if c is not None]):
            name = f"{path.name} line {line}"
            caption = (row[columns.caption] or "").strip()
            given = (row[columns.image] or "").strip()
            if not caption or not given:
                self.left_out.append(LeftOut(name, "it has no caption or no image path"))
                continue
            try:
                image = self._existing(given)
                given_mask = (row[columns.mask] or "").strip() if columns.mask else ""
                mask = self._existing(given_mask) if given_mask else None
            except RsqaError as error:
                self.left_out.append(LeftOut(f"{name}, {given}", str(error)))
                continue
            entries.append(PairEntry(given, caption, trusted))
            self._files.append((image, mask))
        self.entries = tuple(entries)

    def picture(self, index: int) -> Picture:
        image, mask = self._files[index]
        try:
            content = image.read_bytes()
        except OSError as error:
            raise UnreadableFileError(f"The image {image} cannot be read: {error}.") from error
        return decode_picture(content, image.name), None if mask is None else read_mask(mask)

    def _existing(self, name: str) -> Path:
        path = resolve_under(self._root, name)
        if not path.is_file():
            raise InvalidInputError(f"There is no file {name} in {self._root}.")
        return path


def read_table(path: Path, wanted: list[str]) -> Iterator[tuple[int, dict[str, str | None]]]:
    """Yield line number and row of each row of a CSV or TSV file.

    Raises:
        InvalidInputError: the file is no table, or a wanted column is missing.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
            reader = csv.DictReader(stream, delimiter=delimiter)
            header = reader.fieldnames or []
            missing = [name for name in wanted if name not in header]
            if missing:
                raise InvalidInputError(
                    f"{path} has no column {missing[0]!r}, only {', '.join(header) or 'none'}. "
                    "Say what the columns are called."
                )
            for row in reader:
                yield reader.line_num, row
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidInputError(
            f"Cannot read the table {path}: {error}. Expected CSV or TSV in UTF-8 with a header."
        ) from error


def _wanted(columns: Columns) -> tuple[str | None, ...]:
    return (columns.image, columns.caption, columns.mask)

"""What a report is made of, whatever file it becomes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph; ``quiet`` sets a remark apart from what is reported."""

    words: str
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under a header; columns from ``numbers_from`` on are set flush right."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers_from: int = 1


@dataclass(frozen=True, slots=True)
class Figure:
    """A plot as PNG; ``width`` is its share of the text's width, in 0..1."""

    png: bytes
    caption: str
    width: float = 1.0


@dataclass(frozen=True, slots=True)
class Picture:
    """One JPEG of a gallery, and the line below it."""

    jpeg: bytes
    caption: str


@dataclass(frozen=True, slots=True)
class Gallery:
    """Pictures of one size in rows of ``columns``."""

    pictures: tuple[Picture, ...]
    columns: int


@dataclass(frozen=True, slots=True)
class Legend:
    """What the colours of pictures stand for: name and (red, green, blue) in 0..255."""

    entries: tuple[tuple[str, tuple[int, int, int]], ...]


Block = Text | Table | Figure | Gallery | Legend


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands under it."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """A whole report.

    Attributes:
        title: the project's name.
        subtitle: one line: what it is, of when, by which version.
        sections: in the order of reading.
    """

    title: str
    subtitle: str
    sections: tuple[Section, ...]


def counted(count: int, noun: str) -> str:
    """Return a number with its noun.

    Example:
        >>> counted(1, "image"), counted(1200, "image")
        ('1 image', '1,200 images')
    """
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"

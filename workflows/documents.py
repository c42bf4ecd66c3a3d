"""Writes what was made of a project as files of the kinds that their suffixes name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from rsqa_core.errors import InvalidInputError
from rsqa_core.files import write_atomically

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Written:
    """A file that was written, and of how many bytes."""

    path: str
    size_bytes: int


def write_documents(
    make: Callable[[], T], formats: Mapping[str, Callable[[T], bytes]], paths: Sequence[Path]
) -> list[Written]:
    """Make a document once and write it to every one of ``paths``.

    An existing file is replaced once the new one is complete.

    Args:
        make: makes the document, after the paths were found to be good.
        formats: turns it into a file's content, by suffix in lower case.

    Raises:
        InvalidInputError: a suffix is none of ``formats``.
    """
    for path in paths:
        if path.suffix.lower() not in formats:
            raise InvalidInputError(
                f"Expected a file that ends in {' or '.join(formats)}, but got {path.name!r}."
            )
    document = make()
    written = []
    for path in paths:
        content = formats[path.suffix.lower()](document)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
        written.append(Written(str(path), len(content)))
    return written

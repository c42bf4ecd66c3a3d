"""Long lists of ids in portions that fit into one statement."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")

IDS_PER_STATEMENT = 10_000  # SQLite takes 32,766 parameters


def chunked(ids: Iterable[T], size: int = IDS_PER_STATEMENT) -> Iterator[list[T]]:
    """Yield ``ids`` (or other keys) in lists of at most ``size``.

    Example:
        >>> list(chunked([1, 2, 3], size=2))
        [[1, 2], [3]]
    """
    rest = iter(ids)
    while portion := list(islice(rest, size)):
        yield portion

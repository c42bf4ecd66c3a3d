"""How long work tells what it is doing, and how it is stopped."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called between units of work with a step name, units done and units in all.

    An implementation may raise CancelledError to stop the work; callers leave a consistent state.
    """

    def __call__(self, step: str, done: int, total: int) -> None: ...


def no_progress(step: str, done: int, total: int) -> None:
    """Report nothing."""

"""The plan of an import: what would be imported, and why the rest would not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from rsqa_core.datasets.classes import ClassScheme
from rsqa_core.datasets.layout import Layout, LeftOut
from rsqa_core.errors import InvalidInputError

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class PlannedCandidate:
    """A candidate mask, with its probabilities when they are usable."""

    segmenter: str
    path: Path
    probs: Path | None = None


@dataclass(frozen=True, slots=True)
class PlannedImage:
    """An image that would be imported. ``tiles`` is how many review tiles it gives."""

    name: str
    key: str
    path: Path
    scene: str
    width_px: int
    height_px: int
    bands: int
    dtype: str
    georeferenced: bool
    tiles: int
    mask: Path | None = None
    candidates: tuple[PlannedCandidate, ...] = ()


@dataclass(frozen=True, slots=True)
class FolderPlan:
    """Everything that an import of one folder would do.

    ``names`` are the printable names of files by path; ``notes`` say what was assumed.
    """

    scheme: ClassScheme
    images: tuple[PlannedImage, ...]
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]
    names: dict[Path, str]


def reason_of(error: Exception, *names: str) -> str:
    """Return an error's text without the file's name before it, which a list shows beside it."""
    text = str(error)
    for name in names:
        text = text.removeprefix(f"{name} ")
    return text


@dataclass(slots=True)
class Findings:
    """What a look at a folder has found so far."""

    layout: Layout
    left_out: list[LeftOut]
    notes: list[str]

    def attempt(self, path: Path, check: Callable[[], _T]) -> _T | None:
        """Return what ``check`` returns; an error leaves the file out with its text."""
        try:
            return check()
        except (InvalidInputError, OSError) as error:
            self.leave_out(path, reason_of(error, path.name, self.layout.names[path]))
            return None

    def leave_out(self, path: Path, reason: str) -> None:
        """Note that a file is not imported, and why."""
        self.left_out.append(LeftOut(self.layout.names[path], reason))

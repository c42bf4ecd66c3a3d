"""The catalogue of public sample data sets: what they hold, under which licence, from where."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rsqa_core.errors import NotFoundError
from rsqa_core.raster.headers import Color

CATALOGUE = Path(__file__).parent / "catalogue"


@dataclass(frozen=True, slots=True)
class SampleFile:
    """One file of a sample: its name in the sample's folder and what must arrive from ``url``."""

    name: str
    scene: str
    size: int
    sha256: str
    url: str


@dataclass(frozen=True, slots=True)
class Sample:
    """One public data set, pinned to a commit of its source.

    ``train_scenes`` are those that the shipped models saw; ``candidate_scenes`` those that they
    did not, which are the ones to review. ``mirror_folder`` is its folder in a local mirror.
    """

    name: str
    title: str
    description: str
    attribution: str
    licence: str
    licence_source: str
    source: str
    commit: str
    mirror_folder: str
    palette: dict[str, Color]
    ignored: tuple[str, ...]
    train_scenes: tuple[str, ...]
    candidate_scenes: tuple[str, ...]
    files: tuple[SampleFile, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(f.size for f in self.files)

    @property
    def scenes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(f.scene for f in self.files))

    def files_of(self, scenes: Sequence[str] | None) -> tuple[SampleFile, ...]:
        """Return the files of some scenes, or all of them for None.

        Raises:
            NotFoundError: there is no such scene.
        """
        if scenes is None:
            return self.files
        for scene in scenes:
            if scene not in self.scenes:
                raise NotFoundError.named("scene", scene, self.scenes)
        return tuple(f for f in self.files if f.scene in scenes)


def read_samples(folder: Path = CATALOGUE) -> dict[str, Sample]:
    """Return every sample of the catalogue by name."""
    found = {}
    for path in sorted(folder.glob("*.json")):
        sample = _parse(json.loads(path.read_text(encoding="utf-8")))
        found[sample.name] = sample
    return found


def find_sample(name: str) -> Sample:
    """Return the sample called ``name``.

    Raises:
        NotFoundError: there is none; the message names those that exist.

    Example:
        >>> find_sample("dubai").licence
        'CC0 1.0'
    """
    samples = read_samples()
    if name not in samples:
        raise NotFoundError.named("sample", name, samples)
    return samples[name]


def _parse(values: dict[str, Any]) -> Sample:
    # Unknown or missing keys fail in the constructors: the catalogue is part of the program.
    lists = {k: tuple(values[k]) for k in ("ignored", "train_scenes", "candidate_scenes")}
    palette: dict[str, Color] = {name: tuple(rgb) for name, rgb in values["palette"].items()}
    files = tuple(SampleFile(**entry) for entry in values["files"])
    return Sample(**{**values, **lists, "palette": palette, "files": files})

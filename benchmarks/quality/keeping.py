"""What a method predicted with a seed, kept: a run of hours goes on where it was ended.

A prediction is taken from its file while candidates, method, seed and the code that predicts are
the same; whatever of these changes, it is made again.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.candidates import Candidates
from benchmarks.quality.methods import Method
from benchmarks.record import ROOT
from rsqa_core.files import write_atomically
from workflows.opening import Installation

Values = NDArray[np.float64]
_CODE = ("rsqa_core", "benchmarks/quality")
_BOUND = "bound "


def kept_in(installation: Installation) -> Path:
    """Return where an installation keeps predictions of the benchmark; it can be deleted."""
    return installation.settings.home / "benchmark" / "predicted"


@dataclass(frozen=True)
class OneSeed:
    """What a method predicted of N candidates with one seed.

    Attributes:
        score: (N,) NaN where nothing is predicted.
        bounds: name: (N,) ends of its intervals.
        errors: (N, 2, ERROR_BINS) pixel counts by its error map, None without one.
        seconds: that this took.
    """

    score: Values
    bounds: Mapping[str, Values]
    errors: NDArray[np.int64] | None
    seconds: float


@dataclass(frozen=True)
class Keeper:
    """Keeps what methods say of some candidates.

    Attributes:
        folder: where files lie.
        about: digest of candidates and code.
    """

    folder: Path
    about: str

    @classmethod
    def of(cls, folder: Path, found: Candidates, code: Path = ROOT) -> Keeper:
        """Return a keeper of what is predicted of ``found``."""
        digest = hashlib.sha256()
        for place in _CODE:
            for path in sorted((code / place).rglob("*.py")):
                digest.update(path.relative_to(code).as_posix().encode() + path.read_bytes())
        inputs = found.labelled.inputs
        for values in (
            *(found.candidate, found.target, found.features, found.head, found.labelled.targets),
            *(inputs.semantic, inputs.tokens, inputs.rows, inputs.cells, inputs.image_of_row),
        ):
            digest.update(np.ascontiguousarray(values).tobytes())
        for names in (found.scene, found.segmenter, found.source, np.array(found.encoder)):
            digest.update("\n".join(names.tolist()).encode())
        return cls(folder, digest.hexdigest())

    def get(self, protocol: str, method: Method, seed: int) -> OneSeed | None:
        """Return what was kept, None where nothing was or where it cannot be read."""
        try:
            # From memory: where a file is damaged, NumPy leaves it open.
            stream = io.BytesIO(self._path(protocol, method, seed).read_bytes())
            with np.load(stream, allow_pickle=False) as file:
                found = {name: file[name] for name in file.files}
        except (OSError, ValueError, EOFError, BadZipFile):
            return None
        return OneSeed(
            score=found["score"],
            bounds={
                name.removeprefix(_BOUND): values
                for name, values in found.items()
                if name.startswith(_BOUND)
            },
            errors=found.get("errors"),
            seconds=float(found["seconds"]),
        )

    def put(self, protocol: str, method: Method, seed: int, said: OneSeed) -> None:
        """Keep what a method says; one without an identity is too quick to be worth it."""
        if not method.identity:
            return
        arrays: dict[str, NDArray[np.generic]] = {
            "score": said.score,
            "seconds": np.array(said.seconds),
            **{_BOUND + name: values for name, values in said.bounds.items()},
        }
        if said.errors is not None:
            arrays["errors"] = said.errors
        stream = io.BytesIO()
        np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]
        write_atomically(self._path(protocol, method, seed), stream.getvalue())

    def _path(self, protocol: str, method: Method, seed: int) -> Path:
        about = "\n".join([self.about, protocol, method.identity, str(seed)])
        return self.folder / f"{hashlib.sha256(about.encode()).hexdigest()[:32]}.npz"

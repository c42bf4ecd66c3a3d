"""Smooth random fields: the texture of soil, water, lawns and crowns."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Field = NDArray[np.float32]
Rng = np.random.Generator


def smooth_grid(rng: Rng, cells: int, size_px: int) -> Field:
    """Return one octave of periodic noise: (size_px, size_px) float32, about unit variance."""
    grid = rng.standard_normal((cells, cells), dtype=np.float32)
    wrapped = np.pad(grid, 2, mode="wrap")
    box = (2, 2, 2 + cells, 2 + cells)
    picture = Image.fromarray(wrapped).resize((size_px, size_px), Image.Resampling.BICUBIC, box)
    return np.asarray(picture, dtype=np.float32)


def octaves(
    rng: Rng, size_px: int, *, coarse_cells: int = 2, octave_count: int = 5, falloff: float = 0.55
) -> Field:
    """Return a periodic sum of octaves, (size_px, size_px) float32 of mean 0 and deviation 1."""
    total = np.zeros((size_px, size_px), dtype=np.float32)
    weight, cells = 1.0, coarse_cells
    for _ in range(octave_count):
        if cells > size_px:
            break
        total += weight * smooth_grid(rng, cells, size_px)
        weight *= falloff
        cells *= 2
    total -= total.mean()
    total /= max(float(total.std()), 1e-6)
    return total


def enlarged(field: NDArray[np.float32], size_px: int) -> Field:
    """Return ``field`` resampled with a cubic filter to (size_px, size_px)."""
    picture = Image.fromarray(np.ascontiguousarray(field, dtype=np.float32))
    return np.asarray(
        picture.resize((size_px, size_px), Image.Resampling.BICUBIC), dtype=np.float32
    )


class NoiseBank:
    """Periodic noise of one size, computed once and handed out shifted and mirrored.

    Shifting a periodic field by a random amount gives one that looks unrelated at a hundredth of
    the cost of computing it anew.
    """

    def __init__(self, rng: Rng, size_px: int) -> None:
        self._rng = rng
        self.size_px = size_px
        half = octaves(rng, size_px // 2, coarse_cells=2, octave_count=8, falloff=0.62)
        self._broad = enlarged(half, size_px)
        cells = max(8, size_px // 32)
        fine = octaves(rng, size_px // 2, coarse_cells=cells, octave_count=4, falloff=0.75)
        self._fine = enlarged(fine, size_px)
        self._grain = rng.standard_normal((size_px, size_px), dtype=np.float32)

    def _shifted(self, field: Field) -> Field:
        down, right = self._rng.integers(0, self.size_px, 2)
        turned = field[::-1] if self._rng.random() < 0.5 else field
        turned = turned.T if self._rng.random() < 0.5 else turned
        return np.roll(turned, (int(down), int(right)), (0, 1))

    def broad(self) -> Field:
        """Return large patches with detail down to a few pixels."""
        return self._shifted(self._broad)

    def fine(self) -> Field:
        """Return detail of 4 to 32 px."""
        return self._shifted(self._fine)

    def grain(self) -> Field:
        """Return white noise."""
        return self._shifted(self._grain)

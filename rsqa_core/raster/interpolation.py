"""Values at places of an even grid, brought to every pixel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


def spread_over(maps: Array, height: int, width: int) -> Array:
    """Return (C, height, width) float32, linear between the centres of the (C, h, w) places."""
    above, below, down = _neighbours(height, maps.shape[1])
    left, right, along = _neighbours(width, maps.shape[2])
    across = maps[:, :, left] * (1 - along) + maps[:, :, right] * along
    sampled = across[:, above] * (1 - down)[:, None] + across[:, below] * down[:, None]
    return np.asarray(sampled, dtype=np.float32)


def _neighbours(
    count: int, places: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Return for each of ``count`` positions both neighbouring places and the second's share."""
    position: NDArray[np.float64] = (np.arange(count) + 0.5) * places / count - 0.5
    position = position.clip(0, places - 1)
    first = np.floor(position).astype(np.int64)
    return first, np.minimum(first + 1, places - 1), (position - first).astype(np.float32)

"""Even grids over an image, on which masks and probabilities of any size become comparable.

Two sizes are used: SOFT_SIDE for class shares and probabilities, from which candidates are compared
with one another, and CELL_SIDE for what the head looks at place by place.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

SOFT_SIDE = 64
CELL_SIDE = 8

Values = dict[str, float]
Cells = dict[str, Array]


class Described(NamedTuple):
    """One description as numbers of the whole candidate and as grids of CELL_SIDE squared."""

    values: Values
    cells: Cells


def pooled(values: NDArray[np.generic], side: int) -> Array:
    """Return the mean of (..., H, W) in each cell of a grid, (..., side, side) float32.

    Cells differ in size by one pixel at most. An image smaller than the grid is repeated, so that
    every cell holds a pixel.

    Example:
        >>> pooled(np.array([[0, 1], [1, 1]], dtype=bool), 1)
        array([[0.75]], dtype=float32)
    """
    height, width = values.shape[-2:]
    y, x = _edges(height, side), _edges(width, side)
    if height >= side and width >= side:
        # Truth values are counted: summing them as floats is several times slower.
        truth = values.dtype == np.bool_
        source = values.view(np.uint8) if truth else values
        kind = np.int32 if truth else np.float32
        summed = np.add.reduceat(source, y[:-1], axis=-2, dtype=kind)
        summed = np.add.reduceat(summed, x[:-1], axis=-1)
        areas = (np.diff(y)[:, None] * np.diff(x)).astype(np.float32)
        return np.asarray(summed / areas, dtype=np.float32)
    rows = np.minimum((np.arange(side) * height) // side, height - 1)
    columns = np.minimum((np.arange(side) * width) // side, width - 1)
    if height >= side:
        return pooled(values[..., columns], side)
    if width >= side:
        return pooled(values[..., rows, :], side)
    return np.asarray(values[..., rows[:, None], columns], dtype=np.float32)


def class_shares(mask: NDArray[np.uint8], class_count: int, side: int = SOFT_SIDE) -> Array:
    """Return the share of every class in every cell, (K, side, side); VOID belongs to none."""
    return np.stack([pooled(mask == k, side) for k in range(class_count)])


def coarser(values: Array, side: int = CELL_SIDE) -> Array:
    """Return (..., S, S) averaged to (..., side, side), where S is a multiple of ``side``."""
    step = values.shape[-1] // side
    shape = (*values.shape[:-2], side, step, side, step)
    means: Array = values.reshape(shape).mean(axis=(-3, -1))
    return means


def _edges(length: int, side: int) -> NDArray[np.int64]:
    return np.linspace(0, length, side + 1).astype(np.int64)

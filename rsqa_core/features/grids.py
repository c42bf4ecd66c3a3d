"""Even grids over an image, on which masks and probabilities of any size become comparable.

Two sizes are used: SOFT_SIDE for class shares and probabilities, from which candidates are compared
with one another, and CELL_SIDE for what the head looks at place by place.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import cv2
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
    if height == width == side:
        return np.asarray(values, dtype=np.float32)
    if height >= side and width >= side:
        flat = values.reshape(-1, height, width).swapaxes(0, 1).reshape(height, -1)
        across = _band_means(flat, side).reshape(-1, width)
        cells = _band_means(np.ascontiguousarray(across.T), side)
        by_map = np.ascontiguousarray(cells.reshape(side, side, -1).T)
        return by_map.reshape(*values.shape[:-2], side, side)
    rows = np.minimum((np.arange(side) * height) // side, height - 1)
    columns = np.minimum((np.arange(side) * width) // side, width - 1)
    if height >= side:
        return pooled(values[..., columns], side)
    if width >= side:
        return pooled(values[..., rows, :], side)
    return np.asarray(values[..., rows[:, None], columns], dtype=np.float32)


def class_shares(mask: NDArray[np.uint8], class_count: int, side: int = SOFT_SIDE) -> Array:
    """Return the share of every class in every cell, (K, side, side); VOID belongs to none."""
    if min(mask.shape) < side:
        return np.stack([pooled(mask == k, side) for k in range(class_count)])
    shares = shares_by_cell(mask, class_count, side, side)
    return np.ascontiguousarray(shares.transpose(2, 0, 1))


def shares_by_cell(mask: NDArray[np.uint8], class_count: int, rows: int, columns: int) -> Array:
    """Return the share of every class in each cell of an even grid, (rows, columns, K) float32.

    Pixels are counted once for all classes. A cell without a pixel, where the grid is finer than
    the mask, has none of any class.
    """
    kinds = class_count + 1
    codes = _cell_numbers(*mask.shape, rows, columns) * kinds + np.minimum(mask, class_count)
    counts = np.bincount(codes.ravel(), minlength=rows * columns * kinds)
    counts = counts.reshape(rows, columns, kinds)[..., :class_count]
    high, wide = (np.diff(_edges(n, m)) for n, m in zip(mask.shape, (rows, columns), strict=True))
    areas = np.maximum(high[:, None] * wide, 1).astype(np.float32)
    return np.asarray(counts / areas[..., None], dtype=np.float32)


def coarser(values: Array, side: int = CELL_SIDE) -> Array:
    """Return (..., S, S) averaged to (..., side, side), where S is a multiple of ``side``."""
    step = values.shape[-1] // side
    shape = (*values.shape[:-2], side, step, side, step)
    means: Array = values.reshape(shape).mean(axis=(-3, -1))
    return means


@lru_cache(maxsize=64)
def _edges(length: int, side: int) -> NDArray[np.int64]:
    return np.linspace(0, length, side + 1).astype(np.int64)


def _band_means(values: NDArray[np.generic], side: int) -> Array:
    """Return the mean of each column of (H, N) in ``side`` even bands of rows, (side, N) float32.

    OpenCV passes over each band once. A product with a matrix of 0 and 1 would wait for the threads
    of its library where other processes keep the cores busy.
    """
    summed: NDArray[np.uint8] | Array
    if values.dtype in (np.bool_, np.uint8):
        summed = values.view(np.uint8)
    else:
        summed = values.astype(np.float32, copy=False)
    edges = _edges(values.shape[0], side)
    sums = [
        cv2.reduce(summed[top:bottom], 0, cv2.REDUCE_SUM, dtype=cv2.CV_32F)
        for top, bottom in pairwise(edges)
    ]
    means: Array = np.concatenate(sums) / np.diff(edges).astype(np.float32)[:, None]
    return means


@lru_cache(maxsize=8)
def _cell_numbers(height: int, width: int, rows: int, columns: int) -> NDArray[np.int64]:
    """Return the number of the cell that each pixel lies in, (height, width), row by row."""
    row, column = (
        np.searchsorted(_edges(length, cells), np.arange(length), side="right") - 1
        for length, cells in ((height, rows), (width, columns))
    )
    numbers: NDArray[np.int64] = row[:, None] * columns + column
    return numbers

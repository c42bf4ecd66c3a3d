"""Grids over images: cells against plain loops, for sizes that do not divide too."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from rsqa_core.features.grids import class_shares, coarser, pooled
from rsqa_core.records import VOID


def naive_pooled(values: NDArray[np.generic], side: int) -> NDArray[np.float64]:
    """The mean of each cell in loops; a cell of a small image takes the pixel that it lies on."""
    height, width = values.shape
    means = np.empty((side, side))
    for row in range(side):
        for column in range(side):
            top, bottom = row * height // side, (row + 1) * height // side
            left, right = column * width // side, (column + 1) * width // side
            cell = values[top : max(bottom, top + 1), left : max(right, left + 1)]
            means[row, column] = np.mean([float(value) for value in cell.ravel()])
    return means


@pytest.mark.parametrize(
    "shape",
    [(16, 16), (13, 17), (8, 8), (9, 64), (3, 5), (1, 1), (3, 20), (20, 3), (7, 8)],
    ids=lambda shape: f"{shape[0]}x{shape[1]}",
)
def test_cells_equal_a_plain_loop_whatever_the_size(shape: tuple[int, int]) -> None:
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)

    cells = pooled(values, 8)

    assert cells.dtype == np.float32
    assert cells == pytest.approx(naive_pooled(values, 8), abs=1e-5)


@pytest.mark.parametrize("shape", [(13, 17), (3, 5)])
def test_truths_are_counted(shape: tuple[int, int]) -> None:
    where = np.random.default_rng(1).random(shape) < 0.4

    cells = pooled(where, 8)

    assert cells.dtype == np.float32
    assert cells == pytest.approx(naive_pooled(where, 8), abs=1e-6)


def test_small_whole_numbers_do_not_overflow() -> None:
    assert pooled(np.full((32, 32), 200, dtype=np.uint8), 2).tolist() == [[200.0] * 2] * 2


def test_every_map_of_a_stack_is_pooled_alone() -> None:
    stack = np.random.default_rng(2).normal(size=(2, 3, 11, 6)).astype(np.float32)

    cells = pooled(stack, 4)

    assert cells.shape == (2, 3, 4, 4)
    for first in range(2):
        for second in range(3):
            expected = naive_pooled(stack[first, second], 4)
            assert cells[first, second] == pytest.approx(expected, abs=1e-5)


def test_coarser_cells_are_means_of_finer_ones() -> None:
    fine = np.random.default_rng(3).normal(size=(2, 16, 16)).astype(np.float32)

    coarse = coarser(fine, 4)

    assert coarse.shape == (2, 4, 4)
    for index in range(2):
        assert coarse[index] == pytest.approx(naive_pooled(fine[index], 4), abs=1e-6)


def test_shares_of_classes_leave_void_out() -> None:
    mask = np.array([[0, 1, 2, 2], [0, 0, 2, 2], [VOID, VOID, 1, 1], [VOID, 0, 1, 0]], np.uint8)

    shares = class_shares(mask, 3, side=2)

    assert shares.tolist() == [
        [[0.75, 0.0], [0.25, 0.25]],
        [[0.25, 0.0], [0.0, 0.75]],
        [[0.0, 1.0], [0.0, 0.0]],
    ]
    assert shares.sum(axis=0).tolist() == [[1.0, 1.0], [0.25, 1.0]]  # the rest is VOID

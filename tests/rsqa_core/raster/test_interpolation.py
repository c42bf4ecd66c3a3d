"""Values of a grid at every pixel, against interpolation in one direction after the other."""

from __future__ import annotations

import numpy as np
import pytest

from rsqa_core.raster.interpolation import spread_over


def test_values_are_spread_linearly_between_centres() -> None:
    cells = np.array([[[0.0, 1.0], [2.0, 3.0]]], dtype=np.float32)

    spread = spread_over(cells, 2, 4)

    # Centres of four pixels over two cells lie at 0.25, 0.75, 1.25 and 1.75 cells; the outer ones
    # are beyond the centres of the cells, 0.5 and 1.5.
    assert spread[0].tolist() == [[0.0, 0.25, 0.75, 1.0], [2.0, 2.25, 2.75, 3.0]]


def test_spreading_over_the_same_size_changes_nothing_and_a_flat_map_stays_flat() -> None:
    cells = np.random.default_rng(4).normal(size=(3, 5, 5)).astype(np.float32)

    assert np.array_equal(spread_over(cells, 5, 5), cells)
    assert spread_over(np.full((1, 4, 4), 0.25, np.float32), 7, 9) == pytest.approx(0.25)


def test_spread_values_equal_interpolation_in_one_direction_after_the_other() -> None:
    cells = np.random.default_rng(5).normal(size=(4, 3)).astype(np.float32)
    y = (np.arange(11) + 0.5) * 4 / 11 - 0.5
    x = (np.arange(7) + 0.5) * 3 / 7 - 0.5
    rows = np.stack([np.interp(y, np.arange(4), column) for column in cells.T], axis=1)
    expected = np.stack([np.interp(x, np.arange(3), row) for row in rows])

    assert spread_over(cells[None], 11, 7)[0] == pytest.approx(expected, abs=1e-5)


def test_places_between_centres_are_interpolated() -> None:
    row = np.array([[[0.0, 1.0]]], dtype=np.float32)

    assert spread_over(row, 1, 4)[0, 0].tolist() == pytest.approx([0, 0.25, 0.75, 1])
    assert spread_over(row, 2, 2)[0].tolist() == [[0, 1], [0, 1]]

"""Curves of deletion: what a map must show to count as faithful."""

from __future__ import annotations

import numpy as np
import pytest

from rsqa_core.heads.deletion import delete_cells

EFFECTS = np.array([0.01, 0.2, -0.03, 0.02])
"""Without the second cell, most of the score is gone."""


def test_the_decisive_cell_is_gone_first_and_costs_most() -> None:
    found = delete_cells(EFFECTS, EFFECTS)

    assert found.by_map == pytest.approx([0.0, 0.2, 0.22, 0.23, 0.2])
    assert found.after(0.25) == (pytest.approx(0.2), pytest.approx(0.05, abs=0.02))
    assert found.faithfulness == pytest.approx(1.0)


def test_random_orders_cost_the_mean_and_end_at_the_same_score() -> None:
    found = delete_cells(EFFECTS, EFFECTS)

    assert found.by_chance == pytest.approx(np.linspace(0, 0.2, 5), abs=0.02)
    assert found.by_chance[-1] == pytest.approx(found.by_map[-1])
    assert (found.chance_low <= found.by_chance + 1e-12).all()
    assert (found.by_chance <= found.chance_high + 1e-12).all()
    assert found.chance_low[1] == pytest.approx(-0.03)


def test_a_map_that_says_the_contrary_is_worse_than_chance() -> None:
    found = delete_cells(-EFFECTS, EFFECTS)

    assert found.faithfulness is not None
    assert found.faithfulness < -0.5
    assert found.by_map[1] == pytest.approx(-0.03)


def test_a_map_in_part_right_lies_between() -> None:
    found = delete_cells(np.array([1.0, 0.9, 0.0, 0.0]), EFFECTS)

    assert found.faithfulness is not None
    assert 0.2 < found.faithfulness < 0.95


def test_cells_of_one_weight_have_no_order() -> None:
    found = delete_cells(np.zeros(4), EFFECTS)

    assert found.by_map == pytest.approx(np.linspace(0, 0.2, 5))
    assert found.faithfulness == pytest.approx(0.0, abs=0.1)


def test_where_no_cell_differs_from_another_nothing_is_claimed() -> None:
    assert delete_cells(EFFECTS, np.full(4, 0.1)).faithfulness is None


def test_the_same_seed_draws_the_same_orders() -> None:
    first, again, other = (delete_cells(EFFECTS, EFFECTS, seed=seed) for seed in (1, 1, 2))

    assert np.array_equal(first.by_chance, again.by_chance)
    assert not np.array_equal(first.by_chance, other.by_chance)

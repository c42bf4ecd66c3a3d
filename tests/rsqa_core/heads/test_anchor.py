"""The first guess: weighted log odds of what is there, and always a number."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from rsqa_core.features.names import CELL_NAMES, FEATURE_NAMES
from rsqa_core.heads.anchor import ALONE, OF_CANDIDATE, OF_CELL, UNKNOWN, anchor, logit

Array = NDArray[np.float32]


def nothing(count: int = 1, places: int = 3) -> tuple[Array, Array]:
    """Rows and cells of which nothing is known."""
    return (
        np.full((count, len(FEATURE_NAMES)), np.nan, dtype=np.float32),
        np.full((count, places, len(CELL_NAMES)), np.nan, dtype=np.float32),
    )


def odds(value: float) -> float:
    return math.log(value / (1 - value))


def test_log_odds_are_cut_at_the_edges() -> None:
    found = logit(np.array([0.0, 0.01, 0.02, 0.5, 0.8, 0.99, 1.0, 7.0]))

    edge = odds(0.98)
    assert found == pytest.approx([-edge, -edge, -edge, 0.0, odds(0.8), edge, edge, edge])


def test_everything_that_is_there_counts_by_its_weight() -> None:
    rows, cells = nothing(places=2)
    in_cells = {"consensus": (0.9, 0.3), "region": (0.5, 0.6), "peers": (0.8, 0.4)}
    of_all = {"consensus_accuracy": 0.7, "region_agreement": 0.6, "peer_mean": 0.85}
    for name, values in in_cells.items():
        cells[0, :, CELL_NAMES.index(name)] = values
    for name, value in of_all.items():
        rows[0, FEATURE_NAMES.index(name)] = value

    guess = anchor(rows, cells)

    assert guess.dtype == np.float32
    for place in range(2):
        total = sum(OF_CELL[name] * odds(values[place]) for name, values in in_cells.items())
        total += sum(OF_CANDIDATE[name] * odds(value) for name, value in of_all.items())
        weight = sum(OF_CELL.values()) + sum(OF_CANDIDATE.values())
        assert guess[0, place] == pytest.approx(total / weight, rel=1e-5)


def test_what_is_missing_leaves_its_weight_to_the_rest() -> None:
    rows, cells = nothing()
    cells[0, 0, CELL_NAMES.index("consensus")] = 0.9  # in the first cell alone
    rows[0, FEATURE_NAMES.index("peer_mean")] = 0.6

    guess = anchor(rows, cells)

    own, of_all = OF_CELL["consensus"], OF_CANDIDATE["peer_mean"]
    mixed = (own * odds(0.9) + of_all * odds(0.6)) / (own + of_all)
    assert guess[0] == pytest.approx([mixed, odds(0.6), odds(0.6)], rel=1e-5)


def test_alone_it_is_what_the_segmenter_says_and_without_that_a_fixed_guess() -> None:
    rows, cells = nothing(count=2)
    rows[0, FEATURE_NAMES.index(ALONE)] = 0.9

    guess = anchor(rows, cells)

    assert guess[0] == pytest.approx([odds(0.9)] * 3, rel=1e-5)
    assert guess[1] == pytest.approx([odds(UNKNOWN)] * 3, rel=1e-5)


def test_the_segmenters_word_does_not_count_beside_the_others() -> None:
    rows, cells = nothing()
    rows[0, FEATURE_NAMES.index("peer_mean")] = 0.6
    before = anchor(rows, cells)
    rows[0, FEATURE_NAMES.index(ALONE)] = 0.9

    assert np.array_equal(anchor(rows, cells), before)


def test_whatever_is_missing_or_wild_the_guess_is_a_number() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(scale=1e3, size=(40, len(FEATURE_NAMES))).astype(np.float32)
    cells = rng.normal(scale=1e3, size=(40, 4, len(CELL_NAMES))).astype(np.float32)
    rows[rng.random(rows.shape) < 0.6] = np.nan
    cells[rng.random(cells.shape) < 0.6] = np.inf

    guess = anchor(rows, cells)

    assert guess.shape == (40, 4)
    assert np.isfinite(guess).all()
    assert np.abs(guess).max() <= odds(0.98) + 1e-5

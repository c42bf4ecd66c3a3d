"""Where a candidate is probably wrong: fitted weights, and a map that is its score laid out."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize

from rsqa_core.features.grids import CELL_SIDE
from rsqa_core.heads.anchor import logit
from rsqa_core.heads.error_map import (
    DEFAULT_WEIGHTS,
    fit_pixel_weights,
    predict_errors,
    probability_of_mask,
)
from rsqa_core.records import VOID

WEIGHTS = np.array([-0.5, 0.8, 0.4])


def test_planted_weights_are_found() -> None:
    rng = np.random.default_rng(0)
    by_cell, own = rng.uniform(0.05, 0.95, (2, 60_000))
    odds = WEIGHTS[0] - WEIGHTS[1] * logit(by_cell) - WEIGHTS[2] * logit(own)
    wrong = rng.random(len(own)) < 1 / (1 + np.exp(-odds))

    assert fit_pixel_weights(by_cell, own, wrong) == pytest.approx(WEIGHTS, abs=0.05)


@pytest.mark.parametrize("count", [40, 4000])
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_pixels_without_a_doubt_give_the_penalised_optimum(count: int, share: float) -> None:
    rng = np.random.default_rng(1)
    by_cell, own = rng.uniform(0.05, 0.95, (2, count))
    wrong = own < share  # told apart without an error: likelihood alone has no optimum
    terms = np.stack([np.ones(count), -logit(by_cell), -logit(own)], axis=1)
    sign = np.where(wrong, 1.0, -1.0)

    def loss(weights: np.ndarray) -> float:  # type: ignore[type-arg]
        gap = weights - np.array(DEFAULT_WEIGHTS)
        return float(np.logaddexp(0, -sign * (terms @ weights)).sum() + gap @ gap / 2)

    found = fit_pixel_weights(by_cell, own, wrong)

    assert np.isfinite(found).all()
    best = optimize.minimize(loss, np.array(DEFAULT_WEIGHTS), method="BFGS")
    assert loss(np.array(found)) <= best.fun + 1e-4 * (1 + abs(best.fun))


def test_without_pixels_the_weights_stay() -> None:
    none = np.zeros(0)

    assert fit_pixel_weights(none, none, none > 0) == pytest.approx(DEFAULT_WEIGHTS)


@pytest.mark.parametrize("score", [0.0, 0.1, 0.73, 1.0])
def test_the_mean_of_the_map_is_one_minus_the_score(score: float) -> None:
    rng = np.random.default_rng(2)
    mask = rng.integers(0, 3, size=(20, 30)).astype(np.uint8)
    own = rng.random((20, 30)).astype(np.float32)

    found = predict_errors(mask, rng.random(CELL_SIDE**2), own, score)

    assert found.shape == (20, 30)
    assert float(found.mean()) == pytest.approx(1 - score, abs=1e-4)
    assert 0.0 <= found.min() <= found.max() <= 1.0


def test_what_is_not_labelled_is_wrong_for_certain() -> None:
    mask = np.zeros((16, 16), dtype=np.uint8)
    mask[:4] = VOID

    found = predict_errors(mask, np.full(64, 0.8), np.full((16, 16), 0.7, np.float32), 0.6)

    assert (found[:4] == 1.0).all()
    assert found[4:] == pytest.approx((0.4 * 256 - 64) / 192, abs=1e-5)


def test_the_consensus_of_the_own_class_is_taken_pixel_by_pixel() -> None:
    together = np.array([[[0.9, 0.2]], [[0.1, 0.8]]], dtype=np.float32)

    own = probability_of_mask(together, np.array([[0, 0], [1, 1]], dtype=np.uint8))

    assert own == pytest.approx(np.array([[0.9, 0.2], [0.1, 0.8]]))

"""Further targets: weights that come back, and what is missing left out."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rsqa_core.features.names import FEATURE_NAMES
from rsqa_core.heads.further_targets import (
    BOUNDARY_F1,
    GUESSES,
    MEAN_IOU,
    fit_target,
    predict_class_iou,
    predict_target,
)

WEIGHTS = (-0.4, 0.7, 0.5, -0.2)


def odds(value: float) -> float:
    return math.log(value / (1 - value))


def sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def planted(count: int = 1500) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    rng = np.random.default_rng(0)
    score, guesses = rng.uniform(0.1, 0.9, count), rng.uniform(0.1, 0.9, (count, 2))
    target = [
        sigmoid(WEIGHTS[0] + sum(w * odds(v) for w, v in zip(WEIGHTS[1:], (s, *g), strict=True)))
        for s, g in zip(score, guesses, strict=True)
    ]
    return score, guesses, np.array(target)


def test_planted_weights_are_found() -> None:
    assert fit_target(*planted()) == pytest.approx(WEIGHTS, abs=0.01)


def test_a_missing_guess_or_target_is_left_out() -> None:
    score, guesses, target = planted(300)
    kept = fit_target(score[20:], guesses[20:], target[20:])
    guesses[:10, 1] = np.nan
    target[10:20] = np.nan

    assert fit_target(score, guesses, target) == pytest.approx(kept)


def test_few_labels_keep_the_weights_small_but_the_constant_free() -> None:
    score, guesses, _ = planted(4)

    weights = fit_target(score, guesses, np.full(4, 0.9))

    assert weights == pytest.approx((odds(0.9), 0.0, 0.0, 0.0), abs=1e-6)


@pytest.mark.parametrize("name", [MEAN_IOU, BOUNDARY_F1])
def test_a_prediction_is_a_weighted_sum_of_log_odds(name: str) -> None:
    rows = np.full((2, len(FEATURE_NAMES)), np.nan, dtype=np.float32)
    first, second = (FEATURE_NAMES.index(guess) for guess in GUESSES[name])
    rows[0, [first, second]] = 0.6, 0.3
    rows[1, first] = 0.6

    found = predict_target(name, WEIGHTS, np.array([0.8, 0.8]), rows)

    expected = WEIGHTS[0] + WEIGHTS[1] * odds(0.8) + WEIGHTS[2] * odds(0.6) + WEIGHTS[3] * odds(0.3)
    assert found[0] == pytest.approx(sigmoid(expected), rel=1e-5)
    assert np.isnan(found[1])


def test_the_iou_of_each_class_is_predicted_where_the_consensus_shows_it() -> None:
    guess = np.array([[0.6, np.nan, 0.2], [0.9, 0.5, np.nan]], dtype=np.float32)

    found = predict_class_iou((0.1, 0.5, 0.8), np.array([0.8, 0.4]), guess)

    assert found.shape == (2, 3)
    assert np.isnan(found).tolist() == [[False, True, False], [False, False, True]]
    assert found[0, 2] == pytest.approx(sigmoid(0.1 + 0.5 * odds(0.8) + 0.8 * odds(0.2)), rel=1e-5)
    assert found[1, 1] == pytest.approx(sigmoid(0.1 + 0.5 * odds(0.4)), rel=1e-5)


def test_wild_weights_stay_in_range() -> None:
    found = predict_class_iou((-900.0, 0.0, 0.0), np.array([0.5]), np.array([[0.5]]))

    assert found.tolist() == [[0.0]]

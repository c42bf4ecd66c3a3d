from __future__ import annotations

import numpy as np
import pytest

from rsqa_core.heads.prediction import Prediction, members_apart


def test_members_are_compared_within_their_fold_alone() -> None:
    # Folds differ by 0.4; within them the first candidate's members by 0.1 and by 0.3.
    each = np.array([[0.1, 0.5], [0.2, 0.5], [0.5, 0.9], [0.8, 0.9]])

    apart = members_apart(each, np.array([0, 0, 1, 1]))

    assert apart == pytest.approx([(0.05 + 0.15) / 2, 0.0])
    assert members_apart(each[:2], np.array([0, 0])) == pytest.approx([0.05, 0.0])


def test_folds_of_one_member_say_nothing_of_how_sure_they_are() -> None:
    assert members_apart(np.array([[0.1], [0.9]]), np.array([0, 1])) == pytest.approx([0.0])


def test_a_scaled_interval_is_not_narrowed_by_an_end_that_was_cut() -> None:
    score = np.array([0.5, 0.95, 0.04])
    low, high = np.array([0.3, 0.75, 0.0]), np.array([0.7, 1.0, 0.24])
    zero = np.zeros(3)
    predicted = Prediction(score, low, high, zero, zero[:, None], score)

    for factor, ends in (
        (0.5, ([0.4, 0.85, 0.0], [0.6, 1.0, 0.14])),
        (1.0, (low, high)),
        (np.array([2.0, 1.0, 2.0]), ([0.1, 0.75, 0.0], [0.9, 1.0, 0.44])),
    ):
        np.testing.assert_allclose(predicted.interval_scaled(factor), ends, atol=1e-12)

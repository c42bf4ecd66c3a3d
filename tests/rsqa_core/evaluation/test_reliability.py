"""Coverage, gain curves and pixel errors beside counted cases and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from rsqa_core.evaluation.reliability import (
    ERROR_BINS,
    Coverage,
    average_precision,
    coverage,
    coverage_by_group,
    error_histogram,
    found_against_reviewed,
    quality_bins,
    worst_group,
)


def test_coverage_by_hand() -> None:
    low, high = np.array([0.1, 0.5, 0.4, np.nan]), np.array([0.3, 0.6, 0.8, np.nan])
    target = np.array([0.2, 0.7, 0.4, 0.5])

    found = coverage(low, high, target)

    assert found == Coverage(pytest.approx(2 / 3), pytest.approx(0.7 / 3), 3)  # type: ignore[arg-type]
    assert coverage(low[3:], high[3:], target[3:]) is None
    by_group = coverage_by_group(low, high, target, np.array(["a", "a", "b", "c"]))
    assert {name: (g.coverage, g.n) for name, g in by_group.items()} == {
        "a": (0.5, 2),
        "b": (1.0, 1),
    }


def test_the_worst_group_is_one_of_the_large_ones() -> None:
    groups = {"a": Coverage(0.9, 0.1, 40), "b": Coverage(0.7, 0.1, 40), "c": Coverage(0.0, 0.1, 3)}

    assert worst_group(groups) == ("b", groups["b"])
    assert worst_group({"c": groups["c"]}) is None


def test_bins_of_quality_hold_their_ends() -> None:
    found = quality_bins(np.array([0.0, 0.39, 0.4, 0.95, 1.0]))

    assert found.tolist() == ["0.0-0.4", "0.0-0.4", "0.4-0.5", "0.9-1.0", "0.9-1.0"]


def test_worst_predicted_come_first_and_ties_count_by_their_mean() -> None:
    reviewed, found = found_against_reviewed(
        np.array([0.9, 0.2, 0.5, 0.5, np.nan]), np.array([False, True, True, False, True])
    )

    assert reviewed.tolist() == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert found.tolist() == [0.0, 0.5, 0.75, 1.0, 1.0]
    assert np.isnan(found_against_reviewed(np.array([0.5]), np.array([False]))[1]).all()


def test_average_precision_of_counts_is_that_of_pixels() -> None:
    rng = np.random.default_rng(0)
    wrong = rng.random((40, 40)) < 0.2
    score = np.clip(0.3 * wrong + 0.7 * rng.random((40, 40)), 0, 1)
    score = np.round(score * (ERROR_BINS - 1)) / (ERROR_BINS - 1)
    valid = rng.random((40, 40)) < 0.9

    counts = error_histogram(score, wrong, valid)

    assert counts.sum() == valid.sum()
    expected = average_precision_score(wrong[valid], score[valid])
    assert average_precision(counts[None])[0] == pytest.approx(expected)
    assert np.isnan(average_precision(np.zeros((1, 2, 4)))[0])

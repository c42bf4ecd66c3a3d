from __future__ import annotations

import krippendorff
import numpy as np
import pytest

from rsqa_core.errors import InvalidInputError
from rsqa_core.evaluation.reviewers import reviewer_agreement


def test_alpha_is_one_minus_observed_over_expected_disagreement() -> None:
    found = reviewer_agreement(
        ["ada", "bob"] * 3, [1, 1, 2, 2, 3, 3], [7, 7, 8, 8, 9, 9], [0.2, 0.3, 0.5, 0.5, 0.9, 0.8]
    )

    values = np.array([0.2, 0.3, 0.5, 0.5, 0.9, 0.8])
    observed = np.mean((values[::2] - values[1::2]) ** 2)
    expected = np.mean([(a - b) ** 2 for i, a in enumerate(values) for b in np.delete(values, i)])
    assert found is not None
    assert found.alpha == pytest.approx(1 - observed / expected)
    assert found.mean_difference == pytest.approx(0.2 / 3)
    assert (found.candidates, found.images) == (3, 3)
    assert found.low is not None
    assert found.high is not None
    assert found.low <= found.alpha <= found.high <= 1


def test_alpha_is_that_of_the_library_whoever_scored_what() -> None:
    rng = np.random.default_rng(0)
    table = np.clip(rng.uniform(0.2, 0.9, 40) + rng.normal(0, 0.2, (4, 40)), 0, 1).round(2)
    table[rng.random(table.shape) < 0.4] = np.nan
    who, what = np.nonzero(np.isfinite(table))

    found = reviewer_agreement(
        [f"reviewer {row}" for row in who], list(what), list(what), list(table[who, what])
    )

    assert found is not None
    assert found.alpha == pytest.approx(
        krippendorff.alpha(reliability_data=table, level_of_measurement="interval")
    )


def test_the_last_score_of_a_reviewer_counts_and_lone_ones_do_not() -> None:
    found = reviewer_agreement(
        ["ada", "bob", "ada", "ada", "bob"],
        [1, 1, 1, 2, 3],
        [1, 1, 1, 1, 1],
        [0.9, 0.5, 0.4, 0.1, 0.2],
    )

    assert found is not None
    assert (found.candidates, found.images) == (1, 1)
    assert found.mean_difference == pytest.approx(0.1)
    assert found.low is None  # one image says nothing of others


def test_the_interval_comes_from_images() -> None:
    rng = np.random.default_rng(0)
    quality = rng.uniform(0.2, 0.9, 60)
    other = np.clip(quality + rng.normal(0, 0.1, 60), 0, 1)
    candidates = np.arange(60)
    both = (["ada"] * 60 + ["bob"] * 60, [*candidates, *candidates])
    scores = [*quality, *other]

    by_images = reviewer_agreement(*both, [*candidates // 10, *candidates // 10], scores)
    by_candidates = reviewer_agreement(*both, [*candidates, *candidates], scores)

    assert by_images is not None
    assert by_candidates is not None
    assert by_images.alpha == by_candidates.alpha
    assert (by_images.low, by_images.high) != (by_candidates.low, by_candidates.high)


@pytest.mark.parametrize(
    ("reviewers", "scores"), [(["ada", "ada"], [0.1, 0.5]), (["ada", "bob"], [0.5, 0.5]), ([], [])]
)
def test_without_two_opinions_there_is_no_agreement(
    reviewers: list[str], scores: list[float]
) -> None:
    ids = list(range(len(scores))) if reviewers[:1] == reviewers[1:] else [1] * len(scores)
    assert reviewer_agreement(reviewers, ids, ids, scores) is None


def test_wrong_input_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="as many"):
        reviewer_agreement(["ada"], [1, 2], [1, 2], [0.1, 0.2])
    with pytest.raises(InvalidInputError, match="finite"):
        reviewer_agreement(["ada"], [1], [1], [float("nan")])

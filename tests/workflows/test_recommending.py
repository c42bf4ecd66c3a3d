from __future__ import annotations

from typing import Any

import pytest

from rsqa_core.records import (
    ACCEPTABLE_ACCURACY,
    INTERVAL_COVERAGE,
    Candidate,
    Score,
    ScoredCandidate,
)
from workflows.recommending import Advice, BestMargin, advise, best_margin, interval_coverage


def scored(*values: float | None, half: float = 0.1) -> list[ScoredCandidate]:
    """Candidates 1, 2, ... with these scores; None is unscored."""
    return [
        ScoredCandidate(
            Candidate(
                image_id=1, segmenter=f"s{i}", mask_path="", mask_sha256="", area_shares=(), id=i
            ),
            None if v is None else Score(i, "head", v, max(0.0, v - half), min(1.0, v + half)),
        )
        for i, v in enumerate(values, start=1)
    ]


def test_candidates_within_the_margin_of_the_best_may_be_best() -> None:
    advice = advise(scored(0.875, 0.75, 0.5, None), BestMargin(0.125, 0.1))
    assert advice == Advice(1, {1: True, 2: True, 3: False}, none_acceptable=False)


def test_without_a_margin_only_the_best_predicted_is_named() -> None:
    assert advise(scored(0.7, 0.9), None) == Advice(2, None, none_acceptable=False)


def test_without_scores_nothing_is_advised() -> None:
    assert advise(scored(None, None), BestMargin(0.1, None)) == Advice(
        None, {}, none_acceptable=False
    )
    assert advise([], None) == Advice(None, None, none_acceptable=False)


@pytest.mark.parametrize(("below", "hopeless"), [(0.01, True), (0.0, False), (-0.01, False)])
def test_none_is_acceptable_when_even_the_best_interval_ends_too_low(
    below: float, hopeless: bool
) -> None:
    half = 0.25
    best = ACCEPTABLE_ACCURACY - half - below
    advice = advise(scored(best, best / 2, half=half), BestMargin(0.05, 0.1))
    assert advice.none_acceptable is hopeless
    assert advice.recommended_id == (None if hopeless else 1)


@pytest.mark.parametrize(
    ("metrics", "expected"),
    [
        ({}, None),
        ({"best_margin": 0.05, "best_risk": 0.1}, BestMargin(0.05, 0.1)),
        ({"best_margin": 0, "best_risk": 7}, BestMargin(0.0, None)),
        ({"best_margin": -0.1}, None),
        ({"best_margin": "wide"}, None),
        ({"best_margin": True}, None),
        ({"best_margin": float("nan")}, None),
    ],
)
def test_a_margin_is_read_only_where_it_makes_sense(
    metrics: dict[str, Any], expected: BestMargin | None
) -> None:
    assert best_margin(metrics) == expected


@pytest.mark.parametrize("stated", [None, 0.0, 1.0, "most", float("nan"), True])
def test_a_head_that_states_no_sensible_coverage_has_the_common_one(stated: Any) -> None:
    assert interval_coverage({"interval_coverage": stated}) == INTERVAL_COVERAGE
    assert interval_coverage({"interval_coverage": 0.8}) == 0.8

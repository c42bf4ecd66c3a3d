"""Paces, drift and what is still to be found, from verdicts made by hand."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from rsqa_core.records import NINETY_PERCENT_Z, Score, Verdict, VerdictKind
from workflows.review_progress import (
    DRIFT_WINDOW,
    by_day,
    disputes,
    drift,
    found_so_far,
    hours_left,
    paces,
)

NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


def said(
    reviewer: str,
    image_id: int,
    score: float | None = 0.5,
    kind: VerdictKind = "confirm",
    **more: Any,
) -> Verdict:
    values = {"time_spent_s": 10.0, "created_at": NOON, "score_shown": None} | more
    return Verdict(
        id=str(uuid.uuid4()),
        project_id=1,
        image_id=image_id,
        reviewer=reviewer,
        kind=kind,
        candidate_id=None if score is None else 10 * image_id,
        score=score,
        **values,
    )


def score(value: float, half: float, candidate_id: int = 1) -> Score:
    return Score(candidate_id, "base", value, value - half, value + half)


def test_a_pace_counts_decisions_and_the_time_they_took() -> None:
    later = NOON + dt.timedelta(hours=1)
    found = paces(
        [
            said("ada", 1, 0.7, score_shown=0.6),
            said("ada", 1, 0.9, time_spent_s=20.0, score_shown=0.6),
            said("ada", 2, None, "skip", time_spent_s=3000.0, created_at=later),
            said("ada", 3, None, "note"),
            said("bob", 1, time_spent_s=0.0),
        ]
    )

    assert [one.reviewer for one in found] == ["ada", "bob"]
    ada, bob = found
    assert (ada.images, ada.labels, ada.seconds, ada.last) == (2, 2, 20.0, later)
    assert ada.an_hour == pytest.approx(3 * 3600 / 330)  # nobody looks at an image for an hour
    assert ada.bias == pytest.approx(0.2)
    assert (bob.images, bob.seconds, bob.an_hour, bob.bias) == (1, None, None, None)


def test_what_is_left_takes_as_long_as_what_was_done() -> None:
    verdicts = [said("ada", n, time_spent_s=36.0) for n in range(3)]
    verdicts += [said("bob", n, time_spent_s=18.0) for n in range(3, 6)]

    assert hours_left(paces(verdicts), 60) == pytest.approx(60 * 27 / 3600)
    assert hours_left([], 60) is None


def test_drift_is_the_mean_distance_in_a_moving_window() -> None:
    verdicts = [
        said("ada", n, 0.5, score_shown=0.5 if n < DRIFT_WINDOW else 0.7)
        for n in range(DRIFT_WINDOW + 2)
    ]
    verdicts += [said("bob", n, score_shown=0.5) for n in range(DRIFT_WINDOW - 1)]

    found = drift(verdicts)

    assert list(found) == ["ada"]
    numbers, gaps = zip(*found["ada"], strict=True)
    assert numbers == (DRIFT_WINDOW, DRIFT_WINDOW + 1, DRIFT_WINDOW + 2)
    assert gaps == pytest.approx((0.0, 0.2 / DRIFT_WINDOW, 0.4 / DRIFT_WINDOW))


def test_found_images_are_counted_in_the_order_of_their_decision() -> None:
    verdicts = [
        said("ada", 1, 0.9),
        said("ada", 2, 0.3),
        said("ada", 3, None, "none_acceptable"),
        said("ada", 4, 0.2),
        said("ada", 4, 0.8),  # another candidate of the image will do
        said("ada", 5, None, "skip"),
    ]

    found = found_so_far(verdicts, {}, acceptable=0.6)

    assert found.found == (0, 0, 1, 2, 2)
    assert (found.expected, found.low, found.high, found.open_images) == (0.0, 0.0, 0.0, 0)


def test_what_is_expected_follows_from_scores_and_intervals() -> None:
    best = {1: score(0.6, 0.2), 2: score(0.8, 0.2), 3: score(0.3, 0.0), 9: score(0.1, 0.1)}

    found = found_so_far([said("ada", 9, 0.1)], best, acceptable=0.6)

    # One half; what lies beyond 1.645 deviations; certainly; and one that was decided on.
    assert found.expected == pytest.approx(0.5 + 0.05 + 1.0, abs=1e-3)
    spread = NINETY_PERCENT_Z * (0.25 + 0.05 * 0.95) ** 0.5
    assert found.low == pytest.approx(found.expected - spread, abs=1e-3)
    assert found.high == pytest.approx(found.expected + spread, abs=1e-3)
    assert found.open_images == 3


def test_disputes_are_ranked_by_their_widest_gap() -> None:
    given = [
        said("ada", 1, 0.9, score_shown=0.8),
        said("bob", 1, 0.4, score_shown=0.6),
        said("ada", 2, 0.5),
        said("bob", 2, 0.5),
        said("ada", 3, 0.1, score_shown=0.9),
    ]

    among = disputes(given, with_head=False)
    with_head = disputes(given, with_head=True)

    assert [(one.image_id, one.candidate_id) for one in among] == [(1, 10)]
    assert among[0].scores == {"ada": 0.9, "bob": 0.4}
    assert among[0].gap == pytest.approx(0.5)
    assert among[0].head == pytest.approx(0.7)
    assert [one.image_id for one in with_head] == [3, 1]
    assert [one.gap for one in with_head] == pytest.approx([0.8, 0.3])


def test_days_are_those_of_the_reader() -> None:
    late = dt.datetime(2026, 3, 1, 23, 30)  # a database without zones means UTC
    verdicts = [said("ada", 1, created_at=late), said("ada", 2), said("bob", 3, None, "note")]

    assert by_day(verdicts, dt.UTC) == {(dt.date(2026, 3, 1), "ada"): 2}
    assert by_day(verdicts, ZoneInfo("Asia/Dubai")) == {
        (dt.date(2026, 3, 2), "ada"): 1,
        (dt.date(2026, 3, 1), "ada"): 1,
    }

"""How a project's review gets on: who decided how much, what is still to be found, how long."""

from __future__ import annotations

import datetime as dt
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from rsqa_core.records import ACCEPTABLE_ACCURACY, NINETY_PERCENT_Z, Score, Verdict

DRIFT_WINDOW = 20
"""Decisions over which agreement with the head is averaged."""
_NOT_LOOKED_AT = ("note", "accept")
_IDLE_S = 300.0
"""A decision that took longer was not worked on all the while."""


@dataclass(frozen=True, slots=True)
class Pace:
    """One reviewer's work on a project.

    Attributes:
        images: decided on.
        labels: candidates given a score.
        seconds: median time of a decision.
        an_hour: decisions in an hour of work; None where no time was recorded.
        bias: mean of the reviewer's score minus what the head had said, in -1..1; None without
            both.
        last: when the last decision was recorded.
    """

    reviewer: str
    images: int
    labels: int
    seconds: float | None
    an_hour: float | None
    bias: float | None
    last: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Found:
    """Unacceptable images, by how many were decided on.

    Attributes:
        found: (n + 1,) unacceptable ones among the first 0, 1, ... n images decided on.
        expected: how many more the head expects among the other images.
        low, high: 90 % range of that number, if the head's errors are independent.
        open_images: the other images that the head has scored.
    """

    found: tuple[int, ...]
    expected: float
    low: float
    high: float
    open_images: int


def paces(verdicts: Sequence[Verdict]) -> list[Pace]:
    """Return the pace of everyone who decided, most images first.

    Args:
        verdicts: those that hold, oldest first. Notes are no decisions, nor is what was accepted
            unseen.
    """
    by_reviewer: dict[str, list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        if verdict.kind not in _NOT_LOOKED_AT:
            by_reviewer[verdict.reviewer].append(verdict)
    found = [_pace(name, own) for name, own in by_reviewer.items()]
    return sorted(found, key=lambda pace: (-pace.images, pace.reviewer))


def hours_left(pace: Sequence[Pace], open_images: int) -> float | None:
    """Return the hours of work that the open images take at everyone's pace; None without one."""
    known = [one for one in pace if one.an_hour]
    total = sum(one.images for one in known)
    if not total:
        return None
    hours = sum(one.images / float(one.an_hour or 1.0) for one in known)
    return open_images * hours / total


def drift(verdicts: Sequence[Verdict]) -> dict[str, list[tuple[int, float]]]:
    """Return each reviewer's mean distance from the head over the last DRIFT_WINDOW scores.

    Returns:
        by reviewer: (number of the score, mean absolute difference in 0..1), from the window's end
        on. A reviewer of fewer scores has no entry.
    """
    gaps: dict[str, list[float]] = defaultdict(list)
    for verdict in verdicts:
        if verdict.score is not None and verdict.score_shown is not None:
            gaps[verdict.reviewer].append(abs(verdict.score - verdict.score_shown))
    return {
        name: [
            (end, sum(own[end - DRIFT_WINDOW : end]) / DRIFT_WINDOW)
            for end in range(DRIFT_WINDOW, len(own) + 1)
        ]
        for name, own in gaps.items()
        if len(own) >= DRIFT_WINDOW
    }


def found_so_far(
    verdicts: Sequence[Verdict],
    best: Mapping[int, Score],
    *,
    acceptable: float = ACCEPTABLE_ACCURACY,
) -> Found:
    """Return how many unacceptable images were found, and how many more are to be expected.

    An image is unacceptable when a reviewer said so, or gave every candidate that was scored less
    than ``acceptable``. What is expected follows from scores and intervals: an interval of 90 % is
    taken as that of a normal distribution.

    Args:
        verdicts: those that hold, oldest first.
        best: score of the best predicted candidate of each image by image id.
    """
    given: dict[int, float] = {}
    for verdict in verdicts:
        if verdict.kind == "none_acceptable":
            given[verdict.image_id] = 0.0
        elif verdict.score is not None:
            # The best of several candidates decides.
            given[verdict.image_id] = max(given.get(verdict.image_id, 0.0), verdict.score)
    found = [0]
    for score in given.values():
        found.append(found[-1] + (score < acceptable))
    shares = [
        probability_below(score, acceptable) for key, score in best.items() if key not in given
    ]
    expected = math.fsum(shares)
    spread = NINETY_PERCENT_Z * math.sqrt(math.fsum(p * (1 - p) for p in shares))
    return Found(
        tuple(found),
        expected,
        max(0.0, expected - spread),
        min(float(len(shares)), expected + spread),
        len(shares),
    )


@dataclass(frozen=True, slots=True)
class Dispute:
    """A candidate on which opinions differ.

    Attributes:
        scores: what each reviewer gave, 0..1, by name.
        head: what the head had said when they decided, in mean, 0..1; None where it said nothing.
        gap: difference of the two opinions that lie farthest apart.
    """

    image_id: int
    candidate_id: int
    scores: dict[str, float]
    head: float | None
    gap: float


def disputes(given: Sequence[Verdict], *, with_head: bool) -> list[Dispute]:
    """Return the candidates on which opinions differ, widest gap first.

    Args:
        given: verdicts that hold and give a candidate a score, oldest first.
        with_head: True compares reviewers with what the head had said, False with one another.
    """
    by_candidate: dict[tuple[int, int], list[Verdict]] = defaultdict(list)
    for verdict in given:
        if verdict.candidate_id is not None and verdict.score is not None:
            by_candidate[verdict.image_id, verdict.candidate_id].append(verdict)
    found = []
    for (image_id, candidate_id), own in by_candidate.items():
        scores = {one.reviewer: float(one.score or 0.0) for one in own}
        shown = [one.score_shown for one in own if one.score_shown is not None]
        head = sum(shown) / len(shown) if shown else None
        if with_head:
            gap = max(abs(score - head) for score in scores.values()) if head is not None else 0.0
        else:
            gap = max(scores.values()) - min(scores.values())
        if gap > 0:
            found.append(Dispute(image_id, candidate_id, scores, head, gap))
    return sorted(found, key=lambda one: (-one.gap, one.image_id, one.candidate_id))


def by_day(verdicts: Iterable[Verdict], zone: dt.tzinfo) -> dict[tuple[dt.date, str], int]:
    """Return how many decisions everyone made on each day of ``zone``."""
    counts: dict[tuple[dt.date, str], int] = defaultdict(int)
    for verdict in verdicts:
        if verdict.created_at is not None and verdict.kind not in _NOT_LOOKED_AT:
            moment = verdict.created_at
            aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=dt.UTC)
            counts[aware.astimezone(zone).date(), verdict.reviewer] += 1
    return dict(counts)


def _pace(name: str, own: Sequence[Verdict]) -> Pace:
    times = [min(one.time_spent_s, _IDLE_S) for one in own if one.time_spent_s > 0]
    pairs = [
        one.score - one.score_shown
        for one in own
        if one.score is not None and one.score_shown is not None
    ]
    moments = [one.created_at for one in own if one.created_at is not None]
    return Pace(
        reviewer=name,
        images=len({one.image_id for one in own}),
        labels=sum(one.score is not None for one in own),
        seconds=median(times) if times else None,
        an_hour=3600.0 * len(times) / sum(times) if times else None,
        bias=sum(pairs) / len(pairs) if pairs else None,
        last=max(moments) if moments else None,
    )


def probability_below(score: Score, level: float) -> float:
    """Return the probability that the true accuracy lies below ``level``."""
    half = (score.high - score.low) / 2
    if half <= 0:
        return float(score.score < level)
    deviation = half / NINETY_PERCENT_Z
    return 0.5 * (1 + math.erf((level - score.score) / (deviation * math.sqrt(2))))

"""Disputes that wait for a decision, and how reviewers do on what was decided."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rsqa_core.records import Verdict
from rsqa_core.teamwork import Adjudication
from workflows.review_progress import Dispute, disputes


@dataclass(frozen=True, slots=True)
class GoldCheck:
    """One reviewer's scores beside decided ones.

    Attributes:
        candidates: decided ones that the reviewer scored, whether before or after the decision.
        error: mean absolute difference, 0..1.
        bias: mean of the reviewer's score minus the decided one, -1..1.
    """

    reviewer: str
    candidates: int
    error: float
    bias: float


def undecided(
    given: Sequence[Verdict], gold: Mapping[int, Adjudication], *, with_head: bool
) -> list[Dispute]:
    """Return the disputes that nobody decided yet, widest gap first.

    Args:
        given: verdicts that hold and give a candidate a score, oldest first.
        gold: decisions that hold by candidate id.
    """
    return [one for one in disputes(given, with_head=with_head) if one.candidate_id not in gold]


def gold_checks(given: Sequence[Verdict], gold: Mapping[int, Adjudication]) -> list[GoldCheck]:
    """Return how far everyone's scores lie from the decided ones, closest first."""
    gaps: dict[str, list[float]] = defaultdict(list)
    for verdict in given:
        decided = gold.get(verdict.candidate_id or 0)
        if decided is not None and decided.score is not None and verdict.score is not None:
            gaps[verdict.reviewer].append(verdict.score - decided.score)
    found = [
        GoldCheck(
            name,
            len(own),
            sum(abs(gap) for gap in own) / len(own),
            sum(own) / len(own),
        )
        for name, own in gaps.items()
    ]
    return sorted(found, key=lambda one: (one.error, one.reviewer))

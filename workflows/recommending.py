"""What the scores of one image's candidates advise: which to take, which else may be best, or none.

"May be best" holds at a stated risk: a head that was calibrated for it carries the margin within
which the truly best candidate lies but for that risk. Without such a margin nothing is said.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rsqa_core.records import ACCEPTABLE_ACCURACY, INTERVAL_COVERAGE, Score, ScoredCandidate


@dataclass(frozen=True, slots=True)
class BestMargin:
    """A head's ``best_margin`` (in units of the score, at least 0) and its ``best_risk`` (0..1)."""

    margin: float
    risk: float | None


def best_margin(metrics: Mapping[str, Any]) -> BestMargin | None:
    """Return the margin in a head's metrics, None where they hold none that makes sense.

    Example:
        >>> best_margin({"best_margin": 0.05, "best_risk": 0.1})
        BestMargin(margin=0.05, risk=0.1)
    """
    margin, risk = (_number(metrics.get(name)) for name in ("best_margin", "best_risk"))
    if margin is None or margin < 0.0:
        return None
    return BestMargin(margin, risk if risk is not None and 0.0 <= risk <= 1.0 else None)


def interval_coverage(metrics: Mapping[str, Any]) -> float:
    """Return the share of true accuracies, 0..1, that a head's intervals are to hold.

    Example:
        >>> interval_coverage({}), interval_coverage({"interval_coverage": 0.8})
        (0.9, 0.8)
    """
    stated = _number(metrics.get("interval_coverage"))
    return stated if stated is not None and 0.0 < stated < 1.0 else INTERVAL_COVERAGE


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do with one image's candidates.

    ``recommended_id`` is the candidate to take: the best predicted one, None where none is scored
    or probably none is acceptable. ``may_be_best`` says of each scored candidate whether it may be
    the best one; it is None where the head has no margin.
    """

    recommended_id: int | None
    may_be_best: dict[int, bool] | None
    none_acceptable: bool


def advise(candidates: Sequence[ScoredCandidate], margin: BestMargin | None) -> Advice:
    """Return the advice for the candidates of one image, best predicted first."""
    scored = [(c.candidate.id, c.score) for c in candidates if c.score is not None]
    if not scored:
        return Advice(None, None if margin is None else {}, none_acceptable=False)
    best_id, best = max(scored, key=lambda entry: entry[1].score)
    hopeless = none_acceptable(best)
    return Advice(
        recommended_id=None if hopeless else best_id,
        may_be_best=None
        if margin is None
        else {i: best.score - score.score <= margin.margin for i, score in scored},
        none_acceptable=hopeless,
    )


def none_acceptable(best: Score) -> bool:
    """Say whether an image's best score is, interval and all, below what is acceptable."""
    return best.high < ACCEPTABLE_ACCURACY


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)

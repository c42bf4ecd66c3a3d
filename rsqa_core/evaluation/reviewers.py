"""How far reviewers agree with one another.

References:
    Krippendorff 2004, Content Analysis, chapter 11: alpha for an interval scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rsqa_core.errors import InvalidInputError

Values = NDArray[np.float64]

REPEATS = 500


@dataclass(frozen=True, slots=True)
class ReviewerAgreement:
    """Agreement on the candidates that several reviewers scored.

    Attributes:
        alpha: Krippendorff's alpha for an interval scale; 1 is perfect, 0 what chance gives,
            negative is worse.
        low, high: its 95 % bootstrap interval, images resampled; None where fewer than three
            images were scored twice.
        mean_difference: mean absolute difference of two scores of a candidate, 0..1.
        candidates, images: scored by at least two.
    """

    alpha: float
    low: float | None
    high: float | None
    mean_difference: float
    candidates: int
    images: int


def reviewer_agreement(
    reviewers: Sequence[str],
    candidates: Sequence[int],
    images: Sequence[int],
    scores: Sequence[float],
    *,
    repeats: int = REPEATS,
    seed: int = 0,
) -> ReviewerAgreement | None:
    """Return how far reviewers agree; None where no two scored a candidate, or all scores are one.

    Args:
        reviewers, candidates, images: (N,) who gave each score, to what, in which image; the last
            score of a reviewer for a candidate counts.
        scores: (N,) in 0..1.

    Raises:
        InvalidInputError: lengths differ or a score is not finite.
    """
    values = np.asarray(scores, dtype=np.float64)
    if not len(reviewers) == len(candidates) == len(images) == len(values):
        raise InvalidInputError(
            f"Expected as many reviewers, candidates and images as scores, but got "
            f"{len(reviewers)}, {len(candidates)}, {len(images)} and {len(values)}."
        )
    if not np.isfinite(values).all():
        raise InvalidInputError("Expected finite scores, but got NaN or infinity.")
    names, who = np.unique(np.array(reviewers, dtype=object).astype(str), return_inverse=True)
    units, what = np.unique(np.array(candidates, dtype=np.int64), return_inverse=True)
    table = np.full((len(names), len(units)), np.nan)
    table[who, what] = values
    image_of = np.zeros(len(units), dtype=np.int64)
    image_of[what] = np.array(images, dtype=np.int64)
    twice = np.isfinite(table).sum(axis=0) >= 2
    table, image_of = table[:, twice], image_of[twice]
    alpha = _alpha(table)
    if alpha is None:
        return None
    groups = [np.flatnonzero(image_of == image) for image in np.unique(image_of)]
    low = high = None
    if len(groups) >= 3:
        rng = np.random.default_rng(seed)
        drawn = []
        for _ in range(repeats):
            chosen = rng.integers(len(groups), size=len(groups))
            again = _alpha(table[:, np.concatenate([groups[i] for i in chosen])])
            if again is not None:
                drawn.append(again)
        if drawn:
            low, high = (float(v) for v in np.quantile(drawn, (0.025, 0.975)))
    return ReviewerAgreement(alpha, low, high, _mean_difference(table), table.shape[1], len(groups))


def _alpha(table: Values) -> float | None:
    """Return alpha of (reviewers, candidates) by sums of squares; None where it is not defined.

    Every candidate is scored at least twice. Libraries work through coincidences of distinct
    values, which takes time with the square of their number: too slow for scores in per cent.
    """
    count = np.isfinite(table).sum(axis=0)
    total = int(count.sum())
    if not total:
        return None
    # Around the mean, so that close scores do not cancel to noise.
    filled = np.nan_to_num(table - np.nanmean(table))
    sums, squares = filled.sum(axis=0), (filled**2).sum(axis=0)
    expected = (total * squares.sum() - sums.sum() ** 2) / (total * (total - 1))
    if expected <= 1e-15:
        return None
    observed = ((count * squares - sums**2) / (count - 1)).sum() / total
    return float(1 - observed / expected)


def _mean_difference(table: Values) -> float:
    gaps = np.abs(table[:, None] - table[None])
    upper = np.triu(np.ones((len(table), len(table)), dtype=bool), 1)
    return float(np.nanmean(gaps[upper]))

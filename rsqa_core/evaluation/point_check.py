"""Accuracy of one mask from points that a person looks at.

Points are drawn at random, over the whole mask or within each of its classes; each is called right
or wrong. The overall accuracy is the stratified estimate, and its interval Wilson's at the number
of simple random points that would be as informative (the effective sample size).

References:
    Olofsson et al. 2014, Good practices for estimating area and assessing accuracy of land change.
    Korn and Graubard 1998, Confidence intervals for proportions with small expected number of
    positive counts estimated from survey data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rsqa_core.errors import InvalidInputError
from rsqa_core.records import MAX_POINTS, NINETY_PERCENT_Z, POINT_DESIGNS, VOID, PointDesign

COVERAGE = 0.9
Z = NINETY_PERCENT_Z

NARROW = 0.05
"""Half-width of the interval at which there are points enough."""
FEWEST = 20
"""Points below which no interval counts as narrow."""


@dataclass(frozen=True, slots=True)
class Points:
    """Places of a mask in the order in which they are looked at.

    Attributes:
        xy: (N, 2) int64 column and row of each pixel.
        stratum: (N,) int64 index into ``weights``.
        weights: share of the mask's labelled pixels in each stratum; they sum to 1.
    """

    xy: NDArray[np.int64]
    stratum: NDArray[np.int64]
    weights: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class PointEstimate:
    """Overall accuracy with its interval of COVERAGE, all in 0..1, from ``n`` answered points."""

    accuracy: float
    low: float
    high: float
    n: int

    @property
    def is_narrow(self) -> bool:
        """Whether there are points enough."""
        return self.n >= FEWEST and self.high - self.low <= 2 * NARROW


def draw_points(
    mask: NDArray[np.uint8], design: PointDesign, seed: int, count: int = MAX_POINTS
) -> Points:
    """Draw pixels that have a class, without replacement.

    ``random`` gives every pixel the same chance. ``by_class`` gives half of the points to classes
    by their area and half to all alike, so that rare ones are looked at too; the estimate weighs
    them by area again.

    Args:
        mask: (H, W) uint8 class ids or VOID.
        count: at most so many; fewer where the mask has fewer pixels.

    Raises:
        InvalidInputError: the design is unknown, or no pixel has a class.
    """
    if design not in POINT_DESIGNS:
        raise InvalidInputError(
            f"Expected a design among {', '.join(POINT_DESIGNS)}, but got {design!r}."
        )
    flat = mask.ravel()
    labelled = np.flatnonzero(flat != VOID)
    if not labelled.size:
        raise InvalidInputError("Expected a mask with labelled pixels to check, but it has none.")
    random = np.random.default_rng(seed)
    if design == "random":
        places = random.choice(labelled, min(count, labelled.size), replace=False)
        stratum = np.zeros(len(places), dtype=np.int64)
        weights = [1.0]
    else:
        ids, sizes = np.unique(flat[labelled], return_counts=True)
        weights = (sizes / labelled.size).tolist()
        chance = 0.5 * sizes / labelled.size + 0.5 / len(ids)
        order = random.choice(len(ids), count, p=chance)
        pools = [random.permutation(np.flatnonzero(flat == k))[:count] for k in ids]
        turn = np.array([np.count_nonzero(order[:i] == k) for i, k in enumerate(order)])
        there = turn < np.array([len(pools[k]) for k in order])
        stratum, turn = order[there].astype(np.int64), turn[there]
        places = np.array([pools[k][i] for k, i in zip(stratum, turn, strict=True)], dtype=np.int64)
    rows, columns = np.divmod(places, mask.shape[1])
    return Points(np.stack([columns, rows], axis=1).astype(np.int64), stratum, tuple(weights))


def estimate(points: Points, answers: Sequence[bool | None]) -> PointEstimate | None:
    """Estimate the overall accuracy from answers to the first points; None before the first.

    A stratum without an answer is thought to be like all the others together.

    Args:
        answers: right or wrong, in the order of ``points``; None where nobody can tell, which
            leaves the point out.

    Raises:
        InvalidInputError: more answers than points.
    """
    if len(answers) > len(points.stratum):
        raise InvalidInputError(
            f"Expected at most {len(points.stratum)} answers, one a point, but got {len(answers)}."
        )
    right = np.zeros(len(points.weights))
    asked = np.zeros(len(points.weights))
    for stratum, answer in zip(points.stratum, answers, strict=False):
        if answer is not None:
            right[stratum] += answer
            asked[stratum] += 1
    known = asked > 0
    if not known.any():
        return None
    weights = np.array(points.weights)[known]
    weights = weights / weights.sum()
    right, asked = right[known], asked[known]
    accuracy = float(weights @ (right / asked))
    # Half an answer of each kind keeps a stratum without a mistake from looking certain.
    smooth = (right + 0.5) / (asked + 1)
    overall = float(weights @ smooth)
    variance = float((weights**2) @ (smooth * (1 - smooth) / asked))
    size = overall * (1 - overall) / variance
    centre = (accuracy + Z**2 / (2 * size)) / (1 + Z**2 / size)
    inside = accuracy * (1 - accuracy) / size + Z**2 / (4 * size**2)
    half = Z * float(np.sqrt(inside)) / (1 + Z**2 / size)
    return PointEstimate(
        accuracy,
        max(0.0, min(accuracy, centre - half)),
        min(1.0, max(accuracy, centre + half)),
        int(asked.sum()),
    )

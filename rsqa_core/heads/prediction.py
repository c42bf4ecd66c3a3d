"""What a head says of candidates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Prediction:
    """Predicted quality of N candidates in 0..1; higher is better.

    Attributes:
        score: (N,) float64.
        low, high: (N,) bounds of the stated interval of COVERAGE.
        spread: (N,) standard deviation over members of one fold, in mean over folds.
        cells: (N, P) float64 quality of each cell; not corrected by labels.
        base: (N,) score before labels corrected it.
    """

    score: Values
    low: Values
    high: Values
    spread: Values
    cells: Values
    base: Values

    def interval_scaled(self, factor: Values | float) -> tuple[Values, Values]:
        """Return the ends of intervals ``factor`` times as wide, (N,) each, cut at 0 and 1.

        Both halves are of one length until an end is cut: the longer one is what was stated.
        """
        half = np.maximum(self.high - self.score, self.score - self.low) * factor
        return np.clip(self.score - half, 0.0, 1.0), np.clip(self.score + half, 0.0, 1.0)


def members_apart(each: Values, fold_of_member: NDArray[np.int64]) -> Values:
    """Return how far the members of a fold lie apart, in mean over the folds, (N,).

    A training scene is scored by the members of one fold, and on such scores intervals are
    calibrated. The members of all folds, who score a new scene, lie farther apart, which says more
    of what they learnt from than of that scene.

    Args:
        each: (M, N) score of N candidates by every member.
    """
    folds = np.unique(fold_of_member)
    found = [each[fold_of_member == fold].std(axis=0) for fold in folds]
    return np.asarray(np.mean(found, axis=0), dtype=np.float64)

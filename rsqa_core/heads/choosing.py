"""Which image to label next: the one whose label would tell most about all the others.

References:
    Krause, Singh and Guestrin 2008, Near-optimal sensor placements in Gaussian processes.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rsqa_core.heads.residual import Kernel, Points, covariance

Values = NDArray[np.float64]

MOST_CHOSEN = 200


def informative(
    points: Points,
    labelled: NDArray[np.bool_],
    kernel: Kernel | None = None,
    most: int = MOST_CHOSEN,
) -> Values:
    """Return how early each of n candidates should be labelled, (n,) in 0..1; 1 is first.

    Errors are taken to be of usual size everywhere: with the sizes that the head expects, the first
    choices are outliers, and their labels mislead more than those of a random choice.

    Greedy: each choice is the one that lowers the summed variance of the errors most, given the
    labels that are there and the choices before it. What is not among the first ``most`` gets what
    is left of the scale by its own gain; a labelled candidate gets 0.

    Args:
        points: the candidates.
        labelled: (n,) True where a label is there already.
    """
    chosen = kernel or Kernel()
    points = replace(points, size=np.ones(len(points)))
    matrix = covariance(chosen, points, points)
    noise = chosen.noise**2
    known = np.flatnonzero(labelled)
    if known.size:
        own = matrix[np.ix_(known, known)]
        own[np.diag_indices_from(own)] += noise
        matrix = matrix - matrix[:, known] @ np.linalg.solve(own, matrix[known])
    free = ~labelled
    value = np.zeros(len(points))
    count = min(most, int(free.sum()))
    for place in range(count):
        gain = np.where(free, (matrix**2).sum(axis=0) / (np.diag(matrix) + noise), -1.0)
        best = int(gain.argmax())
        value[best] = 1.0 - 0.5 * place / max(count, 1)
        free[best] = False
        matrix = _conditioned(matrix, best, noise)
    rest = np.flatnonzero(free)
    if rest.size:
        gain = (matrix[:, rest] ** 2).sum(axis=0) / (np.diag(matrix)[rest] + noise)
        value[rest] = 0.49 * gain / max(float(gain.max()), 1e-12)
    return value


def _conditioned(matrix: Values, index: int, noise: float) -> Values:
    """Return the covariance after one more label."""
    column = matrix[:, index]
    lowered: Values = matrix - np.outer(column, column) / (column[index] + noise)
    return lowered

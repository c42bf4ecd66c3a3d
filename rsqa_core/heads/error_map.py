"""Where a candidate is probably wrong, pixel by pixel, in keeping with its score.

The head's quality of each cell says where on the image, the consensus of the candidates says on
which side of an outline. Both are weighed in logits, with weights fitted on pixels of the training
images. One shift then makes the mean of the map equal to one minus the score, so that the map is
the score, laid out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from rsqa_core.features.grids import CELL_SIDE, Array
from rsqa_core.heads.anchor import logit
from rsqa_core.raster.interpolation import spread_over
from rsqa_core.records import VOID

Values = NDArray[np.float64]

DEFAULT_WEIGHTS = (0.0, 0.5, 0.5)
"""Constant, weight of the cell and of the consensus, for a head that was not fitted to pixels."""

_STEPS = 60
_FITTING_STEPS = 50
_LONGEST_STEP = 1.0
_RIDGE = 1.0


def predict_errors(
    mask: NDArray[np.uint8],
    cells: Values,
    own: Array,
    score: float,
    weights: tuple[float, ...] = DEFAULT_WEIGHTS,
) -> Array:
    """Return the probability that each pixel of a candidate is wrong, (H, W) float32 in 0..1.

    Args:
        mask: (H, W) uint8 class ids; VOID is wrong for certain.
        cells: (P,) quality of each cell.
        own: (H, W) probability of its classes by the consensus; see ``probability_of_mask``.
        score: predicted overall accuracy; the map's mean is one minus it.
        weights: as ``fit_pixel_weights`` returned them.
    """
    by_cell = spread_over(cells.reshape(1, CELL_SIDE, CELL_SIDE).astype(np.float32), *mask.shape)[0]
    raw = _combined(by_cell, own, weights)
    sure = mask == VOID
    wanted = (1.0 - score) * mask.size - sure.sum()
    free = raw[~sure]
    if not free.size:
        return np.ones(mask.shape, dtype=np.float32)
    target = float(np.clip(wanted / free.size, 0.0, 1.0))
    found = np.ones(mask.shape, dtype=np.float32)
    found[~sure] = _shifted(free, target)
    return found


def probability_of_mask(together: Array, mask: NDArray[np.uint8]) -> Array:
    """Return the consensus's probability of a mask's own class, pixel by pixel, (H, W) float32.

    Args:
        together: (K, side, side) as in ``rsqa_core.features.consensus.Consensus``.
        mask: (H, W) uint8 class ids.
    """
    spread = spread_over(together, *mask.shape)
    known = np.minimum(mask, len(spread) - 1).astype(np.int64)
    own: Array = np.take_along_axis(spread, known[None], axis=0)[0]
    return own


def fit_pixel_weights(by_cell: Values, own: Values, wrong: NDArray[np.bool_]) -> tuple[float, ...]:
    """Fit a logistic regression of wrong pixels, by Newton's method.

    Args:
        by_cell: (n,) quality of each pixel's cell, by a head that did not see its image.
        own: (n,) probability of its class by the consensus.
        wrong: (n,) True where the reference says otherwise.
    """
    terms = np.stack([np.ones(len(own)), -logit(by_cell), -logit(own)], axis=1)
    default = np.array(DEFAULT_WEIGHTS)
    weights = default
    for _ in range(_FITTING_STEPS):
        chance = expit(terms @ weights)
        # Drawn to the defaults: pixels that can be told apart without an error have no optimum.
        gradient = terms.T @ (wrong - chance) - _RIDGE * (weights - default)
        curvature = (terms * (chance * (1 - chance))[:, None]).T @ terms + _RIDGE * np.eye(3)
        step = np.linalg.solve(curvature, gradient)
        weights = weights + step * min(1.0, _LONGEST_STEP / max(float(np.abs(step).max()), 1e-9))
    return tuple(float(weight) for weight in weights)


def _combined(by_cell: Array, own: Array, weights: tuple[float, ...]) -> Values:
    constant, cell, consensus = weights
    raw: Values = constant - cell * logit(by_cell) - consensus * logit(own)
    return raw


def _shifted(raw: Values, target: float) -> Values:
    """Return sigmoid(raw + shift) whose mean is ``target``; bisection, as the mean is monotone."""
    if target <= 0.0 or target >= 1.0:
        return np.full(raw.shape, target)
    low, high = -40.0 - float(raw.max()), 40.0 - float(raw.min())
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if float((1 / (1 + np.exp(-(raw + middle)))).mean()) < target:
            low = middle
        else:
            high = middle
    return 1 / (1 + np.exp(-(raw + (low + high) / 2)))

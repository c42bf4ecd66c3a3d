"""Mean IoU, boundary F1 and the IoU of each class, beside the overall accuracy.

The consensus of the candidates gives each of them a first guess without labels. A weighted sum in
logits of that guess and of the predicted overall accuracy, fitted on out-of-fold scores, turns it
into a prediction: three or four weights a target, so that few scenes suffice.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rsqa_core.features.names import FEATURE_NAMES
from rsqa_core.heads.anchor import logit

Values = NDArray[np.float64]

MEAN_IOU = "mean_iou"
BOUNDARY_F1 = "boundary_f1"
CLASS_IOU = "class_iou"

GUESSES = {
    MEAN_IOU: ("consensus_miou", "consensus_iou_min"),
    BOUNDARY_F1: ("boundary_on_edge", "consensus_top"),
}
"""What is weighed beside the predicted accuracy, by target; all in 0..1."""

_RIDGE = 1.0


def predict_target(
    name: str, weights: tuple[float, ...], score: Values, rows: NDArray[np.float32]
) -> Values:
    """Predict MEAN_IOU or BOUNDARY_F1 of N candidates, (N,) in 0..1, NaN where a guess is missing.

    Args:
        weights: as ``fit_target`` returned them.
        score: (N,) predicted overall accuracy.
        rows: (N, F) in FEATURE_NAMES order.
    """
    guesses = rows[:, [FEATURE_NAMES.index(guess) for guess in GUESSES[name]]].astype(np.float64)
    return _sigmoid(_terms(score, guesses) @ np.array(weights))


def predict_class_iou(
    weights: tuple[float, ...], score: Values, class_iou: NDArray[np.floating]
) -> Values:
    """Predict the IoU of each class, (N, K) in 0..1; NaN where the consensus shows none of it."""
    count = class_iou.shape[1]
    guess = class_iou.astype(np.float64).reshape(-1, 1)
    terms = _terms(np.repeat(score, count), guess)
    return _sigmoid(terms @ np.array(weights)).reshape(-1, count)


def fit_target(score: Values, guesses: Values, target: Values) -> tuple[float, ...] | None:
    """Return the weights that predict a target best in logits, by ridge regression.

    None where no candidate has all guesses and the target, as without any peers.

    Args:
        score: (N,) out-of-fold predicted overall accuracy.
        guesses: (N, G) in 0..1; rows with NaN are left out.
        target: (N,) in 0..1; NaN is left out.
    """
    terms = _terms(score, guesses)
    known = np.isfinite(terms).all(axis=1) & np.isfinite(target)
    if not known.any():
        return None
    terms, wanted = terms[known], logit(target[known])
    penalty = np.eye(terms.shape[1]) * _RIDGE
    penalty[0, 0] = 0.0  # the constant stays free
    solved = np.linalg.solve(terms.T @ terms + penalty, terms.T @ wanted)
    return tuple(float(value) for value in solved)


def _terms(score: Values, guesses: Values) -> Values:
    columns = [np.ones(len(score)), logit(score)]
    columns += [
        np.where(np.isfinite(g), logit(np.where(np.isfinite(g), g, 0.5)), np.nan) for g in guesses.T
    ]
    return np.stack(columns, axis=1)


def _sigmoid(values: Values) -> Values:
    with np.errstate(over="ignore"):
        bounded: Values = 1 / (1 + np.exp(-values))
    return bounded

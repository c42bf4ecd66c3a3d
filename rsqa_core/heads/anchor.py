"""A first guess without labels, from which the head starts.

The consensus of the candidates, their plain agreement and what the encoder sees in each region are
all in units of overall accuracy, or nearly. Their weighted mean in logits, of the cell and of the
whole candidate, is a guess that holds for imagery that nothing was trained on; the network learns
what to add. Weight decay then pulls a head of few labels towards the guess, and not towards
knowing nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rsqa_core.features.names import CELL_NAMES, FEATURE_NAMES

Array = NDArray[np.float32]

OF_CELL = {"consensus": 0.3, "region": 0.1, "peers": 0.1}
OF_CANDIDATE = {"consensus_accuracy": 0.2, "region_agreement": 0.2, "peer_mean": 0.2}
"""Weights of the parts; those that are there count, in proportion."""
ALONE = "max_prob_mean"
"""What is taken when none of them is there."""
UNKNOWN = 0.75
"""The guess for a candidate of which nothing is known."""

_EDGE = 0.02


def logit(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return log odds of values cut to 0.02..0.98."""
    inside = np.clip(values, _EDGE, 1 - _EDGE)
    odds: NDArray[np.float64] = np.log(inside / (1 - inside))
    return odds


def anchor(rows: Array, cells: Array) -> Array:
    """Return the guess of every cell as a logit, (N, P) float32, always finite.

    Args:
        rows: (N, F) in FEATURE_NAMES order, NaN where missing.
        cells: (N, P, C) in CELL_NAMES order.
    """
    parts = [
        (weight, cells[:, :, CELL_NAMES.index(name)].astype(np.float64))
        for name, weight in OF_CELL.items()
    ] + [
        (weight, rows[:, FEATURE_NAMES.index(name), None].astype(np.float64))
        for name, weight in OF_CANDIDATE.items()
    ]
    total = np.zeros(cells.shape[:2])
    weights = np.zeros(cells.shape[:2])
    for weight, values in parts:
        known = np.isfinite(values)
        total += np.where(known, logit(np.where(known, values, 0.5)), 0.0) * weight
        weights += known * weight
    alone = rows[:, FEATURE_NAMES.index(ALONE), None].astype(np.float64)
    fallback = logit(np.where(np.isfinite(alone), alone, UNKNOWN))
    guess = np.where(weights > 0, total / np.maximum(weights, 1e-9), fallback)
    return guess.astype(np.float32)

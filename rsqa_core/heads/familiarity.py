"""How far an image lies from those that a member of a head learnt from.

The covariance of the training images' semantic vectors is thought to be that of probabilistic
principal component analysis: a few directions of their own variance, and one small variance
everywhere else. What leaves these directions is what another sensor or place looks like; the mean
squared z-score, for one, does not tell drone imagery of Kampala from scenes of Dubai.

References:
    Tipping and Bishop 1999, Probabilistic principal component analysis.
    Lee et al. 2018, A simple unified framework for detecting out-of-distribution samples.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

COMPONENTS = 8
SHRINKAGE = 0.3
"""Variance of a standardised number where the training images have none, and its share elsewhere:
few images do not know every direction."""
QUANTILE = 0.95
MARGIN = 1.5
"""An image may lie so much farther out than most of a usual held-out group."""


def measure_seen(vectors: Tensor, groups: Sequence[str]) -> dict[str, Tensor]:
    """Measure what is familiar.

    Args:
        vectors: (n, V) float32 semantic vectors of training images.
        groups: scene of each; how far a new scene usually lies is found by leaving each out.

    Returns:
        mean (V,), scale (V,), basis (V, COMPONENTS) and variance (COMPONENTS,), all float32; limit
        (), the squared distance up to which an image counts as familiar.
    """
    found = _moments(vectors)
    names = np.array(groups)
    if len(set(groups)) < 2:
        reached = [np.quantile(squared_distance(vectors, **_batch(found))[0].numpy(), QUANTILE)]
    else:
        reached = []
        for name in np.unique(names):
            out = torch.from_numpy(names == name)
            others = _batch(_moments(vectors[~out]))
            away = squared_distance(vectors[out], **others)[0]
            reached.append(np.quantile(away.numpy(), QUANTILE))
    # The median: a group that is unlike all others does not make everything familiar.
    limit = max(MARGIN * float(np.median(reached)), 1e-6)
    return found | {"limit": torch.tensor(limit, dtype=torch.float32)}


def squared_distance(
    vectors: Tensor, mean: Tensor, scale: Tensor, basis: Tensor, variance: Tensor
) -> Tensor:
    """Return the squared distance of (I, V) vectors by M measurements, (M, I), a mean over V."""
    scaled = (vectors[None] - mean[:, None]) / scale[:, None]
    along = torch.bmm(scaled, basis) ** 2
    across = ((scaled**2).sum(dim=2) - along.sum(dim=2)).clamp(min=0)
    inside = (along / variance[:, None]).sum(dim=2)
    return (inside + across / SHRINKAGE) / vectors.shape[1]


def _moments(vectors: Tensor) -> dict[str, Tensor]:
    mean = vectors.mean(dim=0)
    # Of a single image there is no sample deviation, which would be NaN. A number that never moved
    # in training says something when it moves, but not everything.
    scale = vectors.std(dim=0, correction=0).clamp(min=1e-3)
    _, lengths, across = torch.linalg.svd((vectors - mean) / scale, full_matrices=False)
    kept = min(COMPONENTS, len(lengths))
    basis = torch.zeros(vectors.shape[1], COMPONENTS)
    basis[:, :kept] = across[:kept].T
    variance = torch.zeros(COMPONENTS)
    variance[:kept] = lengths[:kept] ** 2 / len(vectors)
    return {
        "mean": mean,
        "scale": scale,
        "basis": basis,
        "variance": (1 - SHRINKAGE) * variance + SHRINKAGE,
    }


def _batch(found: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value[None] for name, value in found.items()}

"""From raw rows to what a member's network takes: standardised, compressed, missing marked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rsqa_core.features.names import FEATURE_NAMES, GROUPS

COMPONENTS = 12
"""Principal components kept of the encoder's embedding."""

_GROUP_ROWS = {
    group: [FEATURE_NAMES.index(name) for name in names] for group, names in GROUPS.items()
}
SEGMENTATION_INPUTS = len(FEATURE_NAMES) + len(GROUPS)
CLIP = 4.0
"""Standardised values are clipped here: one wild number must not decide a score."""


@dataclass(frozen=True, slots=True)
class Preparation:
    """Means, scales and basis of each member, measured on the rows that it trains on.

    Attributes:
        embedding_dim: D, length of the embedding at the start of the semantic vector.
        basis: (M, D, COMPONENTS) float32 principal directions.
        semantic_mean, semantic_scale: (M, COMPONENTS + rest) float32.
        embedding_mean: (M, D) float32.
        feature_mean, feature_scale: (M, F) float32.
    """

    embedding_dim: int
    embedding_mean: Tensor
    basis: Tensor
    semantic_mean: Tensor
    semantic_scale: Tensor
    feature_mean: Tensor
    feature_scale: Tensor

    @property
    def semantic_inputs(self) -> int:
        return int(self.semantic_mean.shape[1])

    def semantic(self, vectors: NDArray[np.float32]) -> Tensor:
        """Turn (N, D + rest) raw vectors into (M, N, COMPONENTS + rest)."""
        raw = torch.from_numpy(np.ascontiguousarray(vectors, dtype=np.float32))
        joined = _compress(raw, self.embedding_dim, self.embedding_mean, self.basis)
        scaled = (joined - self.semantic_mean[:, None]) / self.semantic_scale[:, None]
        return scaled.clamp(-CLIP, CLIP)

    def features(self, rows: NDArray[np.float32]) -> Tensor:
        """Turn (N, F) raw rows with NaN into (M, N, F + groups); missing is 0 with a flag of 1."""
        raw = torch.from_numpy(np.ascontiguousarray(rows, dtype=np.float32))
        known = torch.isfinite(raw)
        scaled = (raw - self.feature_mean[:, None]) / self.feature_scale[:, None]
        scaled = torch.where(known, scaled, torch.zeros(())).clamp(-CLIP, CLIP)
        flags = torch.stack(
            [(~known[:, columns].any(dim=1)).float() for columns in _GROUP_ROWS.values()], dim=1
        )
        return torch.cat([scaled, flags.expand(scaled.shape[0], -1, -1)], dim=-1)


def fit_preparation(
    vectors: NDArray[np.float32],
    rows: NDArray[np.float32],
    image_of_row: NDArray[np.int64],
    member_images: NDArray[np.bool_],
    embedding_dim: int,
) -> Preparation:
    """Measure a Preparation.

    Args:
        vectors: (I, D + rest) semantic vector of each image.
        rows: (N, F) raw rows, NaN where missing.
        image_of_row: (N,) index of each row's image.
        member_images: (M, I) True where a member may look at an image.
        embedding_dim: D.
    """
    parts: list[tuple[Tensor, ...]] = []
    for allowed in member_images:
        own = torch.from_numpy(vectors[allowed])
        mean = own[:, :embedding_dim].mean(dim=0)
        _, _, directions = torch.linalg.svd(own[:, :embedding_dim] - mean, full_matrices=False)
        basis = torch.zeros(embedding_dim, COMPONENTS)
        kept = min(COMPONENTS, directions.shape[0])
        basis[:, :kept] = directions[:kept].T
        joined = _compress(own, embedding_dim, mean[None], basis[None])[0]
        seen = rows[allowed[image_of_row]]
        with np.errstate(invalid="ignore"):
            count = np.isfinite(seen).sum(axis=0)
            filled = np.nan_to_num(seen)
            feature_mean = filled.sum(axis=0) / np.maximum(count, 1)
            spread = np.where(np.isfinite(seen), seen - feature_mean, 0.0)
            feature_scale = np.sqrt((spread**2).sum(axis=0) / np.maximum(count, 1))
        parts.append(
            (
                mean,
                basis,
                joined.mean(dim=0),
                joined.std(dim=0).clamp(min=1e-3),
                torch.from_numpy(feature_mean.astype(np.float32)),
                torch.from_numpy(np.maximum(feature_scale, 1e-4).astype(np.float32)),
            )
        )
    stacked = [torch.stack(column) for column in zip(*parts, strict=True)]
    return Preparation(embedding_dim, *stacked)


def _compress(vectors: Tensor, embedding_dim: int, mean: Tensor, basis: Tensor) -> Tensor:
    embedding, rest = vectors[:, :embedding_dim], vectors[:, embedding_dim:]
    components = torch.matmul(embedding[None] - mean[:, None], basis)
    return torch.cat([components, rest.expand(components.shape[0], -1, -1)], dim=-1)

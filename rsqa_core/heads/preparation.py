"""From raw numbers to what a member's network takes: standardised, compressed, missing marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rsqa_core.features.names import CELL_NAMES, FEATURE_NAMES, GROUPS, IMAGE_STATISTICS, names_of
from rsqa_core.heads.familiarity import measure_seen, squared_distance
from rsqa_core.heads.inputs import HeadInputs

COMPONENTS = 12
"""Principal components kept of the encoder's view."""
ROW_GROUPS = tuple(group for group in GROUPS if group != "mask")
"""What the head sees of a whole candidate. Shares of classes are left out: they tell the scenes of
the training apart, and the picture's content is the semantic branch's part."""
ROW_NAMES = names_of(ROW_GROUPS)
CLIP = 4.0
"""Standardised values are clipped here: one wild number must not decide a score."""

LIKENESS = {"probs": 0.3, "consistency": 0.5, "region": 3.0, "consensus": 2.0}
"""Weights of groups where candidates are compared; 1 for the others. What a segmenter says of
itself counts little: errors are alike where picture, encoder and other candidates say the same."""
LIKENESS_EMBEDDING = 1.5
LIKENESS_STATISTICS = 4.0

_ROW_COLUMNS = [FEATURE_NAMES.index(name) for name in ROW_NAMES]
_GROUP_COLUMNS = [[ROW_NAMES.index(name) for name in GROUPS[group]] for group in ROW_GROUPS]
ROW_INPUTS = len(ROW_NAMES) + len(ROW_GROUPS)
CELL_INPUTS = len(CELL_NAMES)


@dataclass(frozen=True, slots=True)
class Prepared:
    """Inputs of the network, every tensor with M members first.

    Attributes:
        vectors: (M, I, V) semantic vectors.
        tokens: (M, I, P, COMPONENTS) the encoder's view by cell.
        rows: (M, N, ROW_INPUTS).
        cells: (M, N, P, CELL_INPUTS).
    """

    vectors: Tensor
    tokens: Tensor
    rows: Tensor
    cells: Tensor


@dataclass(frozen=True, slots=True)
class Preparation:
    """Means, scales and basis of each member, measured on the images that it trains on.

    Attributes:
        token_mean: (M, D) float32 mean of the encoder's view of cells.
        basis: (M, D, COMPONENTS) float32 its principal directions.
        token_scale: (M, COMPONENTS) float32.
        vector_mean, vector_scale: (M, V) float32 of the compressed embedding and the rest.
        row_mean, row_scale: (M, len(ROW_NAMES)) float32.
        cell_mean, cell_scale: (M, CELL_INPUTS) float32.
        seen_mean, seen_scale, seen_basis, seen_variance, seen_limit: of whole semantic vectors, see
            ``rsqa_core.heads.familiarity``.
    """

    token_mean: Tensor
    basis: Tensor
    token_scale: Tensor
    vector_mean: Tensor
    vector_scale: Tensor
    row_mean: Tensor
    row_scale: Tensor
    cell_mean: Tensor
    cell_scale: Tensor
    seen_mean: Tensor
    seen_scale: Tensor
    seen_basis: Tensor
    seen_variance: Tensor
    seen_limit: Tensor

    @property
    def embedding_dim(self) -> int:
        return int(self.token_mean.shape[1])

    @property
    def vector_inputs(self) -> int:
        return int(self.vector_mean.shape[1])

    def tensors(self) -> dict[str, Tensor]:
        """Return every field by name, as a file keeps them."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def vectors(self, semantic: NDArray[np.float32]) -> Tensor:
        """Turn (I, D + rest) semantic vectors into (M, I, V)."""
        raw = torch.from_numpy(np.ascontiguousarray(semantic, dtype=np.float32))
        joined = _compressed(raw, self.token_mean, self.basis)
        return _standardised(joined, self.vector_mean, self.vector_scale)

    def unfamiliarity(self, semantic: NDArray[np.float32]) -> Tensor:
        """Return how far images are from those of each member's training, (M, I) float32.

        1 is where an image stops to count as familiar.
        """
        raw = torch.from_numpy(np.ascontiguousarray(semantic, dtype=np.float32))
        away = squared_distance(
            raw, self.seen_mean, self.seen_scale, self.seen_basis, self.seen_variance
        )
        return away / self.seen_limit[:, None]

    def rows(self, rows: NDArray[np.float32]) -> Tensor:
        """Turn (N, F) raw rows into (M, N, ROW_INPUTS); missing is 0 with a flag of 1 a group."""
        raw = torch.from_numpy(np.ascontiguousarray(rows[:, _ROW_COLUMNS], dtype=np.float32))
        known = torch.isfinite(raw)
        scaled = _standardised(raw[None], self.row_mean, self.row_scale)
        flags = torch.stack(
            [(~known[:, columns].any(dim=1)).float() for columns in _GROUP_COLUMNS], dim=1
        )
        return torch.cat([scaled, flags.expand(scaled.shape[0], -1, -1)], dim=-1)

    def _mean_rows(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what ``rows`` gives in mean over the members, (N, ROW_INPUTS), in less memory."""
        raw = rows[:, _ROW_COLUMNS].astype(np.float32)
        known = np.isfinite(raw)
        raw[~known] = np.nan
        total = np.zeros_like(raw)
        scaled = np.empty_like(raw)
        for mean, scale in zip(self.row_mean.numpy(), self.row_scale.numpy(), strict=True):
            np.subtract(raw, mean, out=scaled)
            scaled /= scale
            np.clip(scaled, -CLIP, CLIP, out=scaled)
            total += scaled
        total[~known] = 0.0
        flags = [~known[:, columns].any(axis=1) for columns in _GROUP_COLUMNS]
        mean_rows = total / np.float32(len(self.row_mean))
        return np.concatenate([mean_rows, np.stack(flags, axis=1)], axis=1, dtype=np.float32)

    def likeness(self, inputs: HeadInputs) -> NDArray[np.float32]:
        """Return the description of N candidates by which a residual finds alike ones, (N, p).

        Standardised numbers of the candidate and of its image, weighted by how well they tell whose
        errors are alike; each of both parts scaled by its length, so that neither outweighs the
        other.
        """
        weights = torch.ones(ROW_INPUTS)
        for place, (group, columns) in enumerate(zip(ROW_GROUPS, _GROUP_COLUMNS, strict=True)):
            weights[[*columns, len(ROW_NAMES) + place]] = LIKENESS.get(group, 1.0)
        features = torch.from_numpy(self._mean_rows(inputs.rows)) * weights
        of_image = torch.ones(self.vector_inputs)
        of_image[:COMPONENTS] = LIKENESS_EMBEDDING
        of_image[-len(IMAGE_STATISTICS) :] = LIKENESS_STATISTICS
        seen = (self.vectors(inputs.semantic)[0] * of_image)[torch.from_numpy(inputs.image_of_row)]
        joined = [features / features.shape[1] ** 0.5, seen / seen.shape[1] ** 0.5]
        return np.asarray(torch.cat(joined, dim=1).numpy(), dtype=np.float32)

    def prepared(self, inputs: HeadInputs) -> Prepared:
        """Turn raw inputs into those of the network."""
        tokens = torch.from_numpy(np.ascontiguousarray(inputs.tokens, dtype=np.float32))
        centred = tokens[None] - self.token_mean[:, None, None]
        components = torch.einsum("mipd,mdc->mipc", centred, self.basis)
        zero = torch.zeros_like(self.token_scale)
        cells = torch.from_numpy(np.ascontiguousarray(inputs.cells, dtype=np.float32))
        return Prepared(
            vectors=self.vectors(inputs.semantic),
            tokens=_standardised(components, zero, self.token_scale),
            rows=self.rows(inputs.rows),
            cells=_standardised(cells[None], self.cell_mean, self.cell_scale),
        )


def fit_preparation(
    inputs: HeadInputs, member_images: NDArray[np.bool_], groups: Sequence[str] = ()
) -> Preparation:
    """Measure a Preparation.

    Args:
        inputs: all candidates.
        member_images: (M, I) True where a member may look at an image.
        groups: scene of each of the I images; none says nothing of how far a new scene lies.
    """
    scene = np.array(groups if groups else [""] * member_images.shape[1])
    # A part of the candidates still holds the images of the others, which are not to be measured.
    present = np.isin(np.arange(member_images.shape[1]), inputs.image_of_row)
    dim = inputs.tokens.shape[2]
    parts: list[dict[str, Tensor]] = []
    known: dict[bytes, dict[str, Tensor]] = {}
    for allowed in member_images & present:
        key = allowed.tobytes()
        if key not in known:
            known[key] = _measured(inputs, allowed, dim, scene[allowed].tolist())
        parts.append(known[key])
    return Preparation(**{name: torch.stack([p[name] for p in parts]) for name in parts[0]})


def _measured(
    inputs: HeadInputs, allowed: NDArray[np.bool_], dim: int, groups: Sequence[str]
) -> dict[str, Tensor]:
    tokens = torch.from_numpy(inputs.tokens[allowed].reshape(-1, dim).astype(np.float32))
    mean = tokens.mean(dim=0)
    # From the (D, D) covariance: there are many more tokens than dimensions.
    centred = tokens - mean
    _, directions = torch.linalg.eigh(centred.T @ centred / len(centred))
    kept = min(COMPONENTS, dim)
    basis = torch.zeros(dim, COMPONENTS)
    basis[:, :kept] = directions[:, -kept:].flip(1)
    scale = (centred @ basis).std(dim=0).clamp(min=1e-3)
    vectors = torch.from_numpy(inputs.semantic[allowed].astype(np.float32))
    joined = _compressed(vectors, mean[None], basis[None])[0]
    seen = allowed[inputs.image_of_row]
    row_mean, row_scale = _moments(inputs.rows[seen][:, _ROW_COLUMNS])
    cells = inputs.cells[seen]
    cell_mean, cell_scale = _moments(cells.reshape(-1, cells.shape[2]))
    return {
        "token_mean": mean,
        "basis": basis,
        "token_scale": scale,
        "vector_mean": joined.mean(dim=0),
        # Of a single image there is no sample deviation, which would be NaN.
        "vector_scale": joined.std(dim=0, correction=min(1, len(joined) - 1)).clamp(min=1e-3),
        "row_mean": row_mean,
        "row_scale": row_scale,
        "cell_mean": cell_mean,
        "cell_scale": cell_scale,
        **{f"seen_{name}": value for name, value in measure_seen(vectors, groups).items()},
    }


def _moments(values: NDArray[np.float32]) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation of each column, missing values left out."""
    there = np.isfinite(values)
    count = np.maximum(there.sum(axis=0), 1)
    mean = np.where(there, values, 0.0).sum(axis=0, dtype=np.float64) / count
    spread = np.where(there, values - mean, 0.0)
    scale = np.sqrt((spread**2).sum(axis=0, dtype=np.float64) / count)
    return (
        torch.from_numpy(mean.astype(np.float32)),
        torch.from_numpy(np.maximum(scale, 1e-4).astype(np.float32)),
    )


def _standardised(values: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
    """Standardise (1 or M, ..., c) by (M, c); what is not finite becomes the mean, 0."""
    shape = (mean.shape[0], *(1,) * (values.ndim - 2), mean.shape[1])
    scaled = (values - mean.view(shape)) / scale.view(shape)
    return torch.where(torch.isfinite(scaled), scaled, torch.zeros(())).clamp(-CLIP, CLIP)


def _compressed(vectors: Tensor, mean: Tensor, basis: Tensor) -> Tensor:
    """Return (M, I, COMPONENTS + rest) of (I, D + rest)."""
    dim = mean.shape[1]
    components = torch.matmul(vectors[None, :, :dim] - mean[:, None], basis)
    return torch.cat([components, vectors[:, dim:].expand(len(mean), -1, -1)], dim=-1)

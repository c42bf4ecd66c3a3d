"""Labelled candidates that a head learns from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from rsqa_core.errors import InvalidInputError
from rsqa_core.features.grids import CELL_SIDE, pooled
from rsqa_core.heads.inputs import HeadInputs, Places
from rsqa_core.records import VOID

Array = NDArray[np.float32]

PIXELS = 48
"""Pixels sampled a candidate, from which the error map is fitted."""


@dataclass(frozen=True, slots=True)
class HeadData:
    """N labelled candidates of I images.

    Attributes:
        inputs: what the head is given of them.
        places: where they lie.
        fold_names: fold of each image by name, I entries; "" keeps an image in every training set.
        targets: (N,) overall accuracy in 0..1.
        weights: (N,) importance of each label, 1 for a trusted one.
        cell_targets: (N, P) share of each cell's valid pixels that is right, NaN without any.
        cell_valid: (N, P) share of each cell's pixels that is valid.
        mean_iou, boundary_f1: (N,) measured, NaN where unknown.
        class_iou: (N, K) measured IoU by class, NaN where a class is absent.
        class_guess: (N, K) what the consensus expects of it.
        pixels: (N, S, 4) sampled pixels of each candidate: row and column as shares of the sides,
            probability of its class by the consensus, 1 where it is wrong; NaN where it is not
            valid.
        class_names: normalised names of every class of the training.
    """

    inputs: HeadInputs
    places: Places
    fold_names: tuple[str, ...]
    targets: Array
    weights: Array
    cell_targets: Array
    cell_valid: Array
    mean_iou: Array
    boundary_f1: Array
    class_iou: Array
    class_guess: Array
    pixels: Array
    class_names: tuple[str, ...]

    def __post_init__(self) -> None:
        count = len(self.inputs)
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name not in ("fold_names", "class_names") and len(value) != count:
                raise InvalidInputError(
                    f"Expected `{field.name}` of {count} candidates, but got {len(value)}."
                )
        if len(self.fold_names) != len(self.inputs.semantic):
            raise InvalidInputError(
                f"Expected a fold for each of {len(self.inputs.semantic)} images, but got "
                f"{len(self.fold_names)}."
            )
        inside = (self.targets >= 0) & (self.targets <= 1)
        if not inside.all():  # False for NaN too
            raise InvalidInputError("Expected every target to be a number in [0, 1].")

    @property
    def image_of_row(self) -> NDArray[np.int64]:
        return self.inputs.image_of_row

    def only(self, rows: NDArray[np.int64]) -> HeadData:
        """Return the candidates of ``rows``; their images keep their places."""
        kept = {
            field.name: getattr(self, field.name)[rows]
            for field in fields(self)
            if isinstance(getattr(self, field.name), np.ndarray)
        }
        return HeadData(
            inputs=self.inputs.only(rows),
            places=self.places.only(rows),
            fold_names=self.fold_names,
            class_names=self.class_names,
            **kept,
        )


def joined(parts: Sequence[HeadData]) -> HeadData:
    """Return the candidates of several data sets as one; class columns are filled up with NaN.

    Raises:
        InvalidInputError: no part, or embeddings of different lengths.
    """
    if not parts:
        raise InvalidInputError("Expected labelled candidates, but got none.")
    lengths = {part.inputs.tokens.shape[2] for part in parts}
    if len(lengths) > 1:
        raise InvalidInputError(
            f"Expected embeddings of one encoder, but got lengths {sorted(lengths)}."
        )
    firsts = np.cumsum([0, *(len(part.inputs.semantic) for part in parts[:-1])])
    classes = max(part.class_iou.shape[1] for part in parts)
    return HeadData(
        inputs=HeadInputs(
            np.concatenate([p.inputs.semantic for p in parts]),
            np.concatenate([p.inputs.tokens for p in parts]),
            np.concatenate([p.inputs.rows for p in parts]),
            np.concatenate([p.inputs.cells for p in parts]),
            np.concatenate(
                [p.image_of_row + first for p, first in zip(parts, firsts, strict=True)]
            ),
        ),
        places=Places(
            tuple(name for p in parts for name in p.places.images),
            tuple(name for p in parts for name in p.places.sources),
            np.concatenate([p.places.centres_px for p in parts]),
            tuple(name for p in parts for name in p.places.segmenters),
        ),
        fold_names=tuple(name for p in parts for name in p.fold_names),
        targets=np.concatenate([p.targets for p in parts]),
        weights=np.concatenate([p.weights for p in parts]),
        cell_targets=np.concatenate([p.cell_targets for p in parts]),
        cell_valid=np.concatenate([p.cell_valid for p in parts]),
        mean_iou=np.concatenate([p.mean_iou for p in parts]),
        boundary_f1=np.concatenate([p.boundary_f1 for p in parts]),
        class_iou=np.concatenate([_widened(p.class_iou, classes) for p in parts]),
        class_guess=np.concatenate([_widened(p.class_guess, classes) for p in parts]),
        pixels=np.concatenate([p.pixels for p in parts]),
        class_names=tuple(sorted({name for p in parts for name in p.class_names})),
    )


def cell_accuracy(
    mask: NDArray[np.uint8], reference_mask: NDArray[np.uint8]
) -> tuple[Array, Array]:
    """Return the share of right pixels among the valid ones of each cell, and the valid share.

    Args:
        mask: (H, W) uint8 class ids or VOID.
        reference_mask: (H, W) uint8 class ids, VOID where there is no label.

    Returns:
        (P,) float32 in 0..1, NaN without a valid pixel; (P,) float32 in 0..1.
    """
    valid = reference_mask != VOID
    right = pooled((mask == reference_mask) & valid, CELL_SIDE).ravel()
    share = pooled(valid, CELL_SIDE).ravel()
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(share > 0, right / share, np.nan).astype(np.float32), share


def sample_pixels(
    mask: NDArray[np.uint8],
    reference_mask: NDArray[np.uint8],
    own: Array,
    rng: np.random.Generator,
    count: int = PIXELS,
) -> Array:
    """Return ``count`` random pixels of a candidate as HeadData.pixels has them.

    Args:
        own: (H, W) probability of the mask's class by the consensus.
    """
    height, width = mask.shape
    y, x = rng.integers(height, size=count), rng.integers(width, size=count)
    wrong = np.where(reference_mask[y, x] == VOID, np.nan, mask[y, x] != reference_mask[y, x])
    columns = [(y + 0.5) / height, (x + 0.5) / width, own[y, x], wrong]
    return np.stack(columns, axis=1).astype(np.float32)


def _widened(values: Array, columns: int) -> Array:
    filled = np.full((len(values), columns), np.nan, dtype=np.float32)
    filled[:, : values.shape[1]] = values
    return filled

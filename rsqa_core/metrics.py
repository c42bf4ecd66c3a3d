"""Segmentation accuracy from a confusion matrix whose rows are the reference.

Masks are (H, W) arrays of class ids; pixels whose reference is ``VOID`` count nowhere. A candidate
that says ``VOID`` where the reference has a class is wrong there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rsqa_core.errors import InvalidInputError
from rsqa_core.records import VOID

Mask = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Overall accuracy in 0..1 (higher is better) and the valid pixels that it counts."""

    overall_accuracy: float
    valid_px: int


def overall_accuracy(mask: Mask, reference_mask: Mask) -> Accuracy | None:
    """Return the share of valid pixels on which both masks agree; None without a valid pixel.

    Args:
        mask: (H, W) uint8 predicted class ids.
        reference_mask: (H, W) uint8 class ids, VOID where there is no label.

    Raises:
        InvalidInputError: the shapes differ.

    Example:
        >>> a = np.array([[0, 1], [2, 2]], dtype=np.uint8)
        >>> b = np.array([[0, 0], [2, 255]], dtype=np.uint8)
        >>> overall_accuracy(a, b).valid_px
        3
    """
    _require_same_shape(mask, reference_mask)
    valid = reference_mask != VOID
    count = int(valid.sum())
    if count == 0:
        return None
    right = int(((mask == reference_mask) & valid).sum())
    return Accuracy(right / count, count)


def confusion_matrix(mask: Mask, reference_mask: Mask, class_count: int) -> NDArray[np.int64]:
    """Count pixels by (reference class, predicted class).

    Returns:
        (K, K + 1) int64; the last column holds valid pixels that the mask leaves VOID.

    Raises:
        InvalidInputError: shapes differ, or an id is neither VOID nor below ``class_count``.
    """
    _require_same_shape(mask, reference_mask)
    for name, array in (("mask", mask), ("reference_mask", reference_mask)):
        labelled = array[array != VOID]
        if labelled.size and int(labelled.max()) >= class_count:
            raise InvalidInputError(
                f"Expected class ids below {class_count} in `{name}`, but got "
                f"{int(labelled.max())}. Map or ignore that class at import."
            )
    valid = reference_mask != VOID
    rows = reference_mask[valid].astype(np.int64)
    columns = np.minimum(mask[valid].astype(np.int64), class_count)
    width = class_count + 1
    counts = np.bincount(rows * width + columns, minlength=class_count * width)
    return counts.reshape(class_count, width)


def iou_per_class(confusion: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return intersection over union per class, (K,) in 0..1; NaN for a class in neither mask."""
    classes = confusion.shape[0]
    square = confusion[:, :classes]
    intersection = np.diag(square).astype(np.float64)
    union = confusion.sum(axis=1) + square.sum(axis=0) - intersection
    iou = np.full(classes, np.nan)
    np.divide(intersection, union, out=iou, where=union > 0)
    return iou


def mean_iou(confusion: NDArray[np.int64]) -> float:
    """Return the mean of ``iou_per_class`` over the classes that occur, NaN when none does."""
    values = iou_per_class(confusion)
    present = values[np.isfinite(values)]
    return float(present.mean()) if present.size else float("nan")


def _require_same_shape(mask: Mask, reference_mask: Mask) -> None:
    if mask.shape != reference_mask.shape:
        raise InvalidInputError(
            f"Expected `mask` to have the reference's shape {reference_mask.shape}, but got "
            f"{mask.shape}. Resample it with nearest neighbour, or import the matching mask."
        )

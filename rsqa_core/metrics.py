"""Segmentation accuracy from a confusion matrix whose rows are the reference.

Masks are (H, W) arrays of class ids; pixels whose reference is ``VOID`` count nowhere. A candidate
that says ``VOID`` where the reference has a class is wrong there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

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


BOUNDARY_TOLERANCE_PX = 3.0
"""How far two boundaries may be apart and still count as the same one, unless told otherwise."""


def boundary_f1(
    mask: Mask, reference_mask: Mask, tolerance_px: float = BOUNDARY_TOLERANCE_PX
) -> float | None:
    """Return how well the boundaries between classes agree, in 0..1; None without a valid pixel.

    A valid pixel is on a boundary when a valid pixel beside, above or below it has another class.
    Precision is the share of the mask's boundary pixels that have one of the reference's within
    ``tolerance_px`` (between centres), recall the reverse, and their harmonic mean is returned: 1
    where neither has a boundary, 0 where only one has.

    Args:
        mask: (H, W) uint8 predicted class ids.
        reference_mask: (H, W) uint8 class ids, VOID where there is no label.
        tolerance_px: 0 or more.

    Raises:
        InvalidInputError: the shapes differ.
    """
    _require_same_shape(mask, reference_mask)
    valid = reference_mask != VOID
    if not valid.any():
        return None
    predicted = _boundary(mask, valid)
    expected = _boundary(reference_mask, valid)
    if not predicted.any() or not expected.any():
        return float(predicted.any() == expected.any())
    precision = float((_distance_to(expected)[predicted] <= tolerance_px).mean())
    recall = float((_distance_to(predicted)[expected] <= tolerance_px).mean())
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _boundary(mask: Mask, valid: NDArray[np.bool_]) -> NDArray[np.bool_]:
    boundary = np.zeros(mask.shape, dtype=bool)
    beside = (mask[:, :-1] != mask[:, 1:]) & valid[:, :-1] & valid[:, 1:]
    below = (mask[:-1] != mask[1:]) & valid[:-1] & valid[1:]
    boundary[:, :-1] |= beside
    boundary[:, 1:] |= beside
    boundary[:-1] |= below
    boundary[1:] |= below
    return boundary


def _distance_to(marked: NDArray[np.bool_]) -> NDArray[np.float64]:
    distance: NDArray[np.float64] = ndimage.distance_transform_edt(~marked)
    return distance


@dataclass(frozen=True, slots=True)
class Targets:
    """Everything that is measured of one candidate; all but ``valid_px`` in 0..1.

    Attributes:
        overall_accuracy: share of right pixels.
        mean_iou: mean over the classes that occur in either mask.
        ious: intersection over union by class id, NaN for a class in neither mask.
        boundary_f1: see ``boundary_f1``.
        valid_px: pixels that count.
    """

    overall_accuracy: float
    mean_iou: float
    ious: tuple[float, ...]
    boundary_f1: float
    valid_px: int


def measure_targets(
    mask: Mask,
    reference_mask: Mask,
    class_count: int,
    tolerance_px: float = BOUNDARY_TOLERANCE_PX,
) -> Targets | None:
    """Measure a candidate by every target; None without a valid pixel.

    Raises:
        InvalidInputError: shapes differ, or an id is neither VOID nor below ``class_count``.
    """
    accuracy = overall_accuracy(mask, reference_mask)
    boundary = boundary_f1(mask, reference_mask, tolerance_px)
    if accuracy is None or boundary is None:
        return None
    confusion = confusion_matrix(mask, reference_mask, class_count)
    return Targets(
        overall_accuracy=accuracy.overall_accuracy,
        mean_iou=mean_iou(confusion),
        ious=tuple(iou_per_class(confusion).tolist()),
        boundary_f1=boundary,
        valid_px=accuracy.valid_px,
    )


def _require_same_shape(mask: Mask, reference_mask: Mask) -> None:
    if mask.shape != reference_mask.shape:
        raise InvalidInputError(
            f"Expected `mask` to have the reference's shape {reference_mask.shape}, but got "
            f"{mask.shape}. Resample it with nearest neighbour, or import the matching mask."
        )

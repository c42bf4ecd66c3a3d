from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rsqa_core.errors import InvalidInputError
from rsqa_core.metrics import (
    boundary_f1,
    confusion_matrix,
    iou_per_class,
    mean_iou,
    measure_targets,
    overall_accuracy,
)
from rsqa_core.records import VOID

IDS = [0, 1, 2, VOID]
MASKS = arrays(np.uint8, (6, 7), elements=st.sampled_from(IDS))

MASK = np.array([[0, 0, 1], [1, 2, 255]], dtype=np.uint8)
REFERENCE = np.array([[0, 1, 1], [255, 2, 2]], dtype=np.uint8)


def test_the_case_done_by_hand() -> None:
    accuracy = overall_accuracy(MASK, REFERENCE)
    assert accuracy is not None
    assert (accuracy.overall_accuracy, accuracy.valid_px) == (3 / 5, 5)
    confusion = confusion_matrix(MASK, REFERENCE, 3)
    assert confusion.tolist() == [[1, 0, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1]]
    assert iou_per_class(confusion).tolist() == [1 / 2, 1 / 2, 1 / 2]
    assert mean_iou(confusion) == 1 / 2


@given(MASKS, MASKS)
def test_accuracy_agrees_with_counting_pixel_by_pixel(
    mask: np.ndarray, reference: np.ndarray
) -> None:
    pairs = [(m, r) for m, r in zip(mask.flat, reference.flat, strict=True) if r != VOID]
    accuracy = overall_accuracy(mask, reference)
    if not pairs:
        assert accuracy is None
        return
    assert accuracy is not None
    assert accuracy.valid_px == len(pairs)
    assert accuracy.overall_accuracy == sum(m == r for m, r in pairs) / len(pairs)


@given(MASKS, MASKS)
def test_iou_agrees_with_sets_of_pixels(mask: np.ndarray, reference: np.ndarray) -> None:
    iou = iou_per_class(confusion_matrix(mask, reference, 3))
    valid = reference != VOID
    for class_id in range(3):
        said = set(np.flatnonzero((mask == class_id) & valid))
        true = set(np.flatnonzero(reference == class_id))
        if said | true:
            assert iou[class_id] == pytest.approx(len(said & true) / len(said | true))
        else:
            assert math.isnan(iou[class_id])


@given(MASKS, MASKS)
def test_the_confusion_matrix_counts_each_valid_pixel_once(
    mask: np.ndarray, reference: np.ndarray
) -> None:
    confusion = confusion_matrix(mask, reference, 3)
    assert confusion.sum() == (reference != VOID).sum()
    assert confusion[:, 3].sum() == ((mask == VOID) & (reference != VOID)).sum()


def test_without_a_valid_pixel_there_is_no_number() -> None:
    void = np.full((2, 2), VOID, dtype=np.uint8)
    assert overall_accuracy(np.zeros_like(void), void) is None
    assert math.isnan(mean_iou(confusion_matrix(void, void, 2)))


def test_void_in_the_candidate_is_wrong() -> None:
    accuracy = overall_accuracy(np.full((2, 2), VOID, np.uint8), np.zeros((2, 2), np.uint8))
    assert accuracy is not None
    assert accuracy.overall_accuracy == 0.0


def test_other_shapes_and_unknown_ids_are_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"\(2, 3\)"):
        overall_accuracy(np.zeros((2, 2), np.uint8), REFERENCE)
    with pytest.raises(InvalidInputError, match="below 2 in `mask`, but got 2"):
        confusion_matrix(MASK, MASK, 2)


def columns(*widths: int) -> np.ndarray:
    """Upright stripes of one class each, three rows high."""
    row = np.repeat(np.arange(len(widths)), widths)
    return np.tile(row, (3, 1)).astype(np.uint8)


def test_the_boundaries_done_by_hand() -> None:
    reference, mask = columns(3, 5), columns(5, 3)

    # Boundary columns 2 and 3 of the reference, 4 and 5 of the mask.
    assert boundary_f1(mask, reference, 0) == 0.0
    assert boundary_f1(mask, reference, 1) == pytest.approx(0.5)  # 4 is by 3; 3 is by 4
    assert boundary_f1(mask, reference, 2) == 1.0
    # Two boundaries, one of them right: precision 1/2, recall 1.
    assert boundary_f1(columns(3, 3, 2), reference, 0) == pytest.approx(2 / 3)


def test_a_boundary_with_void_is_none() -> None:
    reference = columns(3, 5)
    reference[:, 3:5] = VOID

    assert boundary_f1(columns(4, 4), reference, 0) == 1.0  # the only change lies in VOID
    assert boundary_f1(columns(2, 6), reference, 0) == 0.0
    assert boundary_f1(columns(8), np.full((3, 8), VOID, np.uint8)) is None


@given(MASKS, MASKS, st.sampled_from([0.0, 1.0, 1.5, 3.0]))
def test_boundaries_agree_with_comparing_every_pair_of_pixels(
    mask: np.ndarray, reference: np.ndarray, tolerance: float
) -> None:
    def pixels_of(ids: np.ndarray) -> list[tuple[int, int]]:
        found = []
        for y, x in np.ndindex(*ids.shape):
            for v, u in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
                if not (0 <= v < ids.shape[0] and 0 <= u < ids.shape[1]):
                    continue
                if VOID in (reference[y, x], reference[v, u]) or ids[y, x] == ids[v, u]:
                    continue
                found.append((y, x))
                break
        return found

    def share(of: list[tuple[int, int]], near: list[tuple[int, int]]) -> float:
        return sum(min(math.dist(p, q) for q in near) <= tolerance for p in of) / len(of)

    measured = boundary_f1(mask, reference, tolerance)

    predicted, expected = pixels_of(mask), pixels_of(reference)
    if (reference == VOID).all():
        assert measured is None
    elif not predicted or not expected:
        assert measured == float(predicted == expected)
    else:
        precision, recall = share(predicted, expected), share(expected, predicted)
        harmonic = 2 * precision * recall / max(precision + recall, 1e-12)
        assert measured == pytest.approx(harmonic)


def test_all_targets_of_the_case_done_by_hand() -> None:
    targets = measure_targets(MASK, REFERENCE, 3)

    assert targets is not None
    assert (targets.overall_accuracy, targets.mean_iou, targets.valid_px) == (3 / 5, 1 / 2, 5)
    assert targets.ious == (1 / 2, 1 / 2, 1 / 2)
    assert targets.boundary_f1 == boundary_f1(MASK, REFERENCE)
    assert measure_targets(MASK, np.full_like(MASK, VOID), 3) is None

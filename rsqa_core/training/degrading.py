"""Degraded masks of known quality, made from a clean one.

What a segmenter gets wrong is imitated: an object that is not there, one that is missing, one in
the wrong place, an outline too wide or too narrow, a class taken for another. The overall accuracy
of the result against the clean mask is exact, so a head has something to learn from before the
first label. The kinds and the bounds on objects and swaps follow the change simulation of Changen2
(Zheng et al. 2024).

Everywhere: masks are (H, W) uint8 class ids; VOID stays where it is and grows nowhere; the mask
given is never changed; a kind that finds nothing to work on returns an equal mask.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from rsqa_core.errors import InvalidInputError
from rsqa_core.metrics import overall_accuracy
from rsqa_core.records import VOID, require_unit_interval

Mask = NDArray[np.uint8]
Where = NDArray[np.bool_]

MIN_OBJECT_PX = 64
"""Only connected parts larger than this count as objects."""

MAX_OBJECT_SHARE = 0.25
"""A part that fills more of the image is ground, not an object to be added or moved."""

SWAP_PROBABILITY = 0.3
"""How likely each object takes another class in `class_swapped_by_object`."""

_PLACES_TRIED = 12
_STEPS_WITHOUT_GAIN = 24
_STEPS = 400


@dataclass(frozen=True, slots=True)
class MaskObject:
    """A connected part of one class: where its bounding box begins, and its shape inside it."""

    class_id: int
    row_px: int
    column_px: int
    shape: Where

    @property
    def area_px(self) -> int:
        return int(self.shape.sum())

    def window(self, rows_px: int = 0, columns_px: int = 0) -> tuple[slice, slice]:
        """Return its bounding box, moved by so many px."""
        row, column = self.row_px + rows_px, self.column_px + columns_px
        height, width = self.shape.shape
        return slice(row, row + height), slice(column, column + width)


def objects_of(mask: Mask) -> list[MaskObject]:
    """Return the parts of more than MIN_OBJECT_PX px that share a class and an edge, by class."""
    found = []
    for class_id in _present(mask):
        labels, _ = ndimage.label(mask == class_id)
        sizes = np.bincount(labels.ravel())
        for number, window in enumerate(ndimage.find_objects(labels), 1):
            if sizes[number] > MIN_OBJECT_PX:
                shape = labels[window] == number
                found.append(MaskObject(class_id, window[0].start, window[1].start, shape))
    return found


def object_added(mask: Mask, rng: np.random.Generator) -> Mask:
    """Copy an object of the image to another place in it, over what is there.

    The place is taken only when more than MIN_OBJECT_PX px change; several are tried.
    """
    chosen = _choose(_movable(mask), rng)
    if chosen is None:
        return mask.copy()
    height, width = chosen.shape.shape
    for _ in range(_PLACES_TRIED):
        row = int(rng.integers(mask.shape[0] - height + 1))
        column = int(rng.integers(mask.shape[1] - width + 1))
        placed = MaskObject(chosen.class_id, row, column, chosen.shape)
        result = _paste(mask, placed)
        if int((result != mask).sum()) > MIN_OBJECT_PX:
            return result
    return mask.copy()


def object_removed(mask: Mask, rng: np.random.Generator) -> Mask:
    """Fill an object with the classes around it, each px with the nearest."""
    chosen = _choose(objects_of(mask), rng)
    return mask.copy() if chosen is None else _without(mask, chosen)


def object_shifted(mask: Mask, rng: np.random.Generator, *, shift_px: float) -> Mask:
    """Move an object by about ``shift_px`` in any direction; what it uncovers is filled.

    Whatever would lie outside of the image is cut off.

    Raises:
        InvalidInputError: ``shift_px`` is below 1.
    """
    if not shift_px >= 1:
        raise InvalidInputError(f"Expected `shift_px` to be at least 1, but got {shift_px}.")
    chosen = _choose(_movable(mask), rng)
    if chosen is None:
        return mask.copy()
    angle = rng.uniform(0, 2 * np.pi)
    rows, columns = round(shift_px * np.sin(angle)), round(shift_px * np.cos(angle))
    moved = MaskObject(
        chosen.class_id, chosen.row_px + rows, chosen.column_px + columns, chosen.shape
    )
    return _paste(_without(mask, chosen), moved)


def boundary_moved(mask: Mask, class_id: int, width_px: float) -> Mask:
    """Move the outlines of a class against its neighbours.

    Args:
        mask: the clean mask.
        class_id: the class that grows or shrinks.
        width_px: how far, in px of Euclidean distance; positive grows the class, negative shrinks
            it, and the nearest neighbour takes its place. VOID and the image's edge are no
            neighbours.

    Raises:
        InvalidInputError: ``class_id`` is VOID or no class id.
    """
    _require_classes([class_id])
    own = mask == class_id
    other = ~own & (mask != VOID)
    result = mask.copy()
    if not own.any() or not other.any():
        return result
    if width_px >= 0:
        result[other & (ndimage.distance_transform_edt(~own) <= width_px)] = class_id
    else:
        distance, (rows, columns) = ndimage.distance_transform_edt(~other, return_indices=True)
        lost = own & (distance <= -width_px)
        result[lost] = mask[rows[lost], columns[lost]]
    return result


def class_swapped_by_object(
    mask: Mask,
    classes: Sequence[int],
    rng: np.random.Generator,
    probability: float = SWAP_PROBABILITY,
) -> Mask:
    """Give each object, with ``probability``, another class of ``classes``.

    Raises:
        InvalidInputError: the probability is outside [0, 1].
    """
    require_unit_interval("probability", probability)
    result = mask.copy()
    for each in objects_of(mask):
        others = [k for k in classes if k != each.class_id]
        if others and rng.random() < probability:
            result[each.window()][each.shape] = rng.choice(others)
    return result


def class_swapped(mask: Mask, class_id: int, other_id: int) -> Mask:
    """Take one class for another everywhere.

    Raises:
        InvalidInputError: one of the two is VOID or no class id.
    """
    _require_classes([class_id, other_id])
    result = mask.copy()
    result[mask == class_id] = other_id
    return result


def degrade(
    mask: Mask, classes: Sequence[int], rng: np.random.Generator, strength: float
) -> tuple[Mask, tuple[str, ...]]:
    """Combine kinds of errors until about ``strength`` of the valid px are wrong.

    A step that would go far beyond is not taken and another is tried, so where no kind fits any
    more the result stays below. Measure it with `rsqa_core.metrics.overall_accuracy`.

    Args:
        mask: (H, W) uint8 clean mask.
        classes: the class ids that may be put, each 0..254.
        rng: the same state gives the same mask.
        strength: wanted share of wrong px among those that are not VOID, 0..1.

    Returns:
        The degraded mask, and the kinds that were applied (of KINDS), in order.

    Raises:
        InvalidInputError: the mask is not (H, W) uint8, a class id or the strength is out of range.
    """
    require_unit_interval("strength", strength)
    if mask.ndim != 2 or mask.dtype != np.uint8 or not mask.size:
        raise InvalidInputError(
            f"Expected `mask` to be (H, W) uint8, but got {mask.shape} {mask.dtype}."
        )
    _require_classes(classes)
    # A wanted error of one half may be missed by six points, one of two points only by one.
    most = min(1.0, strength + 0.01 + 0.1 * strength)
    result, wrong, failed = mask.copy(), 0.0, 0
    applied: list[str] = []
    for _ in range(_STEPS):
        if wrong >= strength or failed == _STEPS_WITHOUT_GAIN:
            break
        kind = str(rng.choice(list(KINDS)))
        trial = KINDS[kind](result, classes, rng)
        error = _wrong_share(trial, mask)
        if wrong < error <= most:
            result, wrong, failed = trial, error, 0
            applied.append(kind)
        else:
            failed += 1
    return result, tuple(applied)


def _require_classes(classes: Sequence[int]) -> None:
    if not classes or not all(0 <= k < VOID for k in classes):
        raise InvalidInputError(
            f"Expected class ids in 0..{VOID - 1} (VOID is none), but got {list(classes)}."
        )


def _wrong_share(mask: Mask, clean: Mask) -> float:
    accuracy = overall_accuracy(mask, clean)
    return 0.0 if accuracy is None else 1.0 - accuracy.overall_accuracy


def _shift_some(mask: Mask, classes: Sequence[int], rng: np.random.Generator) -> Mask:
    return object_shifted(mask, rng, shift_px=max(1.0, min(mask.shape) * rng.uniform(0.01, 0.15)))


def _move_some(mask: Mask, classes: Sequence[int], rng: np.random.Generator) -> Mask:
    present = _present(mask)
    if not present:
        return mask.copy()
    width = 1.0 + min(mask.shape) / 64 * rng.random()
    return boundary_moved(mask, int(rng.choice(present)), float(width * rng.choice((-1, 1))))


def _swap_some(mask: Mask, classes: Sequence[int], rng: np.random.Generator) -> Mask:
    present = _present(mask)
    own = int(rng.choice(present)) if present else VOID
    others = [k for k in classes if k != own]
    if not present or not others:
        return mask.copy()
    return class_swapped(mask, own, int(rng.choice(others)))


_Kind = Callable[[Mask, Sequence[int], np.random.Generator], Mask]

KINDS: dict[str, _Kind] = {
    "object added": lambda mask, classes, rng: object_added(mask, rng),
    "object removed": lambda mask, classes, rng: object_removed(mask, rng),
    "object shifted": _shift_some,
    "boundary moved": _move_some,
    "objects swapped": class_swapped_by_object,
    "class swapped": _swap_some,
}
"""Kinds of errors by name, each with a size drawn for the mask at hand."""


def _present(mask: Mask) -> list[int]:
    counts = np.bincount(mask.ravel(), minlength=VOID + 1)[:VOID]
    return [int(k) for k in np.flatnonzero(counts)]


def _movable(mask: Mask) -> list[MaskObject]:
    most = MAX_OBJECT_SHARE * mask.size
    return [each for each in objects_of(mask) if each.area_px <= most]


def _choose(objects: Sequence[MaskObject], rng: np.random.Generator) -> MaskObject | None:
    return objects[int(rng.integers(len(objects)))] if objects else None


def _paste(mask: Mask, placed: MaskObject) -> Mask:
    """Put an object over a mask; what lies outside or on VOID is cut off."""
    result = mask.copy()
    rows, columns = placed.window()
    top, left = max(rows.start, 0), max(columns.start, 0)
    view = result[top : max(rows.stop, 0), left : max(columns.stop, 0)]
    inner = placed.shape[top - rows.start :, left - columns.start :]
    inner = inner[: view.shape[0], : view.shape[1]]
    view[inner & (view != VOID)] = placed.class_id
    return result


def _without(mask: Mask, gone: MaskObject) -> Mask:
    """Fill an object with the nearest class around it; it stays where there is none."""
    hole = np.zeros(mask.shape, dtype=bool)
    hole[gone.window()][gone.shape] = True
    around = ~hole & (mask != VOID)
    result = mask.copy()
    if around.any():
        rows, columns = ndimage.distance_transform_edt(
            ~around, return_distances=False, return_indices=True
        )
        result[hole] = mask[rows[hole], columns[hole]]
    return result

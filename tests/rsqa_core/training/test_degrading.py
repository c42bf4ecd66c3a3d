"""Degraded masks: each kind of error on masks made by hand, and what holds for all of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import ndimage

from rsqa_core.errors import InvalidInputError
from rsqa_core.metrics import overall_accuracy
from rsqa_core.records import VOID
from rsqa_core.training.degrading import (
    KINDS,
    Mask,
    boundary_moved,
    class_swapped,
    class_swapped_by_object,
    degrade,
    object_added,
    object_removed,
    object_shifted,
    objects_of,
)

CLASSES = (0, 1, 2, 3)


def yard() -> Mask:
    """Ground 0 with a house 1 of 10 x 10 px at (20, 20), and VOID in the two lowest rows."""
    mask = np.zeros((64, 64), dtype=np.uint8)
    mask[20:30, 20:30] = 1
    mask[62:] = VOID
    return mask


def town(seed: int = 0) -> Mask:
    """Smooth patches of four classes, some of it VOID."""
    rng = np.random.default_rng(seed)
    fields = [ndimage.gaussian_filter(rng.normal(size=(64, 64)), 5) for _ in CLASSES]
    mask = np.stack(fields).argmax(axis=0).astype(np.uint8)
    mask[:3] = VOID
    mask[40:45, 10:20] = VOID
    return mask


def naive_share(mask: Mask, clean: Mask) -> float:
    right = valid = 0
    for row in range(clean.shape[0]):
        for column in range(clean.shape[1]):
            if clean[row, column] != VOID:
                valid += 1
                right += int(mask[row, column] == clean[row, column])
    return right / valid


def test_an_added_object_has_the_shape_and_class_of_one_that_is_there() -> None:
    result = object_added(yard(), np.random.default_rng(1))

    changed = (result != yard()) & (result == 1)
    assert int(changed.sum()) > 64
    assert (result[yard() == 1] == 1).all()
    rows, columns = np.nonzero(changed)
    assert np.ptp(rows) < 10
    assert np.ptp(columns) < 10


def test_a_removed_object_is_filled_by_what_is_around_it() -> None:
    mask = yard()
    mask[:, 40:] = 2
    mask[62:] = VOID
    mask[20:30, 35:45] = 1  # on the border of 0 and 2
    found = {object_removed(mask, np.random.default_rng(seed)).tobytes() for seed in range(12)}

    expected = mask.copy()
    expected[20:30, 35:40], expected[20:30, 40:45] = 0, 2
    assert expected.tobytes() in found


def test_a_shifted_object_keeps_its_size_and_moves_as_far_as_asked() -> None:
    result = object_shifted(yard(), np.random.default_rng(3), shift_px=12)

    rows, columns = np.nonzero(result == 1)
    assert len(rows) == 100
    assert np.hypot(rows.mean() - 24.5, columns.mean() - 24.5) == pytest.approx(12, abs=1)
    assert (result[20:30, 20:30] != 1).any()


def test_an_object_shifted_out_of_the_image_is_cut_off_or_gone() -> None:
    sizes = {
        int((object_shifted(yard(), np.random.default_rng(seed), shift_px=33) == 1).sum())
        for seed in range(30)
    }

    assert 0 in sizes
    assert max(sizes) == 100
    assert sizes - {0, 100}


@pytest.mark.parametrize(("width", "side"), [(1, 12), (3, 16), (-1, 8), (-3, 4), (-6, 0)])
def test_a_boundary_moves_by_so_many_pixels(width: float, side: int) -> None:
    result = boundary_moved(yard(), 1, width)

    rows, columns = np.nonzero(result == 1)
    assert len(np.unique(rows)) == len(np.unique(columns)) == side
    corners = {1: 4, 3: 20}.get(int(width), 0)  # grown corners are round
    assert len(rows) == side * side - corners


def test_void_and_the_edge_of_the_image_eat_nothing() -> None:
    mask = yard()
    mask[50:64, :10] = 3
    mask[62:] = VOID

    result = boundary_moved(mask, 3, -2)

    assert (result == 3)[50:62, :10].sum() == 10 * 8
    assert (result[52:62, :8] == 3).all()


def test_objects_are_swapped_one_by_one_with_their_probability() -> None:
    mask = np.zeros((64, 64), dtype=np.uint8)
    for row in range(0, 60, 15):
        for column in range(0, 60, 15):
            mask[row : row + 10, column : column + 10] = 1
    mask[-4:, -4:] = 1  # too small to be an object
    swapped = [
        sum(bool((result[r : r + 10, c : c + 10] != 1).all()) for r in places for c in places)
        for result in (
            class_swapped_by_object(mask, CLASSES, np.random.default_rng(seed))
            for seed in range(60)
        )
        for places in [range(0, 60, 15)]
    ]

    assert 0.3 * 16 - 1 < np.mean(swapped) < 0.3 * 16 + 1
    assert len(set(swapped)) > 3
    every = class_swapped_by_object(mask, CLASSES, np.random.default_rng(0), probability=1.0)
    assert (every[-4:, -4:] == 1).all()
    assert (every != mask).sum() == mask.size - 16


def test_a_whole_class_is_swapped() -> None:
    result = class_swapped(yard(), 1, 3)

    assert ((result == 3) == (yard() == 1)).all()
    assert (result != yard()).sum() == 100


def test_small_parts_and_void_are_no_objects() -> None:
    mask = yard()
    mask[0:8, 0:8] = 2  # 64 px: not larger than the bound
    mask[40:49, 40:48] = 2

    assert [(o.class_id, o.area_px) for o in objects_of(mask)] == [
        (0, 64 * 62 - 100 - 64 - 72),
        (1, 100),
        (2, 72),
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_void_is_untouched_and_the_clean_mask_unchanged(kind: str) -> None:
    for seed in range(6):
        clean = town(seed)

        result = KINDS[kind](clean, CLASSES, np.random.default_rng(seed))

        assert clean.tobytes() == town(seed).tobytes()
        assert ((result == VOID) == (clean == VOID)).all()
        assert set(np.unique(result)) <= {*CLASSES, VOID}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_makes_errors_somewhere(kind: str) -> None:
    results = [KINDS[kind](town(s), CLASSES, np.random.default_rng(s)) for s in range(6)]

    assert any((result != town(s)).any() for s, result in enumerate(results))


def test_the_same_seed_gives_the_same_mask_and_another_another() -> None:
    def made(seed: int) -> tuple[bytes, tuple[str, ...]]:
        result, kinds = degrade(town(), CLASSES, np.random.default_rng(seed), 0.3)
        return result.tobytes(), kinds

    assert made(1) == made(1)
    assert made(1) != made(2)
    assert set(made(1)[1]) <= KINDS.keys()


def test_the_accuracy_is_that_of_a_naive_count() -> None:
    for strength in (0.05, 0.4):
        result, _ = degrade(town(), CLASSES, np.random.default_rng(0), strength)

        accuracy = overall_accuracy(result, town())

        assert accuracy is not None
        assert accuracy.overall_accuracy == naive_share(result, town())
        assert accuracy.overall_accuracy < 1


def test_severity_follows_the_strength() -> None:
    strengths = (0.0, 0.05, 0.1, 0.2, 0.4, 0.6)
    errors = [
        [
            1 - naive_share(degrade(town(s), CLASSES, np.random.default_rng(s), wanted)[0], town(s))
            for s in range(8)
        ]
        for wanted in strengths
    ]

    means = np.mean(errors, axis=1)
    assert means[0] == 0
    assert (np.diff(means) > 0).all()
    for wanted, found in zip(strengths, errors, strict=True):
        assert max(found) <= wanted + 0.01 + 0.1 * wanted
        assert np.mean(found) == pytest.approx(wanted, abs=0.05)


@pytest.mark.parametrize(
    "mask",
    [np.full((20, 20), VOID, dtype=np.uint8), np.zeros((20, 20), dtype=np.uint8)],
    ids=["void", "one class"],
)
def test_where_nothing_fits_the_mask_stays_as_it_is(mask: Mask) -> None:
    result, kinds = degrade(mask, (0,), np.random.default_rng(0), 0.5)

    assert kinds == ()
    assert result is not mask
    assert (result == mask).all()


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda rng: degrade(yard(), CLASSES, rng, 1.5), "strength"),
        (lambda rng: degrade(yard(), (0, VOID), rng, 0.5), "class ids in 0..254"),
        (lambda rng: degrade(yard(), (), rng, 0.5), "class ids"),
        (lambda rng: degrade(yard().astype(np.int64), CLASSES, rng, 0.5), r"\(H, W\) uint8"),
        (lambda rng: object_shifted(yard(), rng, shift_px=0), "shift_px"),
        (lambda rng: class_swapped(yard(), VOID, 0), "VOID is none"),
        (lambda rng: class_swapped_by_object(yard(), CLASSES, rng, 2.0), "probability"),
    ],
)
def test_input_without_meaning_is_refused(
    call: Callable[[np.random.Generator], object], said: str
) -> None:
    with pytest.raises(InvalidInputError, match=said):
        call(np.random.default_rng(0))

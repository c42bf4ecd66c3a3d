"""Labelled candidates: what fits together, several data sets as one, right pixels by cell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from rsqa_core.errors import InvalidInputError
from rsqa_core.heads.inputs import PLACES
from rsqa_core.records import VOID
from rsqa_core.training.head_data import HeadData, cell_accuracy, joined
from tests.rsqa_core.synthetic import head_data


def test_cells_of_right_pixels_by_hand() -> None:
    reference = np.zeros((16, 16), dtype=np.uint8)
    mask = reference.copy()
    mask[0, :3] = 1  # two wrong pixels of the first cell, one of the second
    reference[2:4, 0] = VOID  # half of the cell below the first
    mask[2, 1] = 1
    reference[14:, 14:] = VOID  # all of the last cell

    right, valid = cell_accuracy(mask, reference)

    assert right.shape == valid.shape == (PLACES,)
    assert right.dtype == valid.dtype == np.float32
    assert right[:3].tolist() == [0.5, 0.75, 1.0]
    assert (right[8], valid[8]) == (0.5, 0.5)
    assert np.isnan(right[-1])
    assert valid[-1] == 0.0
    assert (valid == 1.0).sum() == PLACES - 2


def test_cells_weighed_by_their_valid_share_give_the_overall_accuracy() -> None:
    rng = np.random.default_rng(0)
    reference = rng.integers(0, 3, size=(32, 32)).astype(np.uint8)
    mask = rng.integers(0, 3, size=(32, 32)).astype(np.uint8)
    reference[rng.random(reference.shape) < 0.3] = VOID
    mask[:2] = VOID  # not labelled is not right

    right, valid = cell_accuracy(mask, reference)

    known = reference != VOID
    expected = (mask == reference)[known].mean()
    assert (right * valid).sum() / valid.sum() == pytest.approx(expected, rel=1e-5)


def test_some_candidates_keep_everything_that_is_known_of_them() -> None:
    data = head_data(images=4)
    rows = np.array([9, 4])

    some = data.only(rows)

    assert some.fold_names == data.fold_names
    assert some.class_names == data.class_names
    assert some.image_of_row.tolist() == [3, 1]
    assert some.places.images == (data.places.images[9], data.places.images[4])
    for name in ("targets", "weights", "cell_targets", "mean_iou", "class_iou", "class_guess"):
        assert np.array_equal(getattr(some, name), getattr(data, name)[rows]), name


def test_data_sets_are_joined_image_after_image() -> None:
    first, second = head_data(images=3), head_data(images=2, seed=1, folds=("west",))
    second = replace(second, class_names=("road", "water"))

    both = joined([first, second])

    assert both.image_of_row.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]
    assert both.fold_names == (*first.fold_names, "west", "west")
    assert both.places.sources == first.places.sources + second.places.sources
    assert both.class_names == ("land", "road", "water")
    assert np.array_equal(both.targets, np.concatenate([first.targets, second.targets]))
    row = 9 + 4  # the second image of the second data set
    image = both.image_of_row[row]
    assert np.array_equal(both.inputs.semantic[image], second.inputs.semantic[1])
    assert np.array_equal(both.inputs.tokens[image], second.inputs.tokens[1])
    assert np.array_equal(both.inputs.cells[row], second.inputs.cells[4])


def test_columns_of_fewer_classes_are_filled_up() -> None:
    two, three = head_data(images=2), head_data(images=1, seed=1)
    wide = np.full((3, 3), 0.5, dtype=np.float32)

    both = joined([two, replace(three, class_iou=wide, class_guess=wide)])

    assert both.class_iou.shape == both.class_guess.shape == (9, 3)
    assert np.array_equal(both.class_iou[:6, :2], two.class_iou)
    assert np.isnan(both.class_iou[:6, 2]).all()
    assert np.isnan(both.class_guess[:6, 2]).all()
    assert np.array_equal(both.class_iou[6:], wide)


def test_one_data_set_stays_as_it_is() -> None:
    data = head_data(images=3)

    same = joined([data])

    assert np.array_equal(same.inputs.rows, data.inputs.rows)
    assert same.places.images == data.places.images


def test_nothing_or_different_encoders_cannot_be_joined() -> None:
    data = head_data(images=2)
    short = replace(data, inputs=replace(data.inputs, tokens=data.inputs.tokens[:, :, :5]))

    with pytest.raises(InvalidInputError, match="but got none"):
        joined([])
    with pytest.raises(InvalidInputError, match=r"lengths \[5, 6\]"):
        joined([data, short])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: {"targets": d.targets[:-1]}, "`targets` of 18 candidates, but got 17"),
        (lambda d: {"weights": d.weights[:-1]}, "`weights` of 18"),
        (lambda d: {"cell_targets": d.cell_targets[:-1]}, "`cell_targets` of 18"),
        (lambda d: {"places": d.places.only(np.arange(4))}, "`places` of 18 candidates, but got 4"),
        (lambda d: {"fold_names": d.fold_names[1:]}, "each of 6 images, but got 5"),
        (lambda d: {"targets": np.where(d.targets > 0.5, np.nan, d.targets)}, r"\[0, 1\]"),
        (lambda d: {"targets": d.targets + 0.9}, r"\[0, 1\]"),
    ],
    ids=["targets", "weights", "cells", "places", "folds", "NaN", "beyond 1"],
)
def test_data_that_does_not_fit_is_refused(
    change: Callable[[HeadData], dict[str, object]], message: str
) -> None:
    data = head_data(images=6)

    with pytest.raises(InvalidInputError, match=message):
        replace(data, **change(data))

"""What a head is given: shapes that fit, images that keep their places."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from rsqa_core.errors import InvalidInputError
from rsqa_core.heads.inputs import HeadInputs
from tests.rsqa_core.synthetic import head_data


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda i: {"rows": i.rows[:-1]}, "rows"),
        (lambda i: {"rows": i.rows[:, 1:]}, "rows"),
        (lambda i: {"cells": i.cells[:, 1:]}, "cells"),
        (lambda i: {"cells": i.cells[:, :, 1:]}, "cells"),
        (lambda i: {"tokens": i.tokens[1:]}, "tokens"),
        (lambda i: {"tokens": i.tokens[:, 1:]}, "tokens"),
    ],
    ids=["a row", "a number", "a place", "a cell's number", "an image", "a token"],
)
def test_arrays_of_other_lengths_are_refused(
    change: Callable[[HeadInputs], dict[str, object]], name: str
) -> None:
    inputs = head_data(images=3).inputs

    with pytest.raises(InvalidInputError, match=f"`{name}` to be"):
        replace(inputs, **change(inputs))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("name", ["semantic", "tokens"])
def test_what_the_encoder_sees_must_be_finite(name: str, bad: float) -> None:
    inputs = head_data(images=3).inputs
    values = getattr(inputs, name).copy()
    values[1, 3] = bad

    with pytest.raises(InvalidInputError, match="finite semantic vectors"):
        replace(inputs, **{name: values})


def test_some_candidates_keep_their_image_and_their_place() -> None:
    data = head_data(images=4)
    rows = np.array([7, 2])

    inputs, places = data.inputs.only(rows), data.places.only(rows)

    assert len(inputs) == len(places) == 2
    assert inputs.image_of_row.tolist() == [2, 0]
    assert inputs.semantic is data.inputs.semantic
    assert np.array_equal(inputs.rows, data.inputs.rows[rows])
    assert np.array_equal(inputs.cells, data.inputs.cells[rows])
    assert places.images == (data.places.images[7], data.places.images[2])
    assert places.sources == (data.places.sources[7], data.places.sources[2])
    assert places.segmenters == (data.places.segmenters[7], data.places.segmenters[2])
    assert np.array_equal(places.centres_px, data.places.centres_px[rows])


def test_no_candidate_at_all_is_fine() -> None:
    data = head_data(images=2)

    assert len(data.inputs.only(np.array([], dtype=np.int64))) == 0


def test_a_part_does_not_look_at_all_images_again() -> None:
    """A large project is scored in thousands of parts: that would take images times parts."""
    inputs = head_data(images=3).inputs
    inputs.tokens[2] = np.nan  # as if nobody had looked

    part = inputs.only(np.array([0]))

    assert np.isnan(part.tokens[2]).all()
    with pytest.raises(InvalidInputError, match="finite semantic vectors"):
        replace(part, rows=part.rows)  # whatever is put together anew is looked at

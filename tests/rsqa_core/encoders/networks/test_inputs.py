"""Bands picked by name, resized and normalised."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rsqa_core.encoders.networks.inputs import BandPreprocessing, pick_bands, prepare_bands
from rsqa_core.errors import InvalidInputError

TWO = BandPreprocessing(8, ("red", "nir"), offset=(10.0, 100.0), scale=(2.0, 50.0))
STRETCH = BandPreprocessing(8, ("VV", "VH"), stretch_sigmas=2.0)


def image(bands: int = 2, side: int = 8) -> NDArray[np.float32]:
    return np.random.default_rng(0).normal(5, 2, (bands, side, side)).astype(np.float32)


def test_each_band_is_normalised_by_its_own_numbers() -> None:
    given = image()

    ready = prepare_bands(given, TWO)

    assert ready.dtype == np.float32
    assert ready[0] == pytest.approx((given[0] - 10) / 2, abs=1e-5)
    assert ready[1] == pytest.approx((given[1] - 100) / 50, abs=1e-5)


def test_two_sigmas_either_side_of_the_mean_become_0_and_1() -> None:
    given = image()
    given[0, 0, 0] = 1e3

    ready = prepare_bands(given, STRETCH)

    mean, deviation = given[1].mean(), given[1].std(ddof=1)
    expected = np.clip((given[1] - (mean - 2 * deviation)) / (4 * deviation), 0, 1)
    assert ready[1] == pytest.approx(expected, abs=1e-5)
    assert ready[0, 0, 0] == 1


def test_a_constant_band_becomes_the_middle_of_the_stretch() -> None:
    ready = prepare_bands(np.full((2, 8, 8), 7.0), STRETCH)

    assert ready == pytest.approx(np.full((2, 8, 8), 0.5))


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_the_whole_image_is_resized_within_its_range(interpolation: str) -> None:
    given = np.zeros((1, 16, 32), dtype=np.uint8)
    given[0, :, 16:] = 200
    plain = BandPreprocessing(8, ("red",), (0.0,), (1.0,), interpolation=interpolation)

    ready = prepare_bands(given, plain)

    assert ready.shape == (1, 8, 8)
    assert ready[0, :, :3] == pytest.approx(np.zeros((8, 3)))
    assert ready[0, :, -3:] == pytest.approx(np.full((8, 3), 200.0))
    assert ready.min() >= 0
    assert ready.max() <= 200


def test_bands_are_picked_by_name_and_put_into_order() -> None:
    given = image(3)

    picked = pick_bands(given, ("red", "nir"), ("nir", "swir", "red"))

    assert np.array_equal(picked, given[[2, 0]])
    assert pick_bands(given[:2], ("red", "nir"), None) is not None


@pytest.mark.parametrize(
    ("bands", "names", "message"),
    [
        (3, None, r"has 3 bands, but the encoder takes 2: red, nir"),
        (3, ("red", "green", "blue"), r"no band nir; it has red, green, blue"),
        (3, ("red", "nir"), r"each of the image's 3 bands, but got 2"),
    ],
)
def test_missing_bands_are_named(bands: int, names: tuple[str, ...] | None, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        pick_bands(image(bands), ("red", "nir"), names)


@pytest.mark.parametrize("given", [np.zeros((8, 8)), np.zeros((2, 8, 8), dtype=bool)])
def test_what_is_no_image_is_refused(given: NDArray[Any]) -> None:
    with pytest.raises(InvalidInputError, match=r"\(C, H, W\) numbers"):
        pick_bands(given, ("red", "nir"), None)


def test_values_that_are_not_finite_are_refused() -> None:
    given = image()
    given[1, 2, 3] = np.nan

    with pytest.raises(InvalidInputError, match="not finite"):
        prepare_bands(given, TWO)


def test_preprocessing_has_one_way_to_normalise_and_numbers_for_every_band() -> None:
    with pytest.raises(InvalidInputError, match="either an offset and a scale or a stretch"):
        BandPreprocessing(8, ("red",))
    with pytest.raises(InvalidInputError, match="either an offset and a scale or a stretch"):
        BandPreprocessing(8, ("red",), (0.0,), (1.0,), stretch_sigmas=2.0)
    with pytest.raises(InvalidInputError, match="one scale for each of the 2 bands, but got 1"):
        BandPreprocessing(8, ("red", "nir"), (0.0, 0.0), (1.0,))

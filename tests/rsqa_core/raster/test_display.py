from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rsqa_core.errors import InvalidInputError
from rsqa_core.raster import (
    display_bands,
    encode_display_jpeg,
    open_source,
    read_rgb,
    stretch_of,
    stretch_of_pixels,
    to_rgb,
    write_tile_geotiff,
)
from tests.rsqa_core.raster.making import noise, write_tiff


def test_three_bands_are_shown_or_one_repeated() -> None:
    assert [display_bands(n) for n in (1, 2, 3, 4, 200)] == [(0,), (0,), (0, 1, 2)] + [
        (0, 1, 2)
    ] * 2
    pixels = noise((2, 8, 8))
    np.testing.assert_array_equal(to_rgb(pixels), np.stack([pixels[0]] * 3))
    pixels = noise((5, 8, 8))
    np.testing.assert_array_equal(to_rgb(pixels), pixels[:3])


def test_eight_bit_imagery_is_shown_as_it_is(tmp_path: Path) -> None:
    with open_source(write_tiff(tmp_path / "a.tif", noise((3, 20, 20)))) as source:
        assert stretch_of(source) == ()


def test_dark_eight_bit_imagery_of_land_is_stretched(tmp_path: Path) -> None:
    scene = np.random.default_rng(0).integers(20, 251, (3, 64, 64), dtype=np.uint8)
    dark = scene // 4
    with open_source(write_tiff(tmp_path / "dark.tif", dark)) as source:
        stretch = stretch_of(source)
    np.testing.assert_allclose(stretch, [np.percentile(band, (2, 98)) for band in dark])
    shown = to_rgb(dark, stretch)
    assert abs(shown.mean() - scene.mean()) < 20  # 34 as it is
    assert (shown.min(), shown.max()) == (0, 255)


@pytest.mark.parametrize(
    ("low", "high"), [(0, 1), (40, 60), (10, 120)], ids=["empty", "water", "not so dark"]
)
def test_dark_water_and_what_is_not_so_dark_stay_as_they_are(low: int, high: int) -> None:
    values = np.random.default_rng(0).integers(low, high, (3, 64, 64), dtype=np.uint8)
    assert stretch_of_pixels(values) == ()


def test_the_stretch_is_percentiles_of_pixels_with_data(tmp_path: Path) -> None:
    pixels = np.arange(3 * 400, dtype=np.float32).reshape(3, 20, 20)
    expected = [tuple(np.percentile(band.reshape(-1)[40:], (2, 98))) for band in pixels]
    pixels[:, 0] = np.nan
    pixels[:, 1] = -1e30
    with open_source(write_tiff(tmp_path / "a.tif", pixels, nodata=float(np.float32(-1e30)))) as s:
        np.testing.assert_allclose(stretch_of(s), expected)


def test_a_flat_or_empty_band_still_has_a_range(tmp_path: Path) -> None:
    flat = np.full((1, 20, 20), 9, dtype=np.uint16)
    with open_source(write_tiff(tmp_path / "a.tif", flat)) as source:
        assert stretch_of(source) == ((9.0, 10.0),)
    empty = np.full((1, 20, 20), np.nan, dtype=np.float32)
    with open_source(write_tiff(tmp_path / "b.tif", empty)) as source:
        assert stretch_of(source) == ((0.0, 1.0),)


def test_values_outside_the_stretch_are_clipped_and_no_number_is_black() -> None:
    values = np.array([[[-5.0, 0.0, 50.0, 100.0, 999.0, np.nan, np.inf]]])
    assert to_rgb(values, [(0.0, 100.0)])[1].tolist() == [[0, 0, 128, 255, 255, 0, 255]]


def test_a_stretch_that_does_not_fit_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="but got none"):
        to_rgb(noise((3, 8, 8), "uint16"))
    with pytest.raises(InvalidInputError, match="3 ranges"):
        to_rgb(noise((3, 8, 8), "uint16"), [(0.0, 1.0)])


def test_a_tile_and_its_jpeg_look_alike(tmp_path: Path) -> None:
    pixels = np.linspace(0, 4000, 3 * 32 * 32).reshape(3, 32, 32).astype(np.uint16)
    (tmp_path / "t.tif").write_bytes(write_tile_geotiff(pixels))
    rgb = read_rgb(tmp_path / "t.tif", [(0.0, 4000.0)] * 3)
    shown = np.asarray(Image.open(io.BytesIO(encode_display_jpeg(rgb))))
    assert shown.shape == (32, 32, 3)
    np.testing.assert_allclose(shown, np.moveaxis(rgb, 0, -1), atol=6)

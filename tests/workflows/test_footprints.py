"""Corners of images on the globe, for the canvas."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rasterio.warp import transform

from rsqa_core.records import ImageRecord
from tests.workflows.test_plans import tile
from workflows.footprints import corners


def placed(image_id: int, crs: str | None = "EPSG:32640") -> ImageRecord:
    affine = (0.5, 0.0, 326_000.0, 0.0, -0.5, 2_786_000.0)
    return replace(tile(image_id, "a", (100, 60)), crs=crs, transform=affine)


def test_corners_go_round_from_the_first_pixel() -> None:
    found = corners([placed(1)])[1]
    xs = [326_000.0, 326_050.0, 326_050.0, 326_000.0]
    ys = [2_786_000.0, 2_786_000.0, 2_785_970.0, 2_785_970.0]
    expected = list(zip(*transform("EPSG:32640", "EPSG:4326", xs, ys), strict=True))
    for point, wanted in zip(found, expected, strict=True):
        assert point == pytest.approx(wanted, abs=1e-9)


def test_images_without_a_place_on_the_globe_are_left_out() -> None:
    images = [placed(1), placed(2, None), placed(3, "no system"), tile(4, "a", (100, 60))]
    assert list(corners(images)) == [1]

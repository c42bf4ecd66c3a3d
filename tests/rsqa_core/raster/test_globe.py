from __future__ import annotations

import math

import pytest

from rsqa_core.errors import InvalidInputError
from rsqa_core.raster.globe import Point, ground_area_m2, signed_area, to_wgs84


def square(x: float, y: float, side: float) -> list[Point]:
    return [(x, y), (x + side, y), (x + side, y + side), (x, y + side), (x, y)]


def test_the_whole_ellipsoid_has_its_known_area() -> None:
    world = [(-180.0, -90.0), (180.0, -90.0), (180.0, 90.0), (-180.0, 90.0), (-180.0, -90.0)]

    assert ground_area_m2(world) == pytest.approx(510_065_621_724_000, rel=1e-9)


@pytest.mark.parametrize(
    ("crs", "x", "y"),
    [("EPSG:32640", 500_000.0, 2_800_000.0), ("EPSG:3035", 4_321_000.0, 3_210_000.0)],
)
def test_a_hectare_has_its_area_wherever_it_lies(crs: str, x: float, y: float) -> None:
    ring = to_wgs84(crs, square(x, y, 100.0))

    assert ring is not None
    # On the central meridian of a UTM zone lengths are 0.9996 of the ground's.
    scale = 0.9996 if crs == "EPSG:32640" else 1.0
    assert ground_area_m2(ring) == pytest.approx(10_000 / scale**2, rel=1e-5)


def test_web_mercator_does_not_blow_areas_up() -> None:
    ring = to_wgs84("EPSG:3857", square(0.0, 8_399_737.0, 100.0))  # 60 degrees north

    assert ring is not None
    assert ground_area_m2(ring) == pytest.approx(10_000 * math.cos(math.radians(60)) ** 2, rel=0.01)


def test_small_areas_far_from_the_origin_keep_their_size() -> None:
    assert signed_area(square(5e6, 5e6, 0.05)) == pytest.approx(0.0025, rel=1e-5)
    assert signed_area(square(0.0, 0.0, 2.0)[::-1]) == -4.0


def test_points_without_a_place_are_none_and_unknown_systems_refused() -> None:
    assert to_wgs84("EPSG:32640", [(1e30, 1e30)]) is None
    with pytest.raises(InvalidInputError, match=r"'nonsense' is not understood.*EPSG code"):
        to_wgs84("nonsense", [(0.0, 0.0)])

"""Shadows and slopes against cases worked out by hand."""

from __future__ import annotations

import numpy as np

from rsqa_core.scenes.canvas import Sun
from rsqa_core.scenes.light import shadow_share, slope_light

FROM_WEST = Sun((-1.0, 0.0), float(np.arctan(0.5)), (0.0, 0.0))
"""Sun in the west, so low that a thing casts a shadow of twice its height to the east."""


def test_a_wall_shades_twice_its_height_on_the_far_side() -> None:
    height = np.zeros((32, 32), dtype=np.float32)
    height[:, 8] = 6.0
    shade = shadow_share(height, FROM_WEST, 1.0)
    assert (shade[16, 9:19] > 0.9).all()
    assert (shade[16, 21:] == 0).all()
    assert (shade[16, :8] == 0).all()


def test_the_shadow_starts_at_the_foot_when_the_camera_leans() -> None:
    # The roof appears 0.5 m to the west per metre of height; its shadow still falls on the ground
    # 2 m to the east per metre of the wall's foot, 2.5 m from where the roof is seen.
    leaning = Sun(FROM_WEST.toward, FROM_WEST.elevation_rad, (-0.5, 0.0))
    height = np.zeros((32, 32), dtype=np.float32)
    height[:, 8] = 6.0
    shade = shadow_share(height, leaning, 1.0)
    assert (shade[16, 9:22] > 0.9).all()
    assert (shade[16, 25:] == 0).all()


def test_level_ground_has_no_shadow() -> None:
    level = np.zeros((8, 8), dtype=np.float32)
    assert (shadow_share(level, FROM_WEST, 1.0) == 0).all()


def test_a_slope_toward_the_sun_is_brighter_than_one_away() -> None:
    ramp = np.tile(np.arange(16, dtype=np.float32) * 0.2, (16, 1))
    rising_to_east = slope_light(ramp, FROM_WEST, 1.0)[8, 8]
    rising_to_west = slope_light(ramp[:, ::-1].copy(), FROM_WEST, 1.0)[8, 8]
    assert rising_to_east > 1.0 > rising_to_west


def test_a_roof_face_toward_the_sun_is_brighter_than_a_level_one() -> None:
    assert FROM_WEST.facing((-1.0, 0.0), 0.4) > FROM_WEST.facing((0.0, 1.0), 0.0)
    assert FROM_WEST.facing((1.0, 0.0), 0.4) < 1.0

"""Pictures put where they lie on square tiles."""

from __future__ import annotations

import numpy as np
import pytest

from rsqa_core.raster.map_tiles import (
    SIDE_PX,
    Quad,
    boxes_of,
    finest_zoom,
    inside,
    on_globe,
    on_plan,
    on_tile,
    paste,
)


def square(left: float, top: float, side: float) -> Quad:
    return np.array(
        [[left, top], [left + side, top], [left + side, top + side], [left, top + side]]
    )


def blank() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.zeros((SIDE_PX, SIDE_PX, 4), dtype=np.uint8)


def test_the_globe_is_as_the_web_has_it() -> None:
    north = 85.0511287798
    found = on_globe([[(-180.0, north), (180.0, north), (180.0, 0.0), (-180.0, 0.0)]])
    assert found[0] == pytest.approx(np.array([[0, 0], [256, 0], [256, 128], [0, 128]]), abs=1e-6)
    assert on_globe([[(0.0, 90.0)] * 4])[0, 0, 1] == pytest.approx(0.0, abs=1e-6)  # poles are cut


def test_a_plan_points_down() -> None:
    ring = [(10.0, -64.0), (74.0, -64.0), (74.0, 0.0), (10.0, 0.0)]
    assert on_plan([ring])[0].tolist() == [[10, 0], [74, 0], [74, 64], [10, 64]]
    assert on_plan([]).shape == (0, 4, 2)


def test_only_what_meets_a_tile_is_found() -> None:
    boxes = boxes_of(np.stack([square(0, 0, 10), square(250, 0, 10), square(-20, -20, 10)]))
    assert inside(boxes, 0, 0, 0).tolist() == [0, 1]
    assert inside(boxes, 0, 1, 0).tolist() == [1]
    assert inside(boxes, 0, -1, -1).tolist() == [2]
    assert inside(boxes, 5, 0, 0).tolist() == [0]
    assert inside(boxes_of(np.zeros((0, 4, 2))), 0, 0, 0).tolist() == []


def test_a_picture_lies_px_by_px_where_its_corners_are() -> None:
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (32, 48, 4), dtype=np.uint8)
    picture[..., 3] = 255
    tile = blank()
    corners = np.array([[8, 16], [56, 16], [56, 48], [8, 48]], dtype=float)
    paste(tile, picture, corners)
    assert np.array_equal(tile[16:48, 8:56], picture)
    tile[16:48, 8:56] = 0
    assert not tile.any()


def test_what_sticks_out_is_cut_off_and_what_lies_beside_leaves_no_trace() -> None:
    picture = np.full((64, 64, 4), 200, dtype=np.uint8)
    picture[..., 3] = 255
    tile = blank()
    paste(tile, picture, square(-32, -32, 64))
    assert (tile[:31, :31, 3] == 255).all()
    assert not tile[33:].any()
    paste(tile, picture, square(SIDE_PX + 5, 0, 64))
    assert not tile[:, 100:].any()


def test_a_turned_picture_is_turned() -> None:
    picture = np.zeros((8, 8, 4), dtype=np.uint8)
    picture[:4, :, 0], picture[4:, :, 2] = 255, 255  # red above, blue below
    picture[..., 3] = 255
    tile = blank()
    upside_down = square(0, 0, 8)[[2, 3, 0, 1]]
    paste(tile, picture, upside_down)
    assert tile[2, 4, 2] > 200
    assert tile[6, 4, 0] > 200


def test_neighbours_leave_no_seam() -> None:
    picture = np.full((50, 50, 4), 120, dtype=np.uint8)
    picture[..., 3] = 255
    tile = blank()
    for left in (10.3, 60.3):
        paste(tile, picture, square(left, 20.0, 50.0))
    row = tile[40, 12:108]
    assert (np.abs(row[:, 0].astype(int) - 120) <= 1).all()
    assert (row[:, 3] > 120).all()


def test_zooms_and_tiles_fit_together() -> None:
    quad = square(3.0, 5.0, 2.0)
    assert on_tile(quad, 7, 1, 2)[0].tolist() == [3 * 128 - 256, 5 * 128 - 512]
    assert finest_zoom([(quad, 512)], 22) == 8
    assert finest_zoom([(quad, 512)], 5) == 5
    assert finest_zoom([], 22) == 0

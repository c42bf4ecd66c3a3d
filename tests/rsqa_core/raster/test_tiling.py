from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsqa_core.errors import InvalidInputError
from rsqa_core.raster import TileWindow, tile_windows


@st.composite
def tilings(draw: st.DrawFn) -> tuple[int, int, int, int]:
    tile = draw(st.integers(16, 200))
    overlap = draw(st.integers(0, tile // 2))
    return draw(st.integers(1, 900)), draw(st.integers(1, 900)), tile, overlap


def spans(windows: list[TileWindow]) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    across = sorted({(w.x_px, w.x_px + w.width_px) for w in windows})
    down = sorted({(w.y_px, w.y_px + w.height_px) for w in windows})
    return across, down


@given(tilings())
def test_tiles_are_equal_and_no_larger_than_asked(tiling: tuple[int, int, int, int]) -> None:
    width, height, tile, overlap = tiling
    windows = tile_windows(width, height, tile, overlap)
    assert len({(w.width_px, w.height_px) for w in windows}) == 1
    assert max(windows[0].width_px, windows[0].height_px) <= tile


@given(tilings())
def test_tiles_cover_everything_and_overlap_as_asked(tiling: tuple[int, int, int, int]) -> None:
    width, height, tile, overlap = tiling
    windows = tile_windows(width, height, tile, overlap)
    for parts, length in zip(spans(windows), (width, height), strict=True):
        assert parts[0][0] == 0
        assert parts[-1][1] == length
        for (_, end), (start, _) in pairwise(parts):
            assert end - start >= overlap
    across, down = spans(windows)
    assert len(windows) == len(across) * len(down)


@given(tilings())
def test_no_fewer_tiles_would_do(tiling: tuple[int, int, int, int]) -> None:
    width, height, tile, overlap = tiling
    for parts, length in zip(
        spans(tile_windows(width, height, tile, overlap)), (width, height), strict=True
    ):
        fewer = len(parts) - 1
        assert fewer == 0 or fewer * tile - (fewer - 1) * overlap < length


def test_rows_come_first_and_know_their_place() -> None:
    windows = tile_windows(40, 40, 32, 0)
    assert [(w.row, w.column, w.y_px, w.x_px) for w in windows] == [
        (0, 0, 0, 0),
        (0, 1, 0, 20),
        (1, 0, 20, 0),
        (1, 1, 20, 20),
    ]


def test_a_rotated_georeference_moves_with_the_window() -> None:
    moved = TileWindow(10, 20, 5, 5).shifted((1.0, 2.0, 100.0, 3.0, 4.0, 200.0))
    assert moved == (1.0, 2.0, 150.0, 3.0, 4.0, 310.0)
    assert TileWindow(10, 20, 5, 5).shifted(None) is None


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((0, 10, 64, 0), "0 x 10"),
        ((10, 10, 8, 0), "16 to 4096"),
        ((10, 10, 5000, 0), "16 to 4096"),
        ((10, 10, 64, 33), "0 to 32"),
        ((10, 10, 64, -1), "0 to 32"),
    ],
)
def test_sizes_without_meaning_are_refused(
    arguments: tuple[int, int, int, int], reason: str
) -> None:
    with pytest.raises(InvalidInputError, match=reason):
        tile_windows(*arguments)

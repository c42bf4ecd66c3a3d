"""Cutting an extent into review tiles."""

from __future__ import annotations

from dataclasses import dataclass

from rsqa_core.errors import InvalidInputError
from rsqa_core.raster.headers import Transform
from rsqa_core.raster.limits import MIN_SIDE_PX


@dataclass(frozen=True, slots=True)
class TileWindow:
    """A window of a source image in px, with its place in the grid of tiles."""

    x_px: int
    y_px: int
    width_px: int
    height_px: int
    row: int = 0
    column: int = 0

    def shifted(self, transform: Transform | None) -> Transform | None:
        """Return the affine of this window, given the one of its source.

        Example:
            >>> TileWindow(10, 20, 5, 5).shifted((2.0, 0.0, 100.0, 0.0, -2.0, 500.0))
            (2.0, 0.0, 120.0, 0.0, -2.0, 460.0)
        """
        if transform is None:
            return None
        a, b, c, d, e, f = transform
        x, y = self.x_px, self.y_px
        return (a, b, c + a * x + b * y, d, e, f + d * x + e * y)


def tile_windows(width_px: int, height_px: int, tile_px: int, overlap_px: int) -> list[TileWindow]:
    """Cut an extent into as few equal windows as possible, row by row.

    All windows have one size, at most ``tile_px`` a side, cover every pixel, and neighbours share
    at least ``overlap_px``; where the extent does not divide evenly they share some pixels more.

    Raises:
        InvalidInputError: a side is not positive, the tile is smaller than 16 px, or the overlap
            is negative or leaves less than half of a tile.

    Example:
        >>> [(w.x_px, w.width_px) for w in tile_windows(797, 400, 512, 0)]
        [(0, 399), (398, 399)]
    """
    if width_px < 1 or height_px < 1:
        raise InvalidInputError(
            f"Expected an extent of at least 1 x 1 px, but got {width_px} x {height_px}."
        )
    require_tile_size(tile_px, overlap_px)
    width, columns = _starts(width_px, tile_px, overlap_px)
    height, rows = _starts(height_px, tile_px, overlap_px)
    return [
        TileWindow(x, y, width, height, row, column)
        for row, y in enumerate(rows)
        for column, x in enumerate(columns)
    ]


def require_tile_size(tile_px: int, overlap_px: int) -> None:
    """Check the two sizes of a tiling.

    Raises:
        InvalidInputError: the tile is smaller than 16 px or larger than 4096 px, or the overlap is
            negative or more than half a tile.
    """
    if not MIN_SIDE_PX <= tile_px <= 4096:
        raise InvalidInputError(
            f"Expected a tile size of {MIN_SIDE_PX} to 4096 px, but got {tile_px}."
        )
    if not 0 <= overlap_px <= tile_px // 2:
        raise InvalidInputError(
            f"Expected an overlap of 0 to {tile_px // 2} px (half a tile), but got {overlap_px}."
        )


def _starts(length_px: int, tile_px: int, overlap_px: int) -> tuple[int, list[int]]:
    """Return the size of the parts along one axis and where each begins."""
    if length_px <= tile_px:
        return length_px, [0]
    count = -(-(length_px - overlap_px) // (tile_px - overlap_px))
    size = -(-(length_px + (count - 1) * overlap_px) // count)
    return size, [i * (length_px - size) // (count - 1) for i in range(count)]

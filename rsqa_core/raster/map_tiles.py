"""Square tiles of a map, drawn from pictures that lie anywhere on it.

World px are Leaflet's: at zoom z the unit square of 256 px at zoom 0 is 256 * 2^z px wide, x to the
right and y down. On the globe they are Web Mercator; on a plan they are its px with y turned round.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE_PX = 256
Point = tuple[float, float]
Quad = NDArray[np.float64]
"""(4, 2) corners of a picture in world px of zoom 0: top left, top right, bottom right, left."""
Quads = NDArray[np.float64]
"""(N, 4, 2): those of N pictures."""

_LARGEST_LATITUDE = 85.0511287798


def on_globe(rings: Sequence[Sequence[Point]]) -> Quads:
    """Return corners given as (longitude, latitude) in world px of zoom 0, Web Mercator.

    Args:
        rings: four corners of each picture, from the top left clockwise.

    Example:
        >>> on_globe([[(0.0, 0.0), (180.0, 0.0), (180.0, 0.0), (0.0, 0.0)]])[0, :2].tolist()
        [[128.0, 128.0], [256.0, 128.0]]
    """
    corners = np.asarray(rings, dtype=np.float64).reshape(-1, 4, 2)
    latitude = np.radians(np.clip(corners[..., 1], -_LARGEST_LATITUDE, _LARGEST_LATITUDE))
    x = (corners[..., 0] + 180.0) / 360.0
    y = (1.0 - np.arcsinh(np.tan(latitude)) / math.pi) / 2.0
    return np.stack([x, y], axis=-1) * SIDE_PX


def on_plan(rings: Sequence[Sequence[Point]]) -> Quads:
    """Return corners given as (x, y) of a plan, y up, in world px of zoom 0.

    A plan's outline begins at the lower left, against the clock.
    """
    corners = np.asarray(rings, dtype=np.float64).reshape(-1, 4, 2) * (1.0, -1.0)
    return np.ascontiguousarray(corners[:, [3, 2, 1, 0]])


def boxes_of(quads: Quads) -> NDArray[np.float64]:
    """Return (N, 4) left, top, right, bottom of each quad."""
    return np.concatenate([quads.min(axis=1), quads.max(axis=1)], axis=1)


def inside(boxes: NDArray[np.float64], z: int, x: int, y: int) -> NDArray[np.int64]:
    """Return the rows of ``boxes`` that meet a tile."""
    side = SIDE_PX / 2.0**z
    left, top = x * side, y * side
    meets = (
        (boxes[:, 0] < left + side)
        & (boxes[:, 2] > left)
        & (boxes[:, 1] < top + side)
        & (boxes[:, 3] > top)
    )
    return np.flatnonzero(meets)


def on_tile(quads: Quads, z: int, x: int, y: int) -> Quads:
    """Return corners in px of a tile."""
    placed: Quads = quads * 2.0**z - np.array([x, y], dtype=np.float64) * SIDE_PX
    return placed


def longest_side_px(quad: Quad) -> float:
    """Return the longest side of a quad, in its px: how large a picture is worth decoding."""
    sides = np.linalg.norm(quad - np.roll(quad, -1, axis=0), axis=1)
    return float(sides.max())


def paste(tile: NDArray[np.uint8], picture: NDArray[np.uint8], quad: Quad) -> None:
    """Draw a picture into a tile, in place, where its corners lie; what sticks out is cut off.

    Args:
        tile: (SIDE_PX, SIDE_PX, 4) RGBA.
        picture: (H, W, 4) RGBA, drawn over what is there where it is opaque.
        quad: corners in px of the tile.
    """
    low = np.clip(np.floor(quad.min(axis=0)).astype(int), 0, SIDE_PX)
    high = np.clip(np.ceil(quad.max(axis=0)).astype(int), 0, SIDE_PX)
    width, height = (high - low).tolist()
    if width <= 0 or height <= 0:
        return
    rows, columns = picture.shape[:2]
    corners = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], dtype=np.float32)
    # Both grids have their px centres half a px inside.
    matrix = cv2.getPerspectiveTransform(corners - 0.5, (quad - low - 0.5).astype(np.float32))
    size = (width, height)
    # Its edge goes on beyond it, so that no colour mixes with black; how much of a px it covers
    # is a matter of its own.
    colours = cv2.warpPerspective(
        picture[..., :3], matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    cover = cv2.warpPerspective(
        picture[..., 3], matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT
    ).astype(np.uint16)[..., None]
    part = tile[low[1] : high[1], low[0] : high[0]]
    there = part[..., 3:].astype(np.uint16)
    mixed = (colours * cover + part[..., :3] * (255 - cover) + 127) // 255
    part[..., :3] = np.where(there == 0, colours, mixed)
    part[..., 3:] = np.minimum(there + cover, 255)  # two that meet in a px fill it together


def finest_zoom(sizes: Iterable[tuple[Quad, int]], largest: int) -> int:
    """Return the zoom at which pictures are shown px by px, ``largest`` at most.

    Args:
        sizes: corners in world px of zoom 0, and the longest side of each picture in its own px.
    """
    found = [math.ceil(math.log2(px / max(longest_side_px(quad), 1e-12))) for quad, px in sizes]
    return min(max(found, default=0), largest)

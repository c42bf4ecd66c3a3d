"""The drawing surface: colour, class and height of every point, at twice the final resolution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from rsqa_core.scenes.look import Color

BUILDING, LAND, ROAD, VEGETATION, WATER = range(5)
OVERSAMPLING = 2
VERGE, CORRIDOR = 1, 2

Point = tuple[float, float]
Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sun:
    """Direction of sunlight and of the camera's tilt, in image axes (x right, y down).

    ``toward`` is the unit vector to the sun on the ground, ``lean`` how many metres the top of a
    structure moves in the picture per metre of its height.
    """

    toward: Point
    elevation_rad: float
    lean: Point

    def facing(self, direction: Point, slope: float) -> float:
        """Return the light on a plane that falls ``slope`` toward ``direction``; 1 = level."""
        sine, cosine = np.sin(self.elevation_rad), np.cos(self.elevation_rad)
        along = direction[0] * self.toward[0] + direction[1] * self.toward[1]
        light = (sine + cosine * slope * along) / (sine * np.hypot(1.0, slope))
        return float(min(max(light, 0.3), 1.9))


class Canvas:
    """Three aligned pictures of one scene: ``color`` RGB, ``ids`` of classes, ``height`` in metres.

    All drawing takes metres from the top left corner, x right and y down. Order matters: what is
    drawn later lies on top, in all three.
    """

    def __init__(self, size_px: int, gsd_m: float) -> None:
        self.size_px = size_px
        self.gsd_m = gsd_m
        self.fine_px = size_px * OVERSAMPLING
        self.scale = OVERSAMPLING / gsd_m
        self.extent_m = size_px * gsd_m
        self.color = Image.new("RGB", (self.fine_px, self.fine_px))
        self.ids = Image.new("L", (self.fine_px, self.fine_px), LAND)
        self.height = Image.new("F", (self.fine_px, self.fine_px), 0.0)
        self.reserved = Image.new("L", (self.fine_px, self.fine_px), 0)
        self.refresh()

    def refresh(self) -> None:
        """Renew the drawing handles after one of the pictures was replaced."""
        self._color_draw = ImageDraw.Draw(self.color)
        self._ids_draw = ImageDraw.Draw(self.ids)
        self._height_draw = ImageDraw.Draw(self.height)
        self._ids_access = self.ids.load()
        self._reserved_access = self.reserved.load()

    def pixels(self, points: Sequence[Point] | Points) -> list[float]:
        """Return points as the flat list of fine pixel coordinates that Pillow wants."""
        s = self.scale
        return [c * s - 0.5 for p in points for c in p]

    def sees(self, x: float, y: float, margin: float) -> bool:
        """Tell whether a disc around (x, y) can touch the picture."""
        return -margin < x < self.extent_m + margin and -margin < y < self.extent_m + margin

    def class_at(self, x: float, y: float) -> int | None:
        """Return the class id at a point, or None outside the picture."""
        column, row = int(x * self.scale), int(y * self.scale)
        if 0 <= column < self.fine_px and 0 <= row < self.fine_px and self._ids_access:
            return int(self._ids_access[column, row])  # type: ignore[arg-type]
        return None

    def reserved_at(self, x: float, y: float) -> int:
        """Return 0 on free ground, VERGE beside a road, CORRIDOR along a motorway."""
        column, row = int(x * self.scale), int(y * self.scale)
        if 0 <= column < self.fine_px and 0 <= row < self.fine_px and self._reserved_access:
            return int(self._reserved_access[column, row])  # type: ignore[arg-type]
        return 0

    def wall(self, points: Points, width_m: float, color: Color, height_m: float) -> None:
        """Draw a closed wall; it casts a shadow and leaves classes as they are."""
        width = max(1, round(width_m * self.scale))
        flat = self.pixels(points)
        flat += flat[:2]
        self._color_draw.line(flat, fill=color, width=width)
        self._height_draw.line(flat, fill=height_m, width=width)

    def polygon(
        self,
        points: Sequence[Point] | Points,
        color: Color,
        class_id: int | None = None,
        height_m: float | None = None,
    ) -> None:
        """Fill a polygon; a class or height of None leaves that picture as it is."""
        flat = self.pixels(points)
        self._color_draw.polygon(flat, fill=color)
        if class_id is not None:
            self._ids_draw.polygon(flat, fill=class_id)
        if height_m is not None:
            self._height_draw.polygon(flat, fill=height_m)

    def line(self, points: Sequence[Point] | Points, width_m: float, color: Color) -> None:
        """Draw a thin line in the colour picture only (paint marks, walls seen from above)."""
        width = max(1, round(width_m * self.scale))
        self._color_draw.line(self.pixels(points), fill=color, width=width)

    def disc(
        self,
        center: Point,
        radius_m: float,
        color: Color,
        class_id: int | None = None,
        height_m: float | None = None,
    ) -> None:
        """Fill a disc."""
        x, y, r = center[0] * self.scale, center[1] * self.scale, radius_m * self.scale
        box = (x - r - 0.5, y - r - 0.5, x + r - 0.5, y + r - 0.5)
        self._color_draw.ellipse(box, fill=color)
        if class_id is not None:
            self._ids_draw.ellipse(box, fill=class_id)
        if height_m is not None:
            self._height_draw.ellipse(box, fill=height_m)

    def stencil(self) -> tuple[Image.Image, ImageDraw.ImageDraw]:
        """Return an empty mask of the canvas's size and a handle to draw on it."""
        mask = Image.new("L", (self.fine_px, self.fine_px), 0)
        return mask, ImageDraw.Draw(mask)

    def paint_texture(self, texture: Image.Image, mask: Image.Image, class_id: int | None) -> None:
        """Lay ``texture`` (RGB, canvas size) where ``mask`` is set; height there becomes 0."""
        box = mask.getbbox()
        if box is None:
            return
        part = mask.crop(box)
        self.color.paste(texture.crop(box), box, part)
        if class_id is not None:
            self.ids.paste(class_id, box, part)
        self.height.paste(0.0, box, part)


def strip(points: Points, width_m: float, shift_m: float = 0.0) -> Points:
    """Return the outline of a band of ``width_m`` along a polyline, moved ``shift_m`` to its left.

    Args:
        points: (N, 2) float64 with N >= 2, metres.

    Returns:
        (2 N, 2) float64 polygon.
    """
    normals = normals_of(points)
    half = width_m / 2
    left = points + normals * (shift_m + half)
    right = points + normals * (shift_m - half)
    return np.concatenate([left, right[::-1]])


def normals_of(points: Points) -> Points:
    """Return the unit normal at each vertex of a polyline, (N, 2)."""
    tangent = np.gradient(points, axis=0)
    length = np.hypot(tangent[:, 0], tangent[:, 1])
    length[length == 0] = 1.0
    tangent /= length[:, None]
    return np.stack([-tangent[:, 1], tangent[:, 0]], axis=1)


def jittered(rng: np.random.Generator, color: Color, amount: float) -> Color:
    """Return ``color`` with brightness and a little hue changed at random (deviation in 0..255)."""
    shift = rng.normal(0.0, amount) + rng.normal(0.0, amount * 0.35, 3)
    return clipped(tuple(float(c + s) for c, s in zip(color, shift, strict=True)))


def clipped(color: Sequence[float]) -> Color:
    """Return display values rounded into 0..255."""
    r, g, b = (min(255, max(0, round(c))) for c in color)
    return (r, g, b)


def lit(color: Color, light: float) -> Color:
    """Return ``color`` under ``light`` times the light (display values go with the square root)."""
    factor = light**0.5
    return clipped([c * factor for c in color])

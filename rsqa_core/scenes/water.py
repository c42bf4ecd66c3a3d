"""Water bodies as signed distances to the shore, and how water looks by depth."""

from __future__ import annotations

import numpy as np
from PIL import Image

from rsqa_core.scenes.canvas import LAND, VEGETATION, WATER, Canvas
from rsqa_core.scenes.looks import Color
from rsqa_core.scenes.noise import Field, NoiseBank, Rng, enlarged, octaves
from rsqa_core.scenes.palette import Palette

GRID_PX = 128


class Shore:
    """Signed distance to the shoreline in metres: positive on land, negative in water."""

    def __init__(self, rng: Rng, kind: str, extent_m: float, angle: float) -> None:
        self.kind = kind
        self.extent_m = extent_m
        axis = (np.arange(GRID_PX, dtype=np.float32) + 0.5) * (extent_m / GRID_PX)
        self._x, self._y = np.meshgrid(axis, axis)
        self._rng = rng
        self._angle = angle
        self.distance: Field = _KINDS[kind](self).astype(np.float32)

    def at(self, x: float, y: float) -> float:
        """Return the distance at a point; outside the picture that of the nearest edge."""
        j = min(max(int(x / self.extent_m * GRID_PX), 0), GRID_PX - 1)
        i = min(max(int(y / self.extent_m * GRID_PX), 0), GRID_PX - 1)
        return float(self.distance[i, j])

    def _turned(self, angle: float) -> tuple[Field, Field]:
        half = self.extent_m / 2
        x, y = self._x - half, self._y - half
        c, s = np.float32(np.cos(angle)), np.float32(np.sin(angle))
        return x * c + y * s, y * c - x * s

    def _wobble(self, amount: float, cells: int = 3) -> Field:
        field = octaves(self._rng, GRID_PX, coarse_cells=cells, octave_count=4, falloff=0.5)
        return field * np.float32(amount)

    def none(self) -> Field:
        return np.full((GRID_PX, GRID_PX), 1e4, dtype=np.float32)

    def coast(self) -> Field:
        rng, e = self._rng, self.extent_m
        along, _ = self._turned(rng.uniform(0, 2 * np.pi))
        smooth = rng.random() < 0.4
        return (
            along
            + np.float32(rng.uniform(-0.35, 0.35) * e)
            + self._wobble(e * (0.01 if smooth else rng.uniform(0.02, 0.09)), 2)
        )

    def island(self) -> Field:
        rng, e = self._rng, self.extent_m
        result = np.full((GRID_PX, GRID_PX), -1e4, dtype=np.float32)
        for _ in range(int(rng.integers(1, 4))):
            cx, cy = rng.uniform(0.1, 0.9, 2) * e
            radius = rng.uniform(0.12, 0.35) * e
            result = np.maximum(result, radius - np.hypot(self._x - cx, self._y - cy))
        return result + self._wobble(0.05 * e)

    def lake(self) -> Field:
        rng, e = self._rng, self.extent_m
        along, across = self._turned(rng.uniform(0, np.pi))
        a = rng.uniform(0.15, 0.4) * e
        b = a * rng.uniform(0.4, 0.9)
        cx, cy = rng.uniform(-0.35, 0.35, 2) * e
        r = np.hypot((along - cx) / a, (across - cy) / b)
        return (r - 1) * np.float32(b) + self._wobble(0.25 * b)

    def river(self) -> Field:
        rng, e = self._rng, self.extent_m
        along, across = self._turned(rng.uniform(0, np.pi))
        bend = e * rng.uniform(0.04, 0.14)
        wave = 2 * np.pi / (e * rng.uniform(0.5, 1.2))
        middle = np.sin(along * np.float32(wave) + rng.uniform(0, 6)) * np.float32(bend)
        width = min(e * rng.uniform(0.05, 0.2), 180)
        offset = np.float32(rng.uniform(-0.25, 0.25) * e)
        return np.abs(across + offset + middle) - width / 2 + self._wobble(width * 0.12, 4)

    def canal(self) -> Field:
        rng, e = self._rng, self.extent_m
        _, across = self._turned(self._angle + (np.pi / 2 if rng.random() < 0.5 else 0))
        width = rng.uniform(10, 40)
        return np.abs(across + np.float32(rng.uniform(-0.3, 0.3) * e)) - np.float32(width / 2)

    def lagoon(self) -> Field:
        """Smooth engineered basins: a chain of discs joined by channels."""
        rng, e = self._rng, self.extent_m
        count = int(rng.integers(3, 7))
        t = np.linspace(-0.6, 0.6, count) * e
        along, across = self._turned(rng.uniform(0, np.pi))
        bends = rng.uniform(-0.28, 0.28, count) * e
        result = np.full((GRID_PX, GRID_PX), 1e4, dtype=np.float32)
        width = rng.uniform(0.02, 0.07) * e
        for k in range(count):
            radius = rng.uniform(0.5, 2.6) * width
            result = np.minimum(result, np.hypot(along - t[k], across - bends[k]) - radius)
            if k:
                result = np.minimum(
                    result, _capsule(along, across, (t[k - 1], bends[k - 1]), (t[k], bends[k]))
                    - np.float32(width * rng.uniform(0.5, 1.0)),
                )  # fmt: skip
        return result + self._wobble(0.006 * e)

    def fronds(self) -> Field:
        """Land fingers of a made island or marina, open water between them."""
        rng, e = self._rng, self.extent_m
        along, across = self._turned(rng.uniform(0, 2 * np.pi))
        period = rng.uniform(0.22, 0.45) * e
        curved = across + np.float32(rng.uniform(-0.6, 0.6) / e) * along * along
        finger = np.abs(((curved / period) % 1) - 0.5) * period - period * rng.uniform(0.16, 0.3)
        trunk = np.abs(along + rng.uniform(-0.5, 0.5) * e) - rng.uniform(0.05, 0.16) * e
        tip = np.abs(along) - rng.uniform(0.3, 0.7) * e
        fingers = -np.maximum(finger, tip)
        return np.maximum(fingers, -trunk) + self._wobble(0.006 * e)

    def port(self) -> Field:
        """A straight quay with rectangular docks."""
        rng, e = self._rng, self.extent_m
        along, across = self._turned(self._angle + int(rng.integers(4)) * np.pi / 2)
        result = along + np.float32(rng.uniform(-0.3, 0.3) * e)
        for _ in range(int(rng.integers(0, 3))):
            middle, width = rng.uniform(-0.5, 0.5) * e, rng.uniform(0.05, 0.16) * e
            reach = rng.uniform(0.15, 0.6) * e
            dock = np.maximum(np.abs(across - middle) - width, along - reach)
            result = np.minimum(result, dock)
        return result


_KINDS = {
    "none": Shore.none, "coast": Shore.coast, "island": Shore.island, "lake": Shore.lake,
    "river": Shore.river, "canal": Shore.canal, "lagoon": Shore.lagoon, "fronds": Shore.fronds,
    "port": Shore.port,
}  # fmt: skip


def _capsule(x: Field, y: Field, a: tuple[float, float], b: tuple[float, float]) -> Field:
    dx, dy = b[0] - a[0], b[1] - a[1]
    t = np.clip(((x - a[0]) * dx + (y - a[1]) * dy) / (dx * dx + dy * dy + 1e-9), 0, 1)
    distance: Field = np.hypot(x - a[0] - t * dx, y - a[1] - t * dy).astype(np.float32)
    return distance


def paint_water(rng: Rng, canvas: Canvas, bank: NoiseBank, palette: Palette, shore: Shore) -> None:
    """Draw beach, shallows and deep water on the canvas."""
    if shore.kind == "none" or float(shore.distance.min()) > 20:
        return
    size = canvas.fine_px
    fine_texture = bank.fine()
    distance = enlarged(shore.distance, size)
    built = shore.kind in {"canal", "port"}
    if not built:
        distance = distance + fine_texture * np.float32(min(1.2, shore.extent_m * 0.002))
    water = distance < 0
    color = np.asarray(canvas.color).astype(np.float32)
    if not built:
        _beach(rng, color, distance, palette, canvas)
    slope = float(np.exp(rng.uniform(np.log(3), np.log(90))))
    if shore.kind in {"canal", "port"}:
        slope = 4.0
    depth = np.clip(-distance + bank.broad() * np.float32(0.35 * slope) * (distance < -2), 0, None)
    clear = np.exp(-depth / np.float32(slope)) * np.float32(rng.uniform(0.5, 1.0))
    deep, shallow = palette.water_deep, palette.water_shallow
    cloud = 1 + np.float32(rng.uniform(0.0, 0.14)) * bank.broad()
    ripple = _ripples(rng, canvas, bank)
    for k in range(3):
        body = deep[k] * cloud + ripple
        body += (shallow[k] - body) * clear
        color[..., k] = np.where(water, body, color[..., k])
    canvas.color = Image.fromarray(np.clip(color, 0, 255).astype(np.uint8))
    ids = np.asarray(canvas.ids).copy()
    bank_width = rng.uniform(2, 10)
    if shore.kind in {"river", "lake"} and rng.random() < 0.6 and palette.grass_cover > 0.2:
        reeds = (~water) & (distance < bank_width) & (bank.broad() > -0.4)
        green = np.asarray(palette.crowns[0], dtype=np.uint8)
        picture = np.asarray(canvas.color).copy()
        picture[reeds] = green
        canvas.color = Image.fromarray(picture)
        ids[reeds] = VEGETATION
    ids[water] = WATER
    canvas.ids = Image.fromarray(ids)
    canvas.refresh()


def _beach(rng: Rng, color: Field, distance: Field, palette: Palette, canvas: Canvas) -> None:
    width = rng.uniform(2, 25)
    dry: Color = palette.soils[0]
    zone = np.clip(1 - distance / np.float32(width), 0, 1) * (distance >= 0)
    wet = np.clip(1 - distance / np.float32(max(1.5, width * 0.2)), 0, 1)
    for k in range(3):
        sand = dry[k] * 1.06 * (1 - 0.35 * wet)
        color[..., k] += (sand - color[..., k]) * np.minimum(zone * 1.6, 1)


def _ripples(rng: Rng, canvas: Canvas, bank: NoiseBank) -> Field:
    """Return waves and glint as an addition to the display value, (N, N)."""
    strength = float(rng.uniform(0, 5)) * (1 if canvas.gsd_m < 1 else 0.5)
    ripple = bank.fine() * np.float32(strength)
    if rng.random() < 0.35:
        glint = np.clip(bank.grain() + 0.4 * bank.fine() - 2.2, 0, None)
        ripple = ripple + glint * np.float32(rng.uniform(10, 40))
    return ripple


__all__ = ["LAND", "Shore", "paint_water"]

"""Water bodies as signed distances to the shore, and how water looks by depth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.interpolate import CubicSpline, PchipInterpolator

from rsqa_core.scenes.canvas import LAND, WATER, Canvas, Points
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

    def along(self, points: Points) -> NDArray[np.float32]:
        """Return the distance at (N, 2) points as (N,)."""
        cell = np.clip((points / self.extent_m * GRID_PX).astype(int), 0, GRID_PX - 1)
        found: NDArray[np.float32] = self.distance[cell[:, 1], cell[:, 0]]
        return found

    def _turned(self, angle: float) -> tuple[Field, Field]:
        half = self.extent_m / 2
        x, y = self._x - np.float32(half), self._y - np.float32(half)
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
        rim: Field = (r - 1) * np.float32(b)
        return rim + self._wobble(0.25 * b)

    def river(self) -> Field:
        rng, e = self._rng, self.extent_m
        along, across = self._turned(rng.uniform(0, np.pi))
        bend = e * rng.uniform(0.04, 0.14)
        wave = 2 * np.pi / (e * rng.uniform(0.5, 1.2))
        middle = np.sin(along * np.float32(wave) + rng.uniform(0, 6)) * np.float32(bend)
        width = min(e * rng.uniform(0.05, 0.2), 180)
        offset = np.float32(rng.uniform(-0.25, 0.25) * e)
        banks: Field = np.abs(across + offset + middle) - np.float32(width / 2)
        return banks + self._wobble(width * 0.12, 4)

    def canal(self) -> Field:
        rng, e = self._rng, self.extent_m
        _, across = self._turned(self._angle + (np.pi / 2 if rng.random() < 0.5 else 0))
        width = rng.uniform(10, 40)
        middle = np.float32(rng.uniform(-0.3, 0.3) * e)
        banks: Field = np.abs(across + middle) - np.float32(width / 2)
        return banks

    def lagoon(self) -> Field:
        """Smooth engineered basins: a winding channel that widens into pools."""
        rng, e = self._rng, self.extent_m
        count = int(rng.integers(4, 8))
        knots = np.linspace(-0.75, 0.75, count) * e
        along, across = self._turned(rng.uniform(0, np.pi))
        bend = CubicSpline(knots, rng.uniform(-0.24, 0.24, count) * e)
        wide = rng.uniform(0.022, 0.05) * e * rng.choice([1.0, 1.3, 2.0, 3.5], count)
        width = PchipInterpolator(knots, wide)
        result = np.full((GRID_PX, GRID_PX), 1e4, dtype=np.float32)
        for t in np.linspace(knots[0], knots[-1], 130):
            gap = np.hypot(along - np.float32(t), across - np.float32(bend(t)))
            result = np.minimum(result, gap - np.float32(width(t)))
        return result + self._wobble(0.004 * e)

    def fronds(self) -> Field:
        """Land fingers of a made island or marina, open water between them."""
        rng, e = self._rng, self.extent_m
        along, across = self._turned(rng.uniform(0, 2 * np.pi))
        period = rng.uniform(0.22, 0.45) * e
        curved = across + np.float32(rng.uniform(-0.6, 0.6) / e) * along * along
        finger = np.abs(((curved / period) % 1) - 0.5) * period - period * rng.uniform(0.16, 0.3)
        trunk = np.abs(along + rng.uniform(-0.5, 0.5) * e) - rng.uniform(0.05, 0.16) * e
        tip = np.abs(along) - rng.uniform(0.3, 0.7) * e
        land: Field = np.maximum(-np.maximum(finger, tip), -trunk)
        return land + self._wobble(0.006 * e)

    def port(self) -> Field:
        """A straight quay with rectangular docks."""
        rng, e = self._rng, self.extent_m
        along, across = self._turned(self._angle + int(rng.integers(4)) * np.pi / 2)
        result: Field = along + np.float32(rng.uniform(-0.3, 0.3) * e)
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


def paint_water(rng: Rng, canvas: Canvas, bank: NoiseBank, palette: Palette, shore: Shore) -> None:
    """Draw beach or quay, shallows and deep water on the canvas."""
    if shore.kind == "none" or float(shore.distance.min()) > 20:
        return
    distance = enlarged(shore.distance, canvas.fine_px)
    built = shore.kind in {"canal", "port"}
    if not built:
        made = shore.kind in {"fronds", "lagoon"}
        rough = np.float32(min(1.2, shore.extent_m * 0.0025) * (0.2 if made else 1.0))
        distance = distance + bank.fine() * rough
    water = distance < 0
    color = np.asarray(canvas.color).astype(np.float32)
    ids = np.asarray(canvas.ids).copy()
    if built:
        quay = (distance >= 0) & (distance < np.float32(rng.uniform(1.5, 7)))
        color[quay] = np.asarray(palette.paving, dtype=np.float32) * rng.uniform(0.9, 1.15)
        ids[quay] = LAND
    else:
        _beach(rng, color, ids, distance, palette, bank)
    _fill_water(rng, color, distance, water, canvas, bank, palette, shore)
    ids[water] = WATER
    canvas.color = Image.fromarray(np.clip(color, 0, 255).astype(np.uint8))
    canvas.ids = Image.fromarray(ids)
    canvas.refresh()


def _fill_water(
    rng: Rng,
    color: Field,
    distance: Field,
    water: NDArray[np.bool_],
    canvas: Canvas,
    bank: NoiseBank,
    palette: Palette,
    shore: Shore,
) -> None:
    """Colour the water by depth: bottom shows through near the shore, bars and channels beyond."""
    natural = shore.kind in {"coast", "island", "fronds", "lagoon"}
    slope = 3.0 if not natural else float(np.exp(rng.uniform(np.log(4), np.log(80))))
    slope = min(slope, canvas.extent_m * 0.15)
    # Only the water's own pixels are computed, as flat arrays: often that is a small part.
    at = np.flatnonzero(water)
    out = -distance.ravel()[at]
    broad, fine = bank.broad().ravel()[at], bank.fine().ravel()[at]
    depth = out / np.float32(slope)
    if natural and rng.random() < 0.5:
        bars = bank.broad().ravel()[at] * np.float32(rng.uniform(0.2, 0.9))
        depth = np.clip(depth + bars * np.minimum(depth, 1), 0, None)
    clear = np.exp(-depth) * np.float32(rng.uniform(0.55, 1.0))
    bottom = np.clip(1 + 0.12 * fine + 0.1 * broad, 0.4, 1.6)
    cloud = 1 + np.float32(rng.uniform(0.02, 0.18)) * broad
    added = _ripples(rng, canvas, bank).ravel()[at]
    if natural and rng.random() < 0.5:
        edge = np.abs(out - np.float32(rng.uniform(0.5, 6)) - fine)
        foam = np.clip(1 - edge / np.float32(rng.uniform(0.8, 2.5)), 0, 1) * (broad > -0.3)
        added += foam * np.float32(rng.uniform(30, 130))
    flat = color.reshape(-1, 3)
    for k in range(3):
        body = palette.water_deep[k] * cloud
        body += (palette.water_shallow[k] * bottom - body) * clear
        flat[at, k] = body + added


def _beach(
    rng: Rng,
    color: Field,
    ids: NDArray[np.uint8],
    distance: Field,
    palette: Palette,
    bank: NoiseBank,
) -> None:
    """Lay sand or mud along the water, wet where the waves reach."""
    width = float(np.exp(rng.uniform(np.log(1.5), np.log(25))))
    edge = distance + bank.fine() * np.float32(width * 0.15)
    zone = (edge < width) & (distance >= 0)
    wet = np.clip(1 - distance[zone] / np.float32(max(1.0, width * 0.25)), 0, 1)
    tone = (1.04 - 0.34 * wet) * (1 + 0.03 * bank.fine()[zone])
    sand = np.asarray(palette.soils[0], dtype=np.float32)
    color[zone] = tone[:, None] * sand
    ids[zone] = LAND


def _ripples(rng: Rng, canvas: Canvas, bank: NoiseBank) -> Field:
    """Return waves, wind streaks and glint as an addition to the display value, (N, N)."""
    ripple = bank.fine() * np.float32(rng.uniform(0, 4))
    if rng.random() < 0.5:
        angle, length = rng.uniform(0, np.pi), max(rng.uniform(3, 25), 3 * canvas.gsd_m)
        axis = np.arange(canvas.fine_px, dtype=np.float32) / np.float32(canvas.scale)
        phase = axis[None] * np.float32(np.cos(angle)) + axis[:, None] * np.float32(np.sin(angle))
        swell = np.sin(phase * np.float32(2 * np.pi / length) + 2.2 * bank.broad())
        ripple += swell * np.float32(rng.uniform(0.5, 4)) * (0.6 + 0.4 * bank.fine())
    if rng.random() < 0.35:
        glint = np.clip(bank.grain() + 0.5 * bank.fine() - 2.0, 0, None)
        ripple += glint * np.float32(rng.uniform(8, 45))
    return ripple

"""Roads on the canvas: kerbs, carriageways, wear, paint marks, cars and car parks."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw

from rsqa_core.scenes.canvas import (
    BUILDING,
    CORRIDOR,
    LAND,
    ROAD,
    VERGE,
    WATER,
    Canvas,
    Point,
    Points,
    clipped,
    lit,
    normals_of,
    strip,
)
from rsqa_core.scenes.ground import Ground
from rsqa_core.scenes.noise import Rng
from rsqa_core.scenes.palette import CAR_COLORS, Palette
from rsqa_core.scenes.plan import Car, Plan, Street
from rsqa_core.scenes.water import Shore

BARE_KINDS = {"dirt", "track"}
THROUGH_KINDS = {"highway", "ramp", "arterial"}
KERBED_KINDS = {"street", "arterial", "turning"}
MARKED_KINDS = {"arterial", "highway", "street", "ramp"}


class StreetPainter:
    """Draws all streets of a plan: kerbs first, then surfaces, then paint."""

    def __init__(
        self, rng: Rng, canvas: Canvas, ground: Ground, palette: Palette, plan: Plan, shore: Shore
    ) -> None:
        self.rng = rng
        self.canvas = canvas
        self.ground = ground
        self.palette = palette
        self.plan = plan
        self.shore = shore

    def paint(self) -> None:
        """Draw streets, roundabouts and marks; put cars on the roads."""
        plan, canvas = self.plan, self.canvas
        runs = [run for street in plan.streets for run in self._open_runs(street)]
        local = [s for s in runs if s.kind not in {"highway", "ramp"}]
        fast = [s for s in runs if s.kind in {"highway", "ramp"}]
        kerb = self.rng.uniform(0.8, 3.0) if self.palette.look.dirt_streets < 0.5 else 0.6
        self._fill([s for s in local if s.kind in KERBED_KINDS], "paving", LAND, kerb * 2)
        self._fill([s for s in local if s.kind == "track"], "dirt", None, 0, alpha=150)
        self._fill([s for s in local if s.kind == "dirt"], "dirt", ROAD, 0)
        self._fill([s for s in local if s.kind == "path"], "paving", LAND, 0)
        paved = [s for s in local if s.kind not in BARE_KINDS | {"path"}]
        rounds = [r for r in plan.rounds if canvas.sees(*r[0], 40) and self.shore.at(*r[0]) > 40]
        self._fill(paved, "road", ROAD, 0, rounds=rounds)
        self.ground.lay([i for i in plan.islands if self.shore.at(*i.points.mean(axis=0)) > 40])
        self._marks(paved, rounds)
        if fast:
            self._fill([s for s in fast if s.kind == "highway"], "paving", LAND, 1.6)
            self._fill(fast, "highway", ROAD, 0)
            self._marks(fast, [])
        for street in paved + fast:
            self._traffic(street)
        self._reserve(runs)

    def _open_runs(self, street: Street) -> list[Street]:
        """Cut a street into runs that are in view, dry unless a bridge, and off motorways."""
        canvas, shore = self.canvas, self.shore
        points = street.points
        bridge = street.kind in {"highway", "ramp"} or (
            street.kind == "arterial" and shore.kind in {"river", "canal"}
        )
        low, high = -40.0, canvas.extent_m + 40
        keep = ((points > low) & (points < high)).all(axis=1)
        if not bridge:
            keep &= shore.along(points) > street.width_m / 2 + 4
        if street.kind not in THROUGH_KINDS:
            for line, half in self.plan.corridors:
                gaps = np.hypot(*(points[:, None] - line[None]).transpose(2, 0, 1))
                keep &= gaps.min(axis=1) > half + 2
        edges = np.flatnonzero(np.diff(np.concatenate([[0], keep.astype(np.int8), [0]])))
        runs = []
        for start, stop in edges.reshape(-1, 2).tolist():
            part = points[start:stop]
            # A scrap between two shores or corridors would lead from nowhere to nowhere.
            scrap = start > 0 and stop < len(points) and stop - start < 9
            if stop - start >= 2 and not (scrap and keep_inside(part, canvas.extent_m)):
                runs.append(Street(part, street.width_m, street.kind))
        return runs

    def _outline(self, street: Street, width: float) -> Points:
        if street.kind not in BARE_KINDS:
            return strip(street.points, width)
        points = resampled(street.points, 2.0)
        steps = self.rng.standard_normal(len(points) + 6)
        uneven = 1 + 0.22 * np.convolve(steps, np.hanning(9)[1:-1] / 2.0, mode="valid")
        normals = normals_of(points) * (width / 2 * uneven)[:, None]
        return np.concatenate([points + normals, (points - normals)[::-1]])

    def _fill(
        self,
        streets: list[Street],
        material: str,
        class_id: int | None,
        extra_m: float,
        *,
        alpha: int = 255,
        rounds: list[tuple[Point, float, float]] | None = None,
    ) -> None:
        canvas = self.canvas
        if not streets and not rounds:
            return
        mask, draw = canvas.stencil()
        for street in streets:
            width = street.width_m + extra_m
            draw.polygon(canvas.pixels(self._outline(street, width)), fill=alpha)
            if street.kind in {"highway", "ramp"}:
                continue
            for x, y in (street.points[0], street.points[-1]):
                _disc(draw, canvas, (x, y), width / 2, alpha)
        for center, inner, width in rounds or []:
            _disc(draw, canvas, center, inner + width, alpha)
        canvas.paint_texture(self.ground.texture(material), mask, class_id)

    def _marks(self, streets: list[Street], rounds: list[tuple[Point, float, float]]) -> None:
        """Paint lane marks and wheel wear, but none where two roads overlap."""
        canvas, rng = self.canvas, self.rng
        if canvas.gsd_m > 0.9:
            return
        first = Image.new("I", (canvas.fine_px, canvas.fine_px), 0)
        last = Image.new("I", (canvas.fine_px, canvas.fine_px), 0)
        one, two = ImageDraw.Draw(first), ImageDraw.Draw(last)
        shapes = [canvas.pixels(strip(s.points, s.width_m + 0.5)) for s in streets]
        for k, shape in enumerate(shapes):
            one.polygon(shape, fill=k + 1)
        for k, shape in reversed(list(enumerate(shapes))):
            two.polygon(shape, fill=k + 1)
        single = Image.fromarray((np.asarray(first) == np.asarray(last)).astype(np.uint8) * 255)
        handle = ImageDraw.Draw(single)
        for center, inner, width in rounds:
            _disc(handle, canvas, center, inner + width + 2, 0)
        paint, paint_draw = canvas.stencil()
        wear, wear_draw = canvas.stencil()
        earthen = self.palette.road[0] - self.palette.road[2] > 28
        for street in streets:
            if street.kind not in MARKED_KINDS:
                continue
            lanes = max(2, round(street.width_m / 3.5))
            lane = street.width_m / lanes
            normals = normals_of(street.points)
            if canvas.gsd_m < 0.6:
                for k in range(lanes):
                    shift = (k + 0.5) * lane - street.width_m / 2
                    line = canvas.pixels(street.points + normals * shift)
                    wide = max(1, round(lane * 0.55 * canvas.scale))
                    wear_draw.line(line, fill=int(rng.integers(8, 42)), width=wide)
            if street.width_m < 6.0 or earthen or rng.random() < 0.2:
                continue
            strength = int(rng.integers(90, 256))
            thick = max(1, round(0.16 * canvas.scale))
            if street.kind != "street":
                for side in (-1, 1):
                    edge = street.points + normals * (side * (street.width_m / 2 - 0.5))
                    paint_draw.line(canvas.pixels(edge), fill=strength, width=thick)
            for k in range(1, lanes):
                shift = k * lane - street.width_m / 2
                _dashes(canvas, paint_draw, street.points + normals * shift, strength, thick)
        box = (0, 0, canvas.fine_px, canvas.fine_px)
        dark = clipped([c * 0.6 for c in self.palette.road])
        canvas.color.paste(dark, box, wear)
        bright = (226, 224, 218)
        canvas.color.paste(bright, box, ImageChops.multiply(paint, single))

    def _traffic(self, street: Street) -> None:
        rng, canvas = self.rng, self.canvas
        if street.kind not in MARKED_KINDS:
            return
        steps = np.hypot(*np.diff(street.points, axis=0).T)
        position = np.concatenate([[0], np.cumsum(steps)])
        rate = {"highway": 0.05, "arterial": 0.03, "ramp": 0.01}.get(street.kind, 0.014)
        count = rng.poisson(float(position[-1]) * rate * self.palette.cars)
        normals = normals_of(street.points)
        lanes = max(2, round(street.width_m / 3.5))
        for s in rng.uniform(0, position[-1], count).tolist():
            k = min(int(np.searchsorted(position, s)), len(position) - 1)
            lane = (int(rng.integers(lanes)) + 0.5) / lanes - 0.5
            n = normals[k] * lane * street.width_m
            x = float(np.interp(s, position, street.points[:, 0]) + n[0])
            y = float(np.interp(s, position, street.points[:, 1]) + n[1])
            if canvas.sees(x, y, 6):
                axis = (float(normals[k][1]), float(-normals[k][0]))
                self.plan.cars.append(car(rng, (x, y), axis))

    def _reserve(self, runs: list[Street]) -> None:
        """Mark where no building may stand: verges of roads and motorway corridors."""
        canvas = self.canvas
        draw = ImageDraw.Draw(canvas.reserved)
        for street in runs:
            if street.kind not in {"track", "path"}:
                draw.polygon(canvas.pixels(strip(street.points, street.width_m + 2.5)), fill=VERGE)
        for line, half in self.plan.corridors:
            draw.polygon(canvas.pixels(strip(line, 2 * half + 6)), fill=CORRIDOR)
            if half > 100 or len(line) == 2:
                _disc(draw, canvas, (float(line[0, 0]), float(line[0, 1])), half, CORRIDOR)
        canvas.refresh()


def keep_inside(points: Points, extent_m: float) -> bool:
    """Tell whether both ends of a polyline lie within the picture."""
    ends = points[[0, -1]]
    return bool(((ends > 0) & (ends < extent_m)).all())


def resampled(points: Points, step_m: float) -> Points:
    """Return a polyline with vertices about every ``step_m``."""
    position = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    at: NDArray[np.float64] = np.linspace(0, position[-1], max(2, int(position[-1] / step_m)))
    return np.stack(
        [np.interp(at, position, points[:, 0]), np.interp(at, position, points[:, 1])], 1
    )


def _disc(
    draw: ImageDraw.ImageDraw, canvas: Canvas, center: Point, radius_m: float, fill: int
) -> None:
    x, y, r = center[0] * canvas.scale, center[1] * canvas.scale, radius_m * canvas.scale
    draw.ellipse((x - r - 0.5, y - r - 0.5, x + r - 0.5, y + r - 0.5), fill=fill)


def _dashes(
    canvas: Canvas, draw: ImageDraw.ImageDraw, points: Points, strength: int, thick: int
) -> None:
    position = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    starts = np.arange(1.0, position[-1] - 3, 9.0)
    ends = np.stack([starts, starts + 3.5], 1)
    x, y = np.interp(ends, position, points[:, 0]), np.interp(ends, position, points[:, 1])
    for (x0, x1), (y0, y1) in zip(x.tolist(), y.tolist(), strict=True):
        if canvas.sees(x0, y0, 4):
            draw.line(canvas.pixels([(x0, y0), (x1, y1)]), fill=strength, width=thick)


def car(rng: Rng, center: Point, axis: Point, *, lorries: float = 0.08) -> Car:
    """Return a passenger car, at a rate of ``lorries`` something larger."""
    color = CAR_COLORS[int(rng.integers(len(CAR_COLORS)))]
    if rng.random() < lorries:
        return Car(center, axis, rng.uniform(7, 14), 2.5, 3.2, color)
    return Car(center, axis, rng.uniform(4.1, 5.0), 1.85, 1.5, color, "car")


def standing(canvas: Canvas, cars: list[Car], *, on_road: bool) -> list[Car]:
    """Return the vehicles that have a place: car parks for some, no building for the others."""
    if on_road:
        return [c for c in cars if canvas.class_at(*c.center) == ROAD]
    kept = [c for c in cars if canvas.class_at(*c.center) not in (BUILDING, ROAD, WATER)]
    return [c for c in kept if canvas.reserved_at(*c.center) != CORRIDOR]


_OUTLINES = {
    "box": ((-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)),
    "car": ((-1.0, -0.8), (0.85, -1.0), (1.0, -0.6), (1.0, 0.6), (0.85, 1.0), (-1.0, 0.8)),
    "boat": ((-1.0, -0.8), (0.3, -1.0), (1.0, 0.0), (0.3, 1.0), (-1.0, 0.8)),
}
_GLASS = (((0.25, 0.5), (-0.75, -0.55)), (44, 50, 58))


def paint_cars(canvas: Canvas, cars: list[Car]) -> None:
    """Draw vehicles, containers and small things; classes stay, heights cast shadows."""
    for item in cars:
        (x, y), (a, b) = item.center, item.axis
        p, q = item.length_m / 2, item.width_m / 2

        def outline(
            corners: Iterable[tuple[float, float]],
            x: float = x, y: float = y, a: float = a, b: float = b, p: float = p, q: float = q,
        ) -> list[Point]:  # fmt: skip
            return [(x + a * u * p - b * v * q, y + b * u * p + a * v * q) for u, v in corners]

        canvas.polygon(outline(_OUTLINES[item.kind]), item.color, None, item.height_m)
        if item.kind == "boat" and canvas.gsd_m < 0.6:
            deck = ((-0.7, -0.5), (0.1, -0.6), (0.1, 0.6), (-0.7, 0.5))
            canvas.polygon(outline(deck), lit(item.color, 0.6))
        if item.kind == "car" and canvas.gsd_m < 0.45:
            for low, high in _GLASS[0]:
                pane = ((low, -0.78), (high, -0.78), (high, 0.78), (low, 0.78))
                canvas.polygon(outline(pane), _GLASS[1])


def paint_stalls(canvas: Canvas, stalls: list[tuple[Point, Point]]) -> None:
    """Draw the lines between parking stalls where they can be seen."""
    if canvas.gsd_m > 0.5:
        return
    for start, end in stalls:
        if canvas.class_at(*start) == ROAD == canvas.class_at(*end):
            canvas.line([start, end], 0.12, (196, 194, 188))

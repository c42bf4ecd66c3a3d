"""Roads on the canvas: carriageways, marks, roundabouts, interchanges, cars."""

from __future__ import annotations

import numpy as np

from rsqa_core.scenes.canvas import LAND, ROAD, Canvas, Point, Points, clipped, normals_of, strip
from rsqa_core.scenes.ground import Ground
from rsqa_core.scenes.noise import Rng
from rsqa_core.scenes.palette import CAR_COLORS, Palette
from rsqa_core.scenes.plan import Car, Plan, Street
from rsqa_core.scenes.water import Shore

BARE_KINDS = {"dirt", "track"}


def paint_streets(
    rng: Rng, canvas: Canvas, ground: Ground, palette: Palette, plan: Plan, shore: Shore
) -> None:
    """Draw all streets of the plan: kerbs first, then surfaces, then paint, then cars."""
    dry = [s for street in plan.streets for s in _on_land(street, shore, canvas)]
    paved = [s for s in dry if s.kind not in BARE_KINDS]
    kerb = rng.uniform(0.8, 3.0) if palette.look.dirt_streets < 0.5 else 0.6
    _fill(canvas, ground, [s for s in paved if s.kind in {"street", "arterial", "turning"}],
          "paving", LAND, kerb * 2)  # fmt: skip
    _fill(canvas, ground, [s for s in dry if s.kind == "track"], "dirt", None, 0)
    _fill(canvas, ground, [s for s in dry if s.kind == "dirt"], "dirt", ROAD, 0)
    _fill(canvas, ground, [s for s in paved if s.kind == "path"], "paving", LAND, 0)
    _fill(canvas, ground, [s for s in paved if s.kind != "path"], "road", ROAD, 0)
    for street in paved:
        if street.kind in {"arterial", "highway", "street"}:
            _marks(rng, canvas, palette, street)
            _traffic(rng, canvas, palette, plan, street)


def _on_land(street: Street, shore: Shore, canvas: Canvas) -> list[Street]:
    """Cut a street into its runs that are in view and, unless it is a bridge, dry."""
    margin = street.width_m + 8
    keep = [
        canvas.sees(x, y, 40) and (street.kind == "highway" or shore.at(x, y) > margin)
        for x, y in street.points.tolist()
    ]
    runs, start = [], None
    for i, wanted in enumerate([*keep, False]):
        if wanted and start is None:
            start = i
        elif not wanted and start is not None:
            low, high = max(0, start - 1), i
            if not keep[low] and shore.at(*street.points[low]) <= margin:
                low = start
            if high - low >= 2:
                runs.append(Street(street.points[low:high], street.width_m, street.kind))
            start = None
    return runs


def _fill(
    canvas: Canvas,
    ground: Ground,
    streets: list[Street],
    material: str,
    class_id: int | None,
    extra_m: float,
) -> None:
    if not streets:
        return
    mask, draw = canvas.stencil()
    for street in streets:
        width = street.width_m + extra_m
        draw.polygon(canvas.pixels(strip(street.points, width)), fill=255)
        r = width / 2 * canvas.scale
        for x, y in (street.points[0], street.points[-1]):
            cx, cy = x * canvas.scale, y * canvas.scale
            draw.ellipse((cx - r, cy - r, cx + r, cy + r), fill=255)
    canvas.paint_texture(ground.texture(material), mask, class_id)


def _marks(rng: Rng, canvas: Canvas, palette: Palette, street: Street) -> None:
    if canvas.gsd_m > 0.8 or street.width_m < 6.5 or rng.random() < 0.15:
        return
    bright = clipped([0.35 * c + 0.65 * 232 for c in palette.road])
    normals = normals_of(street.points)
    if street.kind == "street":
        _dashes(canvas, street.points, 0.15, bright)
        return
    half = street.width_m / 2 - 0.5
    for side in (-1, 1):
        canvas.line(street.points + normals * (side * half), 0.15, bright)
    lanes = max(2, round(street.width_m / 3.5))
    for k in range(1, lanes):
        shift = -street.width_m / 2 + k * street.width_m / lanes
        _dashes(canvas, street.points + normals * shift, 0.15, bright)


def _dashes(canvas: Canvas, points: Points, width: float, color: tuple[int, int, int]) -> None:
    steps = np.hypot(*np.diff(points, axis=0).T)
    position = np.concatenate([[0], np.cumsum(steps)])
    starts = np.arange(1.0, position[-1] - 3, 8.0)
    ends = np.stack([starts, starts + 3.0], 1)
    x, y = np.interp(ends, position, points[:, 0]), np.interp(ends, position, points[:, 1])
    for (x0, x1), (y0, y1) in zip(x.tolist(), y.tolist(), strict=True):
        if canvas.sees(x0, y0, 3):
            canvas.line([(x0, y0), (x1, y1)], width, color)


def _traffic(rng: Rng, canvas: Canvas, palette: Palette, plan: Plan, street: Street) -> None:
    steps = np.hypot(*np.diff(street.points, axis=0).T)
    position = np.concatenate([[0], np.cumsum(steps)])
    rate = palette.cars * {"highway": 0.045, "arterial": 0.03}.get(street.kind, 0.014)
    count = rng.poisson(float(position[-1]) * rate)
    if not count:
        return
    where = rng.uniform(0, position[-1], count)
    normals = normals_of(street.points)
    lanes = max(2, round(street.width_m / 3.5))
    for s in where.tolist():
        k = min(int(np.searchsorted(position, s)), len(position) - 1)
        lane = (int(rng.integers(lanes)) + 0.5) / lanes - 0.5
        n = normals[k]
        x = float(np.interp(s, position, street.points[:, 0]) + n[0] * lane * street.width_m)
        y = float(np.interp(s, position, street.points[:, 1]) + n[1] * lane * street.width_m)
        if canvas.sees(x, y, 6):
            plan.cars.append(car(rng, (x, y), (float(n[1]), float(-n[0]))))


def car(rng: Rng, center: Point, axis: Point) -> Car:
    """Return a passenger car, now and then a lorry."""
    color = CAR_COLORS[int(rng.integers(len(CAR_COLORS)))]
    if rng.random() < 0.08:
        return Car(center, axis, rng.uniform(7, 14), 2.5, 3.2, color)
    return Car(center, axis, rng.uniform(4.1, 5.0), 1.85, 1.5, color)


def paint_cars(canvas: Canvas, cars: list[Car]) -> None:
    """Draw vehicles and containers; classes stay, heights cast shadows."""
    for item in cars:
        (x, y), (a, b) = item.center, item.axis
        p, q = item.length_m / 2, item.width_m / 2
        outline = [
            (x + a * u * p - b * v * q, y + b * u * p + a * v * q)
            for u, v in ((-1, -1), (1, -1), (1, 1), (-1, 1))
        ]
        canvas.polygon(outline, item.color, None, item.height_m)
        if item.height_m < 2 and canvas.gsd_m < 0.4:
            glass = [
                (x + a * u * p - b * v * q, y + b * u * p + a * v * q)
                for u, v in ((0.2, -0.8), (0.45, -0.8), (0.45, 0.8), (0.2, 0.8))
            ]
            canvas.polygon(glass, (40, 46, 54))

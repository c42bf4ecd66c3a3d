"""Buildings on the canvas: walls seen aslant, roofs lit by their slope, things on roofs."""

from __future__ import annotations

from dataclasses import replace

from rsqa_core.scenes.canvas import (
    BUILDING,
    CORRIDOR,
    ROAD,
    WATER,
    Canvas,
    Point,
    Sun,
    clipped,
    lit,
)
from rsqa_core.scenes.look import Color
from rsqa_core.scenes.noise import Rng
from rsqa_core.scenes.palette import Palette
from rsqa_core.scenes.plan import Basin, Plan, Structure
from rsqa_core.scenes.water import Shore

Rect = tuple[float, float, float, float]
_ROUNDED = [
    (-1, -0.5),
    (-0.5, -1),
    (0.6, -1),
    (1, -0.3),
    (1, 0.4),
    (0.5, 1),
    (-0.4, 0.8),
    (-1, 0.4),
]
_PROBES = [(u / 4, v / 4) for u in range(5) for v in range(5)]


class Builder:
    """Draws structures that find their place free of roads, water and other buildings."""

    def __init__(self, rng: Rng, canvas: Canvas, sun: Sun, palette: Palette) -> None:
        self.rng = rng
        self.canvas = canvas
        self.sun = sun
        self.palette = palette

    def build(self, plan: Plan, shore: Shore) -> None:
        """Draw walls, pools, tanks and structures; what leans over others comes last."""
        self._garden_walls(plan, shore)
        for basin in plan.basins:
            self._basin(basin)
        lean = self.sun.lean
        order = sorted(plan.structures, key=lambda s: s.center[0] * lean[0] + s.center[1] * lean[1])
        for structure in order:
            if shore.at(*structure.center) > 5:
                self._structure(structure)
        for center, radius, height, color in plan.tanks:
            self._tank(center, radius, height, color)

    def _garden_walls(self, plan: Plan, shore: Shore) -> None:
        color = lit(self.palette.paving, self.rng.uniform(0.9, 1.4))
        height = self.rng.uniform(1.2, 2.4)
        for outline in plan.walls:
            dry = float(shore.along(outline).min()) > 5
            if dry and not any(self._in_the_way(x, y) for x, y in outline.tolist()):
                self.canvas.wall(outline, 0.22, color, height)

    def _in_the_way(self, x: float, y: float) -> bool:
        on_road = self.canvas.class_at(x, y) == ROAD
        return on_road or self.canvas.reserved_at(x, y) == CORRIDOR

    def _free(self, structure: Structure) -> bool:
        seen = 0
        taken = (ROAD, WATER) if structure.attached else (BUILDING, ROAD, WATER)
        for part in structure.parts:
            for u, v in _PROBES:
                x = part[0] + u * (part[2] - part[0])
                y = part[1] + v * (part[3] - part[1])
                px, py = _place(structure.center, structure.axis, x, y)
                at = self.canvas.class_at(px, py)
                if at in taken or self.canvas.reserved_at(px, py):
                    return False
                seen += at is not None
        return seen > 0

    def _structure(self, s: Structure) -> None:
        radius = max(max(abs(c) for c in part) for part in s.parts) * 1.5
        if not self.canvas.sees(*s.center, radius + s.height_m) or not self._free(s):
            return
        for part in s.parts:
            self._walls(s, part)
        roof = _ROOFS.get(s.roof, Builder._flat)
        roof(self, s, s.parts[0])
        for part in s.parts[1:]:
            # Wings of flat-roofed houses differ in height; pitched ones share their eaves.
            drop = self.rng.uniform(0.55, 1.15) if s.roof == "flat" and s.detail == 1 else 1.0
            roof(self, replace(s, height_m=s.height_m * drop), part)

    def _top(self, s: Structure, x: float, y: float, height: float) -> Point:
        px, py = _place(s.center, s.axis, x, y)
        return px + self.sun.lean[0] * height, py + self.sun.lean[1] * height

    def _walls(self, s: Structure, part: Rect) -> None:
        offset = abs(self.sun.lean[0]) + abs(self.sun.lean[1])
        if offset * s.height_m * self.canvas.scale < 1.2:
            return
        x0, y0, x1, y1 = part
        corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
        outward = [(0.0, -1.0), (1.0, 0.0), (0.0, 1.0), (-1.0, 0.0)]
        a, b = s.axis
        for k in range(4):
            n = (outward[k][0] * a - outward[k][1] * b, outward[k][0] * b + outward[k][1] * a)
            if n[0] * self.sun.lean[0] + n[1] * self.sun.lean[1] >= 0:
                continue
            p, q = corners[k], corners[(k + 1) % 4]
            facing = n[0] * self.sun.toward[0] + n[1] * self.sun.toward[1]
            wall = lit(clipped([0.5 * c + 85 for c in s.color]), 0.35 + 0.5 * max(0.0, facing))
            quad = [self._top(s, *p, 0), self._top(s, *q, 0),
                    self._top(s, *q, s.height_m), self._top(s, *p, s.height_m)]  # fmt: skip
            self.canvas.polygon(quad, wall, BUILDING, s.height_m * 0.5)
            if s.height_m > 9 and self.canvas.gsd_m < 0.7:
                for storey in range(1, int(s.height_m / 3.1)):
                    level = storey * 3.1
                    line = [self._top(s, *p, level), self._top(s, *q, level)]
                    self.canvas.line(line, 0.5, lit(wall, 0.6))

    def _quad(self, s: Structure, rect: Rect, height: float, color: Color) -> None:
        x0, y0, x1, y1 = rect
        corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
        self.canvas.polygon(
            [self._top(s, x, y, height) for x, y in corners], color, BUILDING, height
        )

    def _flat(self, s: Structure, part: Rect) -> None:
        edge = min(part[2] - part[0], part[3] - part[1])
        rim = 0.35
        if rim * self.canvas.scale > 0.8 and edge > 3:
            self._quad(s, part, s.height_m + 0.6, lit(s.color, 1.15))
            inner = (part[0] + rim, part[1] + rim, part[2] - rim, part[3] - rim)
            self._quad(s, inner, s.height_m, s.color)
        else:
            self._quad(s, part, s.height_m, s.color)
        if s.detail and self.canvas.gsd_m < 1.0 and edge > 5:
            self._rooftop(s, part)

    def _rooftop(self, s: Structure, part: Rect) -> None:
        """Put machines, stair heads, stained bays and solar panels on a flat roof."""
        rng = self.rng
        x0, y0, x1, y1 = part
        area = (x1 - x0) * (y1 - y0)
        for _ in range(rng.poisson(1.2)):
            w, d = rng.uniform(0.2, 0.6) * (x1 - x0), rng.uniform(0.2, 0.6) * (y1 - y0)
            x, y = rng.uniform(x0 + 0.5, x1 - w), rng.uniform(y0 + 0.5, y1 - d)
            bay = (x, y, x + w - 0.5, y + d - 0.5)
            self._quad(s, bay, s.height_m, lit(s.color, rng.uniform(0.85, 1.12)))
        if rng.random() < 0.12:
            rows = min(8, int((y1 - y0 - 2) / 2.4))
            share = rng.uniform(0.3, 0.8)
            for k in range(rows):
                y = y0 + 1 + k * 2.4
                row = (x0 + 1, y, x0 + 1 + (x1 - x0 - 2) * share, y + 1.5)
                self._quad(s, row, s.height_m + 0.4, (38, 46, 70))
        for _ in range(min(24, rng.poisson(area / 60))):
            size = rng.uniform(0.7, 2.2) * (1.6 if area > 900 else 1.0)
            x, y = rng.uniform(x0 + 1, x1 - 1), rng.uniform(y0 + 1, y1 - 1)
            tone = lit(s.color, rng.uniform(0.6, 1.3))
            box = (x - size / 2, y - size / 2, x + size / 2, y + size * rng.uniform(0.1, 0.8))
            self._quad(s, box, s.height_m + rng.uniform(0.4, 1.8), tone)
        if area > 120 and rng.random() < 0.5:
            x, y = rng.uniform(x0 + 1, x1 - 4), rng.uniform(y0 + 1, y1 - 4)
            self._quad(s, (x, y, x + 3, y + 3), s.height_m + 2.6, lit(s.color, 1.08))

    def _frame(self, s: Structure, part: Rect) -> None:
        """An unfinished storey: slab, columns and darker bays."""
        self._quad(s, part, s.height_m, lit(self.palette.paving, 0.62))
        columns = max(2, int((part[2] - part[0]) / 5))
        rows = max(2, int((part[3] - part[1]) / 5))
        w, d = (part[2] - part[0]) / columns, (part[3] - part[1]) / rows
        for i in range(columns):
            for j in range(rows):
                bay = (part[0] + i * w + 0.5, part[1] + j * d + 0.5,
                       part[0] + (i + 1) * w - 0.5, part[1] + (j + 1) * d - 0.5)  # fmt: skip
                self._quad(
                    s, bay, s.height_m, lit(self.palette.paving, self.rng.uniform(0.15, 0.8))
                )

    def _gable(self, s: Structure, part: Rect) -> None:
        self._pitched(s, part, 0.0, self.rng.uniform(0.35, 0.7))

    def _hip(self, s: Structure, part: Rect) -> None:
        self._pitched(s, part, 1.0, self.rng.uniform(0.35, 0.6))

    def _pitched(self, s: Structure, part: Rect, hip: float, slope: float) -> None:
        x0, y0, x1, y1 = part
        a, b = s.axis
        along_x = (x1 - x0) >= (y1 - y0)
        half = min(x1 - x0, y1 - y0) / 2
        top = s.height_m + half * slope * 0.6
        if along_x:
            m = (y0 + y1) / 2
            ridge = [(x0 + half * hip, m), (x1 - half * hip, m)]
            faces = [((0, -1), [(x0, y0), (x1, y0), ridge[1], ridge[0]]),
                     ((0, 1), [(x1, y1), (x0, y1), ridge[0], ridge[1]])]  # fmt: skip
            ends = [((-1, 0), [(x0, y1), (x0, y0), ridge[0]]),
                    ((1, 0), [(x1, y0), (x1, y1), ridge[1]])]  # fmt: skip
        else:
            m = (x0 + x1) / 2
            ridge = [(m, y0 + half * hip), (m, y1 - half * hip)]
            faces = [((-1, 0), [(x0, y1), (x0, y0), ridge[0], ridge[1]]),
                     ((1, 0), [(x1, y0), (x1, y1), ridge[1], ridge[0]])]  # fmt: skip
            ends = [((0, -1), [(x0, y0), (x1, y0), ridge[0]]),
                    ((0, 1), [(x1, y1), (x0, y1), ridge[1]])]  # fmt: skip
        for normal, outline in faces + (ends if hip else []):
            n = (normal[0] * a - normal[1] * b, normal[0] * b + normal[1] * a)
            color = lit(s.color, self.sun.facing(n, slope))
            points = [self._top(s, x, y, s.height_m) for x, y in outline]
            self.canvas.polygon(points, color, BUILDING, top)
        if self.canvas.gsd_m < 0.5:
            line = [self._top(s, x, y, s.height_m) for x, y in ridge]
            self.canvas.line(line, 0.25, lit(s.color, 1.25))

    def _tin(self, s: Structure, part: Rect) -> None:
        """Sheet metal: two low slopes, sheets of different age, ribs, skylights on large ones."""
        rng = self.rng
        x0, y0, x1, y1 = part
        a, b = s.axis
        slope = rng.uniform(0.06, 0.3)
        along_x = (x1 - x0) >= (y1 - y0)
        start, end = (x0, x1) if along_x else (y0, y1)
        wide, small = end - start, (end - start) < 20
        middle = (y0 + y1) / 2 if along_x else (x0 + x1) / 2
        count = min(16, max(1, round(wide / rng.uniform(1.6, 5.0))))
        uneven = rng.uniform(0.01, 0.09) * (1.6 if small else 0.5)
        sky = not small and rng.random() < 0.5
        for side in (-1, 1):
            n = (-b * side, a * side) if along_x else (a * side, b * side)
            light = self.sun.facing(n, slope)
            outer = ((y0, y1) if along_x else (x0, x1))[side > 0]
            low, high = sorted((outer, middle))
            patched = (int(rng.integers(count)), s.color)
            if small and rng.random() < 0.4:
                patched = (patched[0], self._roof_color())
            for k in range(count):
                p, q = start + k / count * wide, start + (k + 1) / count * wide
                tone = light * max(0.4, 1 + rng.normal(0, uneven))
                color = lit(patched[1] if k == patched[0] else s.color, tone)
                if sky and k % 3 == 1:
                    color = lit(s.color, light * 1.3)
                rect = (p, low, q, high) if along_x else (low, p, high, q)
                self._quad(s, rect, s.height_m + 0.3, color)
            if self.canvas.gsd_m < 0.22 and small:
                self._ribs(s, (start, end), (low, high), along_x, lit(s.color, light * 0.8))
        if self.canvas.gsd_m < 0.5:
            ends = [(start, middle), (end, middle)]
            line = [self._top(s, *(e if along_x else e[::-1]), s.height_m) for e in ends]
            self.canvas.line(line, 0.2, lit(s.color, 1.2))

    def _ribs(
        self,
        s: Structure,
        run: tuple[float, float],
        fall: tuple[float, float],
        along_x: bool,
        color: Color,
    ) -> None:
        """Draw the overlaps of the sheets down the slope."""
        step = self.rng.uniform(0.7, 1.1)
        position = run[0] + step
        while position < run[1]:
            ends = [(position, fall[0]), (position, fall[1])]
            line = [self._top(s, *(e if along_x else e[::-1]), s.height_m) for e in ends]
            self.canvas.line(line, 0.04, color)
            position += step

    def _roof_color(self) -> Color:
        return self.palette.roofs[int(self.rng.integers(len(self.palette.roofs)))]

    def _basin(self, basin: Basin) -> None:
        (cx, cy), p, q = basin.center, basin.length_m / 2, basin.width_m / 2
        taken = self.canvas.class_at(cx, cy) in (BUILDING, ROAD, WATER)
        if taken or self.canvas.reserved_at(cx, cy):
            return
        rng = self.rng
        blue = clipped((rng.uniform(60, 130), rng.uniform(150, 205), rng.uniform(180, 225)))
        for grow, color, class_id in ((0.9, self.palette.paving, None), (0.0, blue, WATER)):
            u, v = p + grow, q + grow
            corners = [(-u, -v), (u, -v), (u, v), (-u, v)]
            if basin.rounded:
                corners = [(u * x, v * y) for x, y in _ROUNDED]
            points = [_place(basin.center, basin.axis, x, y) for x, y in corners]
            self.canvas.polygon(points, color, class_id)

    def _tank(self, center: Point, radius: float, height: float, color: Color) -> None:
        for angle in range(8):
            x = center[0] + radius * (1, 0.7, 0, -0.7, -1, -0.7, 0, 0.7)[angle]
            y = center[1] + radius * (0, 0.7, 1, 0.7, 0, -0.7, -1, -0.7)[angle]
            if self.canvas.class_at(x, y) in (BUILDING, ROAD, WATER):
                return
        lean = self.sun.lean
        self.canvas.disc(center, radius, lit(color, 0.5), BUILDING, height * 0.5)
        top = (center[0] + lean[0] * height, center[1] + lean[1] * height)
        self.canvas.disc(top, radius, color, BUILDING, height)
        if self.canvas.gsd_m < 1:
            self.canvas.disc(top, radius * 0.92, lit(color, 0.93))


def _place(center: Point, axis: Point, x: float, y: float) -> Point:
    return center[0] + axis[0] * x - axis[1] * y, center[1] + axis[1] * x + axis[0] * y


_ROOFS = {
    "flat": Builder._flat, "gable": Builder._gable, "hip": Builder._hip, "tin": Builder._tin,
    "frame": Builder._frame,
}  # fmt: skip

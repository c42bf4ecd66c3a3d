"""Buildings on the canvas: walls seen aslant, roofs lit by their slope, things on roofs."""

from __future__ import annotations

from rsqa_core.scenes.canvas import BUILDING, ROAD, WATER, Canvas, Point, Sun, clipped, lit
from rsqa_core.scenes.look import Color
from rsqa_core.scenes.noise import Rng
from rsqa_core.scenes.palette import Palette
from rsqa_core.scenes.plan import Basin, Plan, Structure
from rsqa_core.scenes.water import Shore

Rect = tuple[float, float, float, float]
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
            if float(shore.along(outline).min()) > 5:
                self.canvas.wall(outline, 0.22, color, height)

    def _free(self, structure: Structure) -> bool:
        seen = 0
        taken = (ROAD, WATER) if structure.attached else (BUILDING, ROAD, WATER)
        for part in structure.parts:
            for u, v in _PROBES:
                x = part[0] + u * (part[2] - part[0])
                y = part[1] + v * (part[3] - part[1])
                px, py = _place(structure.center, structure.axis, x, y)
                at = self.canvas.class_at(px, py)
                if at in taken or self.canvas.is_reserved(px, py):
                    return False
                seen += at is not None
        return seen > 0

    def _structure(self, s: Structure) -> None:
        radius = max(max(abs(c) for c in part) for part in s.parts) * 1.5
        if not self.canvas.sees(*s.center, radius + s.height_m) or not self._free(s):
            return
        for part in s.parts:
            self._walls(s, part)
        for part in s.parts:
            _ROOFS.get(s.roof, Builder._flat)(self, s, part)

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
        rng = self.rng
        edge = min(part[2] - part[0], part[3] - part[1])
        self._quad(s, part, s.height_m + 0.6, lit(s.color, 1.12))
        rim = 0.35
        if rim * self.canvas.scale > 0.8 and edge > 3:
            inner = (part[0] + rim, part[1] + rim, part[2] - rim, part[3] - rim)
            self._quad(s, inner, s.height_m, s.color)
        else:
            self._quad(s, part, s.height_m, s.color)
        if s.detail and self.canvas.gsd_m < 1.0:
            area = (part[2] - part[0]) * (part[3] - part[1])
            for _ in range(min(18, rng.poisson(area / 70))):
                size = rng.uniform(0.8, 2.6)
                x = rng.uniform(part[0] + 1, part[2] - 1)
                y = rng.uniform(part[1] + 1, part[3] - 1)
                tone = lit(s.color, rng.uniform(0.55, 1.35))
                box = (x - size / 2, y - size / 2, x + size / 2, y + size * rng.uniform(0.1, 0.8))
                self._quad(s, box, s.height_m + rng.uniform(0.5, 2.2), tone)

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
        """Sheet metal in strips of different age and rust."""
        rng = self.rng
        x0, y0, x1, y1 = part
        a, b = s.axis
        slope = rng.uniform(0.08, 0.3)
        along_x = (x1 - x0) >= (y1 - y0)
        wide = max(x1 - x0, y1 - y0)
        count = min(14, max(1, round(wide / rng.uniform(1.6, 5.0))))
        mixed = rng.uniform(0.02, 0.16) * (2 if wide < 20 else 0.5)
        for side in (-1, 1):
            n = (-b * side, a * side) if along_x else (a * side, b * side)
            light = self.sun.facing(n, slope)
            for k in range(count):
                low, high = k / count, (k + 1) / count
                if along_x:
                    m = (y0 + y1) / 2
                    rows = (y0, m) if side < 0 else (m, y1)
                    rect = (x0 + low * wide, rows[0], x0 + high * wide, rows[1])
                else:
                    m = (x0 + x1) / 2
                    columns = (x0, m) if side < 0 else (m, x1)
                    rect = (columns[0], y0 + low * wide, columns[1], y0 + high * wide)
                tone = light * max(0.3, 1 + rng.normal(0, mixed))
                color = s.color
                if wide < 20 and rng.random() < 0.1:
                    color = self.palette.roofs[int(rng.integers(len(self.palette.roofs)))]
                self._quad(s, rect, s.height_m + 0.3, lit(color, tone))

    def _basin(self, basin: Basin) -> None:
        (cx, cy), p, q = basin.center, basin.length_m / 2, basin.width_m / 2
        if self.canvas.class_at(cx, cy) in (BUILDING, ROAD, WATER):
            return
        rng = self.rng
        blue = clipped((rng.uniform(60, 130), rng.uniform(150, 205), rng.uniform(180, 225)))
        for grow, color, class_id in ((0.9, self.palette.paving, None), (0.0, blue, WATER)):
            u, v = p + grow, q + grow
            corners = [(-u, -v), (u, -v), (u, v), (-u, v)]
            if basin.rounded:
                corners = [(-u, -v * 0.5), (-u * 0.5, -v), (u * 0.6, -v), (u, -v * 0.3),
                           (u, v * 0.4), (u * 0.5, v), (-u * 0.4, v * 0.8), (-u, v * 0.4)]  # fmt: skip
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

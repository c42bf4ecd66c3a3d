"""The plan of a scene: what stands where, before anything is drawn.

A plan is laid out in straight (u, v) coordinates in metres and bent into the picture by a Frame,
so that one simple rectangular layout gives grids, curved suburbs and rings alike.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from rsqa_core.scenes.canvas import Point, Points
from rsqa_core.scenes.look import Color, Weights
from rsqa_core.scenes.noise import Rng


@dataclass(frozen=True, slots=True)
class Street:
    """A carriageway along ``points`` (N, 2) metres; ``kind`` says how it is drawn."""

    points: Points
    width_m: float
    kind: str
    lanes: int = 2


@dataclass(frozen=True, slots=True)
class Patch:
    """A piece of ground of one ``material``; ``angle`` is the direction of its furrows."""

    points: Points
    material: str
    angle: float = 0.0
    variant: int = 0


@dataclass(frozen=True, slots=True)
class Structure:
    """A building: rectangles (x0, y0, x1, y1) around ``center``, x along the unit vector ``axis``.

    ``detail`` says how much stands on the roof; an ``attached`` one may touch its neighbours.
    """

    center: Point
    axis: Point
    parts: tuple[tuple[float, float, float, float], ...]
    height_m: float
    roof: str
    color: Color
    detail: int = 0
    attached: bool = False


@dataclass(frozen=True, slots=True)
class Basin:
    """A swimming pool."""

    center: Point
    axis: Point
    length_m: float
    width_m: float
    rounded: bool


@dataclass(frozen=True, slots=True)
class Car:
    """A vehicle or loose thing; it changes the picture and not the class underneath.

    ``kind`` is car, boat or box (lorries, containers, heaps).
    """

    center: Point
    axis: Point
    length_m: float
    width_m: float
    height_m: float
    color: Color
    kind: str = "box"


@dataclass(slots=True)
class Plan:
    """Everything that zones and streets ask to be drawn, in metres of the picture."""

    streets: list[Street] = field(default_factory=list)
    patches: list[Patch] = field(default_factory=list)
    late_patches: list[Patch] = field(default_factory=list)
    structures: list[Structure] = field(default_factory=list)
    basins: list[Basin] = field(default_factory=list)
    cars: list[Car] = field(default_factory=list)
    parked: list[Car] = field(default_factory=list)
    walls: list[Points] = field(default_factory=list)
    stalls: list[tuple[Point, Point]] = field(default_factory=list)
    corridors: list[tuple[Points, float]] = field(default_factory=list)
    verges: list[Patch] = field(default_factory=list)
    rounds: list[tuple[Point, float, float]] = field(default_factory=list)
    islands: list[Patch] = field(default_factory=list)
    boats: list[Car] = field(default_factory=list)
    tanks: list[tuple[Point, float, float, Color]] = field(default_factory=list)
    trees: list[tuple[float, float, float, bool]] = field(default_factory=list)
    forests: list[tuple[Points, float, float]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Block:
    """A rectangle of the plan, (u0, v0) to (u1, v1) in metres."""

    u0: float
    v0: float
    u1: float
    v1: float

    @property
    def width(self) -> float:
        return self.u1 - self.u0

    @property
    def depth(self) -> float:
        return self.v1 - self.v0

    def inset(self, margin: float) -> Block:
        """Return the block without a margin on each side."""
        return Block(self.u0 + margin, self.v0 + margin, self.u1 - margin, self.v1 - margin)


class Frame:
    """Smooth map from the plan to the picture, about length-preserving near the view.

    ``layout`` is grid (rotation only), curved (rotation and slow waves) or radial (rings).
    """

    def __init__(self, rng: Rng, layout: str, extent_m: float) -> None:
        self.layout = layout
        self.extent_m = extent_m
        self.angle = float(rng.uniform(0, np.pi))
        self.middle = np.array([extent_m / 2, extent_m / 2])
        self.radius = float(rng.uniform(0.55, 1.6) * max(extent_m, 260.0))
        waves = 3
        wavelength = rng.uniform(0.7, 1.8, waves) * max(extent_m, 320.0)
        direction = rng.uniform(0, 2 * np.pi, waves)
        self._wave = np.stack([np.cos(direction), np.sin(direction)], 1) * (
            2 * np.pi / wavelength[:, None]
        )
        self._phase = rng.uniform(0, 2 * np.pi, waves)
        strength = rng.uniform(0.25, 0.6) / waves if layout == "curved" else 0.0
        turn = direction + np.pi / 2
        self._push = np.stack([np.cos(turn), np.sin(turn)], 1) * (
            strength * wavelength[:, None] / (2 * np.pi)
        )

    def points(self, uv: Points) -> Points:
        """Map (N, 2) plan points, (0, 0) = middle of the view, to the picture in metres."""
        if self.layout == "radial":
            angle = self.angle + uv[:, 0] / self.radius
            distance = self.radius + uv[:, 1]
            around = np.stack([np.cos(angle), np.sin(angle)], 1) * distance[:, None]
            start = np.array([np.cos(self.angle), np.sin(self.angle)]) * self.radius
            flat: Points = around - start
        else:
            c, s = np.cos(self.angle), np.sin(self.angle)
            flat = uv @ np.array([[c, s], [-s, c]])
            if self.layout == "curved":
                flat = flat + np.sin(flat @ self._wave.T + self._phase) @ self._push
        moved: Points = flat + self.middle
        return moved

    def point(self, u: float, v: float) -> Point:
        """Map one point."""
        x, y = self.points(np.array([[u, v]]))[0]
        return float(x), float(y)

    def poses(self, uv: Points) -> list[tuple[Point, Point, Point]]:
        """Map (N, 2) points to (center, unit u axis, unit v axis) in the picture."""
        here = self.points(uv)
        along = self.points(uv + np.array([0.5, 0.0])) - here
        along /= np.hypot(along[:, 0], along[:, 1])[:, None]
        return [
            ((float(x), float(y)), (float(a), float(b)), (float(-b), float(a)))
            for (x, y), (a, b) in zip(here, along, strict=True)
        ]

    def line(self, u0: float, v0: float, u1: float, v1: float, step_m: float = 12.0) -> Points:
        """Map a straight segment of the plan to a polyline."""
        count = max(2, int(np.hypot(u1 - u0, v1 - v0) / step_m) + 1)
        t = np.linspace(0, 1, count)[:, None]
        return self.points(np.array([[u0, v0]]) * (1 - t) + np.array([[u1, v1]]) * t)

    def outline(self, block: Block, step_m: float = 15.0) -> Points:
        """Map the border of a block to a polygon."""
        b = block
        corners = [(b.u0, b.v0), (b.u1, b.v0), (b.u1, b.v1), (b.u0, b.v1)]
        step = 1e9 if self.layout == "grid" else step_m
        sides = [self.line(*corners[i], *corners[(i + 1) % 4], step_m=step)[:-1] for i in range(4)]
        return np.concatenate(sides)

    def sees(self, block: Block, margin_m: float) -> bool:
        """Tell whether the block can touch the picture."""
        outline = self.outline(block)
        low, high = outline.min(axis=0) - margin_m, outline.max(axis=0) + margin_m
        return bool((low < self.extent_m).all() and (high > 0).all())


def split_blocks(
    rng: Rng, whole: Block, target_m: float, depth: int = 0
) -> tuple[list[Block], list[tuple[float, float, float, float, int]]]:
    """Cut a rectangle into blocks of about ``target_m`` by straight roads.

    Returns:
        The blocks and the roads as (u0, v0, u1, v1, depth of the cut).
    """
    longest = max(whole.width, whole.depth)
    shortest = min(whole.width, whole.depth)
    small = longest < target_m * 1.5 or (longest < target_m * 2.4 and shortest < target_m * 0.8)
    if depth > 7 or small:
        return [whole], []
    share = float(rng.uniform(0.34, 0.66))
    if whole.width >= whole.depth:
        cut = whole.u0 + share * whole.width
        first = Block(whole.u0, whole.v0, cut, whole.v1)
        second = Block(cut, whole.v0, whole.u1, whole.v1)
        road = (cut, whole.v0, cut, whole.v1, depth)
    else:
        cut = whole.v0 + share * whole.depth
        first = Block(whole.u0, whole.v0, whole.u1, cut)
        second = Block(whole.u0, cut, whole.u1, whole.v1)
        road = (whole.u0, cut, whole.u1, cut, depth)
    blocks, roads = [], [road]
    for part in (first, second):
        inner, cuts = split_blocks(rng, part, target_m, depth + 1)
        blocks += inner
        roads += cuts
    return blocks, roads


def chosen(rng: Rng, weights: Weights) -> str:
    """Draw a name by its weight."""
    names = [name for name, _ in weights]
    shares = np.array([weight for _, weight in weights])
    return names[int(rng.choice(len(names), p=shares / shares.sum()))]

"""What every zone works with: the place it may plan, and the things several zones plan alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rsqa_core.scenes.canvas import Canvas, Point
from rsqa_core.scenes.look import Color
from rsqa_core.scenes.noise import Rng
from rsqa_core.scenes.palette import CAR_COLORS, Palette
from rsqa_core.scenes.plan import Block, Car, Frame, Patch, Plan, Street

JUNCTION_M = 9.0
"""How far a local street runs past its block, to meet the road that bounds the block."""


@dataclass(frozen=True, slots=True)
class Site:
    """The scene under plan; blocks are in plan coordinates, plan entries in picture metres."""

    rng: Rng
    frame: Frame
    plan: Plan
    palette: Palette
    canvas: Canvas

    def patch(self, block: Block, material: str, *, late: bool = False, variant: int = 0) -> None:
        """Cover a block with a ground material; ``late`` ones lie on water's beach too."""
        if block.width > 0 and block.depth > 0 and self.frame.sees(block, 2.0):
            target = self.plan.late_patches if late else self.plan.patches
            target.append(Patch(self.frame.outline(block), material, self.frame.angle, variant))

    def street(self, u0: float, v0: float, u1: float, v1: float, width: float, kind: str) -> None:
        """Add a street along a straight line of the plan."""
        self.plan.streets.append(Street(self.frame.line(u0, v0, u1, v1), width, kind))

    def row_street(self, block: Block, v: float, width: float, kind: str) -> None:
        """Add a street along a whole block, joined to the roads at both of its ends."""
        self.street(block.u0 - JUNCTION_M, v, block.u1 + JUNCTION_M, v, width, kind)

    def local_kind(self) -> str:
        """Return whether the next local street is paved."""
        return "dirt" if self.rng.random() < self.palette.look.dirt_streets else "street"

    def roof_color(self) -> Color:
        """Draw one of the scene's roof colours."""
        roofs = self.palette.roofs
        return roofs[int(self.rng.integers(len(roofs)))]

    def tree(self, x: float, y: float, radius_m: float) -> None:
        """Plant one tree, a palm where the look has them."""
        palm = bool(self.rng.random() < self.palette.look.palms)
        self.plan.trees.append((x, y, radius_m * (0.6 if palm else 1.0), palm))

    def stand(self, block: Block, per_hectare: float, radius_m: float) -> None:
        """Plant a stand of trees; thickets and gaps come when the trees are drawn."""
        if block.width > 0 and block.depth > 0 and self.frame.sees(block, 10.0):
            self.plan.forests.append((self.frame.outline(block), per_hectare, radius_m))

    def clutter(self, center: Point, spread_m: float, count: int) -> None:
        """Leave small things lying about: barrels, heaps, planks, tarpaulins."""
        rng = self.rng
        for _ in range(count):
            x, y = center[0] + rng.normal(0, spread_m), center[1] + rng.normal(0, spread_m)
            turn = rng.uniform(0, np.pi)
            tone = rng.choice([40.0, 90.0, 150.0, 205.0]) + rng.normal(0, 14, 3)
            if rng.random() < 0.06:
                tone = np.array([(60, 96, 150), (170, 66, 52), (74, 122, 84)][rng.integers(3)])
            r, g, b = (min(255, max(0, int(t))) for t in tone)
            size = rng.uniform(0.35, 1.6)
            axis = (float(np.cos(turn)), float(np.sin(turn)))
            self.plan.cars.append(
                Car((x, y), axis, size * rng.uniform(1, 2.4), size, 0.5 * size, (r, g, b))
            )

    def parking(self, block: Block) -> None:
        """Lay out a car park: stalls in double rows, some of them taken."""
        rng = self.rng
        if min(block.width, block.depth) < 14 or not self.frame.sees(block, 4):
            return
        self.patch(block, "parking", late=True)
        taken = rng.uniform(0.1, 0.9)
        count = int((block.width - 4) / 2.7)
        u = block.u0 + 2 + (np.arange(count) + 0.5) * 2.7
        v = block.v0 + 3.0
        while v < block.v1 - 3:
            middle = np.stack([u, np.full(count, v)], 1)
            for (x, y), axis, across in self.frame.poses(middle):
                if not self.canvas.sees(x, y, 4):
                    continue
                side = (x + axis[0] * 1.35, y + axis[1] * 1.35)
                self.plan.stalls.append(
                    ((side[0] - across[0] * 2.4, side[1] - across[1] * 2.4),
                     (side[0] + across[0] * 2.4, side[1] + across[1] * 2.4))
                )  # fmt: skip
                if rng.random() < taken:
                    color = CAR_COLORS[int(rng.integers(len(CAR_COLORS)))]
                    length = rng.uniform(4.0, 4.9)
                    self.plan.parked.append(Car((x, y), across, length, 1.85, 1.5, color, "car"))
            v += 5.0 if int((v - block.v0) / 5.0) % 3 == 1 else 11.0

"""What fills a block: each zone adds streets, ground, buildings and trees to the plan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rsqa_core.scenes.canvas import Canvas
from rsqa_core.scenes.looks import Color
from rsqa_core.scenes.noise import Rng
from rsqa_core.scenes.palette import Palette, between
from rsqa_core.scenes.plan import Block, Frame, Patch, Plan, Street, Structure, chosen
from rsqa_core.scenes.shapes import house, large, rectangle


@dataclass(frozen=True, slots=True)
class Site:
    """What a zone needs to lay out its block."""

    rng: Rng
    frame: Frame
    plan: Plan
    palette: Palette
    canvas: Canvas

    def patch(self, block: Block, material: str, *, late: bool = False, variant: int = 0) -> None:
        """Cover a block with a ground material."""
        if self.frame.sees(block, 2.0):
            target = self.plan.late_patches if late else self.plan.patches
            target.append(Patch(self.frame.outline(block), material, self.frame.angle, variant))

    def street(self, u0: float, v0: float, u1: float, v1: float, width: float, kind: str) -> None:
        """Add a street along a straight line of the plan."""
        self.plan.streets.append(Street(self.frame.line(u0, v0, u1, v1), width, kind))

    def local_kind(self) -> str:
        return "dirt" if self.rng.random() < self.palette.look.dirt_streets else "street"

    def roof_color(self) -> Color:
        roofs = self.palette.roofs
        return roofs[int(self.rng.integers(len(roofs)))]

    def tree(self, x: float, y: float, radius_m: float) -> None:
        palm = bool(self.rng.random() < self.palette.look.palms)
        self.plan.trees.append((x, y, radius_m * (0.6 if palm else 1.0), palm))


def scatter_trees(site: Site, block: Block, per_hectare: float, radius_m: float) -> None:
    """Add a stand of trees; thickets and gaps come when the trees are drawn."""
    if site.frame.sees(block, 10.0):
        site.plan.forests.append((site.frame.outline(block), per_hectare, radius_m))


def villas(site: Site, block: Block) -> None:
    """Detached houses on parcels along local streets."""
    rng, palette = site.rng, site.palette
    parcel = palette.parcel_m
    depth = parcel * rng.uniform(1.1, 1.5)
    street_w = between(rng, (5.0, 8.0))
    kind = site.local_kind()
    rows = max(1, round((block.depth - street_w) / (2 * depth + street_w)))
    pitch = block.depth / rows
    depth = (pitch - street_w) / 2
    if depth < 11:
        return
    closed = rng.random() < 0.35
    size = rng.uniform(0.5, 0.72)
    lawns = rng.random() < 0.5
    if lawns or palette.grass_cover > 0.6:
        site.patch(block, "lawn" if rng.random() < palette.grass_cover else "yard")
    for row in range(rows):
        middle = block.v0 + (row + 0.5) * pitch
        end = block.u1 - parcel * 0.9 if closed else block.u1
        site.street(block.u0, middle, end, middle, street_w, kind)
        if closed:
            x, y = site.frame.point(end, middle)
            angle = np.linspace(0, 2 * np.pi, 17)
            ring = np.stack([x + np.cos(angle) * 0.5, y + np.sin(angle) * 0.5], 1)
            site.plan.streets.append(Street(ring, street_w * 2.2, "turning"))
        count = max(1, int(block.width / parcel))
        step = block.width / count
        lots = [
            (block.u0 + (i + 0.5) * step, middle + side * (street_w / 2 + depth / 2), side)
            for i in range(count)
            for side in (-1, 1)
        ]
        poses = site.frame.poses(np.array([(u, v) for u, v, _ in lots]))
        for (u, v, side), (center, axis, across) in zip(lots, poses, strict=True):
            if not site.canvas.sees(*center, parcel * 1.5):
                continue
            lot = Block(u - step / 2, v - depth / 2, u + step / 2, v + depth / 2)
            _parcel(site, lot, center, axis, across, side, size)


def _parcel(site, lot, center, axis, across, side, size):  # type: ignore[no-untyped-def]
    rng, palette, plan = site.rng, site.palette, site.plan
    if rng.random() < 0.05:
        return
    material = "lawn" if rng.random() < palette.grass_cover else "yard"
    site.patch(lot.inset(0.6), material, late=True, variant=int(rng.integers(4)))
    width = lot.width * size * rng.uniform(0.85, 1.1)
    depth = min(lot.depth * size * 0.8 * rng.uniform(0.85, 1.1), width * 1.3)
    back = lot.depth * 0.06 * side
    middle = (center[0] - across[0] * back, center[1] - across[1] * back)
    height = 3.2 * (1 + (rng.random() < 0.4)) + rng.uniform(0, 1)
    roof = chosen(rng, palette.look.roof_kinds)
    plan.structures.append(
        Structure(middle, axis, house(rng, width, depth), height, roof, site.roof_color(), 1)
    )
    drive = (rng.uniform(-0.3, 0.3)) * lot.width
    gate = lot.v0 if side > 0 else lot.v1
    u = (lot.u0 + lot.u1) / 2 + drive
    low, high = sorted((gate, gate + side * lot.depth * 0.35))
    site.patch(Block(u - 1.6, low, u + 1.6, high), "paving", late=True)
    garden = (center[0] + across[0] * side * lot.depth * 0.36,
              center[1] + across[1] * side * lot.depth * 0.36)  # fmt: skip
    if rng.random() < palette.look.pools and lot.depth > 18:
        from rsqa_core.scenes.plan import Basin

        length = rng.uniform(6, 11)
        plan.basins.append(
            Basin(garden, axis, length, length * rng.uniform(0.4, 0.6), bool(rng.random() < 0.4))
        )
    count = rng.poisson(1.6 * palette.trees)
    for _ in range(count):
        a, b = rng.uniform(-0.48, 0.48, 2)
        site.tree(
            center[0] + axis[0] * a * lot.width + across[0] * b * lot.depth,
            center[1] + axis[1] * a * lot.width + across[1] * b * lot.depth,
            float(rng.gamma(6, 0.45)),
        )


def apartments(site: Site, block: Block) -> None:
    """Blocks of flats and towers with parking and greens between them."""
    rng, palette = site.rng, site.palette
    site.patch(block, "lawn" if rng.random() < palette.grass_cover else "paving")
    pitch = rng.uniform(42, 75)
    kind = "parking"
    columns = max(1, int(block.width / pitch))
    rows = max(1, int(block.depth / pitch))
    w, d = block.width / columns, block.depth / rows
    tall = rng.random() < 0.35
    for row in range(1, rows):
        site.street(block.u0, block.v0 + row * d, block.u1, block.v0 + row * d, 6.0, "street")
    for i in range(columns):
        for j in range(rows):
            cell = Block(block.u0 + i * w, block.v0 + j * d, block.u0 + (i + 1) * w,
                         block.v0 + (j + 1) * d)  # fmt: skip
            if not site.frame.sees(cell, 30):
                continue
            if rng.random() < 0.16:
                site.patch(cell.inset(5), kind)
                continue
            u, v = (cell.u0 + cell.u1) / 2, (cell.v0 + cell.v1) / 2
            center, axis, _ = site.frame.poses(np.array([[u, v]]))[0]
            storeys = max(2.0, palette.storeys * rng.uniform(0.6, 1.3))
            if tall:
                storeys *= 1.6
            scale = rng.uniform(0.45, 0.68)
            site.plan.structures.append(
                Structure(center, axis, large(rng, w * scale, d * scale), storeys * 3.1,
                          "flat" if rng.random() < 0.85 else "hip", site.roof_color(), 2)
            )  # fmt: skip
            scatter_trees(site, cell, 25 * palette.trees, 3.0)


def warehouses(site: Site, block: Block) -> None:
    """Large sheds in rows on paved or bare yards."""
    rng, palette = site.rng, site.palette
    site.patch(block, "paving" if rng.random() < 0.6 else "yard")
    w, d = rng.uniform(28, 70), rng.uniform(30, 90)
    columns, rows = max(1, int(block.width / (w + 12))), max(1, int(block.depth / (d + 18)))
    w, d = block.width / columns, block.depth / rows
    roof = "tin" if rng.random() < 0.7 else "flat"
    same = site.roof_color()
    for j in range(1, rows):
        v = block.v0 + j * d
        site.street(block.u0, v, block.u1, v, rng.uniform(7, 11), "street")
    for i in range(columns):
        for j in range(rows):
            u, v = block.u0 + (i + 0.5) * w, block.v0 + (j + 0.5) * d
            center, axis, _ = site.frame.poses(np.array([[u, v]]))[0]
            if rng.random() < 0.12 or not site.canvas.sees(*center, max(w, d)):
                continue
            color = same if rng.random() < 0.5 else site.roof_color()
            parts = rectangle((w - rng.uniform(6, 14)), (d - rng.uniform(14, 26)))
            site.plan.structures.append(
                Structure(center, axis, parts, rng.uniform(6, 13), roof, color, 2)
            )


def mall(site: Site, block: Block) -> None:
    """One or two large roofs in a sea of parked cars."""
    rng = site.rng
    site.patch(block.inset(3), "paving")
    share = rng.uniform(0.35, 0.6)
    if block.width > block.depth:
        lot = Block(block.u0 + share * block.width, block.v0, block.u1, block.v1)
        shop = Block(block.u0, block.v0, lot.u0, block.v1)
    else:
        lot = Block(block.u0, block.v0 + share * block.depth, block.u1, block.v1)
        shop = Block(block.u0, block.v0, block.u1, lot.v0)
    site.patch(lot.inset(6), "parking")
    inner = shop.inset(9)
    center, axis, _ = site.frame.poses(
        np.array([[(inner.u0 + inner.u1) / 2, (inner.v0 + inner.v1) / 2]])
    )[0]
    if min(inner.width, inner.depth) > 10:
        site.plan.structures.append(
            Structure(center, axis, large(rng, inner.width, inner.depth), rng.uniform(8, 16),
                      "flat", site.roof_color(), 2)
        )  # fmt: skip


def informal(site: Site, block: Block) -> None:
    """Small tin-roofed houses, close together and never quite in line."""
    rng, palette = site.rng, site.palette
    pitch = rng.uniform(8.0, 13.0)
    columns, rows = max(1, int(block.width / pitch)), max(1, int(block.depth / pitch))
    u = block.u0 + (np.arange(columns) + 0.5) * (block.width / columns)
    v = block.v0 + (np.arange(rows) + 0.5) * (block.depth / rows)
    grid = np.stack(np.meshgrid(u, v), -1).reshape(-1, 2)
    grid += rng.uniform(-0.22, 0.22, grid.shape) * pitch
    fill = rng.uniform(0.55, 0.95)
    for center, axis, across in site.frame.poses(grid):
        if not site.canvas.sees(*center, pitch) or rng.random() > fill:
            if rng.random() < 0.3 * palette.trees:
                site.tree(*center, float(rng.gamma(6, 0.4)))
            continue
        turn = rng.normal(0, 0.12) + (np.pi / 2 if rng.random() < 0.5 else 0)
        c, s = float(np.cos(turn)), float(np.sin(turn))
        along = (axis[0] * c + across[0] * s, axis[1] * c + across[1] * s)
        width, depth = pitch * rng.uniform(0.6, 1.15), pitch * rng.uniform(0.5, 0.85)
        parts = house(rng, width, depth) if rng.random() < 0.3 else rectangle(width, depth)
        roof = chosen(rng, palette.look.roof_kinds)
        site.plan.structures.append(
            Structure(center, along, parts, rng.uniform(2.4, 3.8), roof, site.roof_color(), 1)
        )


def park(site: Site, block: Block) -> None:
    """Lawn with paths and trees, sometimes a pitch."""
    rng, palette = site.rng, site.palette
    site.patch(block, "lawn")
    u = block.u0 + rng.uniform(0.3, 0.7) * block.width
    v = block.v0 + rng.uniform(0.3, 0.7) * block.depth
    site.street(block.u0, v, block.u1, v, 2.5, "path")
    site.street(u, block.v0, u, block.v1, 2.5, "path")
    scatter_trees(site, block, 60 * palette.trees, 3.4)


def golf(site: Site, block: Block) -> None:
    """Fairways, greens and bunkers; the outlines come when the ground is drawn."""
    site.patch(block, "golf", variant=int(site.rng.integers(1 << 30)))
    scatter_trees(site, block, 35 * site.palette.trees, 2.8)


def forest(site: Site, block: Block) -> None:
    """Closed woodland."""
    site.patch(block, "understorey")
    scatter_trees(site, block, 420, site.rng.uniform(2.6, 4.2))


def fields(site: Site, block: Block) -> None:
    """Long parcels of crops, stubble and ploughed soil, with furrows and hedges."""
    rng, palette = site.rng, site.palette
    count = int(rng.integers(1, 5))
    cuts = np.sort(rng.uniform(0.1, 0.9, count - 1))
    edges = np.concatenate([[0.0], cuts, [1.0]])
    wide = block.width >= block.depth
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        if wide:
            part = Block(block.u0 + low * block.width, block.v0,
                         block.u0 + high * block.width, block.v1)  # fmt: skip
        else:
            part = Block(block.u0, block.v0 + low * block.depth,
                         block.u1, block.v0 + high * block.depth)  # fmt: skip
        kind = "soil_field" if rng.random() < 0.3 else "crop"
        if site.frame.sees(part, 2):
            angle = site.frame.angle + (np.pi / 2 if rng.random() < 0.5 else 0)
            site.plan.patches.append(
                Patch(site.frame.outline(part.inset(0.8)), kind, angle, int(rng.integers(64)))
            )
        if rng.random() < 0.3 * palette.trees:
            hedge = Block(part.u0 - 3, part.v0, part.u0 + 3, part.v1)
            scatter_trees(site, hedge, 330, 2.6)


def farmstead(site: Site, block: Block) -> None:
    """A farm among its fields."""
    rng = site.rng
    fields(site, block)
    u = (block.u0 + block.u1) / 2 + rng.uniform(-0.2, 0.2) * block.width
    v = (block.v0 + block.v1) / 2 + rng.uniform(-0.2, 0.2) * block.depth
    yard = Block(u - 32, v - 32, u + 32, v + 32)
    site.patch(yard, "yard", late=True)
    site.street(block.u0, v, u, v, 3.5, "dirt")
    spots = np.array([[u - 15, v - 14], [u + 16, v - 8], [u - 6, v + 17], [u + 18, v + 18]])
    for center, axis, _ in site.frame.poses(spots):
        parts = rectangle(rng.uniform(10, 30), rng.uniform(8, 15))
        roof = "gable" if rng.random() < 0.6 else "tin"
        site.plan.structures.append(
            Structure(center, axis, parts, rng.uniform(4, 8), roof, site.roof_color(), 1)
        )
    scatter_trees(site, yard.inset(-12), 40, 3.6)


def vacant(site: Site, block: Block) -> None:
    """Open ground with tracks and a few shrubs."""
    rng = site.rng
    for _ in range(int(rng.integers(0, 3))):
        v0, v1 = rng.uniform(block.v0, block.v1, 2)
        site.street(block.u0, v0, block.u1, v1, rng.uniform(2.5, 5), "track")
    scatter_trees(site, block, rng.uniform(0, 25), 1.4)


def construction(site: Site, block: Block) -> None:
    """Levelled ground, pits and half-finished slabs."""
    rng = site.rng
    site.patch(block.inset(4), "graded")
    for _ in range(int(rng.integers(2, 7))):
        u = rng.uniform(block.u0 + 15, block.u1 - 15)
        v = rng.uniform(block.v0 + 15, block.v1 - 15)
        center, axis, _ = site.frame.poses(np.array([[u, v]]))[0]
        if rng.random() < 0.5:
            pit = Block(u - 10, v - 8, u + 10, v + 8)
            site.patch(pit, "pit", late=True)
        else:
            parts = large(rng, rng.uniform(16, 34), rng.uniform(14, 30))
            site.plan.structures.append(
                Structure(center, axis, parts, rng.uniform(1, 9), "frame", site.roof_color(), 2)
            )
    vacant(site, block)


def yard(site: Site, block: Block) -> None:
    """Rows of containers and stored goods on a paved yard."""
    from rsqa_core.scenes.plan import Car

    rng = site.rng
    site.patch(block.inset(2), "paving")
    inner = block.inset(8)
    colors = ((168, 70, 52), (60, 92, 136), (196, 132, 60), (86, 120, 92), (190, 190, 188),
              (120, 116, 110), (220, 220, 214))  # fmt: skip
    aisle = rng.uniform(12, 24)
    v = inner.v0
    while v < inner.v1 - 12:
        for row in range(int(rng.integers(2, 6))):
            line = v + row * 2.7
            count = max(0, int(inner.width / 12.6))
            u = inner.u0 + (np.arange(count) + 0.5) * 12.6
            spots = np.stack([u, np.full(count, line)], 1)
            if not count:
                continue
            for center, axis, _ in site.frame.poses(spots):
                if rng.random() < 0.8 and site.canvas.sees(*center, 8):
                    color = colors[int(rng.integers(len(colors)))]
                    stack = 2.6 * int(rng.integers(1, 4))
                    site.plan.cars.append(Car(center, axis, 12.2, 2.45, stack, color))
        v += 6 * 2.7 + aisle


def tanks(site: Site, block: Block) -> None:
    """Round storage tanks behind low dams."""
    rng = site.rng
    site.patch(block.inset(3), "yard")
    radius = rng.uniform(8, 20)
    pitch = radius * 2.9
    color = (226, 226, 222) if rng.random() < 0.7 else site.roof_color()
    for i in range(int(block.width / pitch)):
        for j in range(int(block.depth / pitch)):
            u, v = block.u0 + (i + 0.5) * pitch, block.v0 + (j + 0.5) * pitch
            x, y = site.frame.point(u, v)
            if rng.random() < 0.85 and site.canvas.sees(x, y, radius * 2):
                site.plan.tanks.append(((x, y), radius, rng.uniform(9, 16), color))


ZONES: dict[str, Callable[[Site, Block], None]] = {
    "villas": villas, "apartments": apartments, "warehouses": warehouses, "mall": mall,
    "informal": informal, "park": park, "golf": golf, "forest": forest, "fields": fields,
    "farmstead": farmstead, "vacant": vacant, "construction": construction, "yard": yard,
    "tanks": tanks,
}  # fmt: skip

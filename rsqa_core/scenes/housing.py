"""Zones where people live: detached houses, flats, informal quarters, old towns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rsqa_core.scenes.canvas import Point
from rsqa_core.scenes.palette import between
from rsqa_core.scenes.plan import Basin, Block, Street, Structure, chosen
from rsqa_core.scenes.shapes import house, large, rectangle
from rsqa_core.scenes.site import JUNCTION_M, Site
from rsqa_core.scenes.streets import car


@dataclass(frozen=True, slots=True)
class Parcel:
    """One plot: its block, its pose in the picture and the side of the street it lies on."""

    block: Block
    center: Point
    axis: Point
    across: Point
    side: int

    def at(self, u: float, v: float) -> Point:
        """Return the picture point at shares (-0.5..0.5) of width and depth; +v = the garden."""
        du, dv = u * self.block.width, v * self.block.depth * self.side
        return (
            self.center[0] + self.axis[0] * du + self.across[0] * dv,
            self.center[1] + self.axis[1] * du + self.across[1] * dv,
        )


def villas(site: Site, block: Block) -> None:
    """Detached houses on parcels along local streets, some of them closed at one end."""
    rng, palette = site.rng, site.palette
    parcel = palette.parcel_m
    depth = parcel * rng.uniform(1.1, 1.5)
    street_w = between(rng, (5.0, 8.5))
    kind = site.local_kind()
    rows = max(1, round((block.depth - street_w) / (2 * depth + street_w)))
    pitch = block.depth / rows
    depth = (pitch - street_w) / 2
    if depth < 11:
        site.stand(block, 60 * palette.trees, 3.0)
        return
    closed = rng.random() < 0.35
    size = rng.uniform(0.5, 0.74)
    walled = rng.random() < palette.look.walls
    site.patch(block, "lawn" if rng.random() < palette.grass_cover else "yard")
    uniform = site.roof_color() if rng.random() < 0.3 else None
    for row in range(rows):
        middle = block.v0 + (row + 0.5) * pitch
        end = block.u1 - parcel * 0.9 if closed else block.u1 + JUNCTION_M
        site.street(block.u0 - JUNCTION_M, middle, end, middle, street_w, kind)
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
            if site.canvas.sees(*center, parcel * 1.5):
                lot = Block(u - step / 2, v - depth / 2, u + step / 2, v + depth / 2)
                plot = Parcel(lot.inset(0.5), center, axis, across, side)
                _parcel(site, plot, size, walled, uniform)


def _parcel(
    site: Site, plot: Parcel, size: float, walled: bool, uniform: tuple[int, int, int] | None
) -> None:
    rng, palette, plan, lot = site.rng, site.palette, site.plan, plot.block
    if rng.random() < 0.05:
        return
    material = "lawn" if rng.random() < palette.grass_cover else "yard"
    if rng.random() < 0.12:
        material = "paving"
    site.patch(lot, material, late=True)
    if walled:
        plan.walls.append(site.frame.outline(lot, step_m=40.0))
    width = lot.width * size * rng.uniform(0.85, 1.1)
    depth = min(lot.depth * size * 0.85 * rng.uniform(0.85, 1.1), width * 1.3)
    height = 3.2 * (1 + (rng.random() < 0.4)) + rng.uniform(0, 1)
    roof = chosen(rng, palette.look.roof_kinds)
    color = uniform if uniform is not None and rng.random() < 0.85 else site.roof_color()
    plan.structures.append(
        Structure(plot.at(0, -0.05), plot.axis, house(rng, width, depth), height, roof, color, 1)
    )
    if rng.random() < 0.25:
        shed = rectangle(rng.uniform(2, 5), rng.uniform(2, 4))
        plan.structures.append(
            Structure(plot.at(rng.uniform(-0.38, 0.38), 0.41), plot.axis, shed, 2.4, roof,
                      site.roof_color(), 0)
        )  # fmt: skip
    drive = rng.uniform(-0.32, 0.32)
    u = (lot.u0 + lot.u1) / 2 + drive * lot.width
    gate = (lot.v0 - 3.5) if plot.side > 0 else (lot.v1 + 3.5)
    low, high = sorted((gate, gate + plot.side * (3.5 + lot.depth * 0.3)))
    site.patch(Block(u - 1.7, low, u + 1.7, high), "paving", late=True)
    if rng.random() < palette.cars:
        plan.cars.append(car(rng, plot.at(drive, -0.4), plot.across, lorries=0.0))
    if rng.random() < palette.look.pools and lot.depth > 18:
        length = rng.uniform(6, 11)
        rounded = bool(rng.random() < 0.4)
        plan.basins.append(
            Basin(plot.at(0, 0.36), plot.axis, length, length * rng.uniform(0.4, 0.6), rounded)
        )
    for _ in range(rng.poisson(1.8 * palette.trees)):
        site.tree(*plot.at(*rng.uniform(-0.48, 0.48, 2)), float(rng.gamma(6, 0.45)))
    for _ in range(rng.poisson(3 * palette.trees)):
        site.tree(*plot.at(*rng.uniform(-0.48, 0.48, 2)), float(rng.uniform(0.6, 1.3)))
    if site.canvas.gsd_m < 0.5:
        site.clutter(plot.at(0, 0.3), lot.width * 0.25, rng.poisson(1.5))


def apartments(site: Site, block: Block) -> None:
    """Blocks of flats and towers with parking and greens between them."""
    rng, palette = site.rng, site.palette
    green = rng.random() < palette.grass_cover
    site.patch(block, "lawn" if green else "paving")
    pitch = rng.uniform(40, 75)
    columns, rows = max(1, int(block.width / pitch)), max(1, int(block.depth / pitch))
    w, d = block.width / columns, block.depth / rows
    tall = 1.8 if rng.random() < 0.35 else 1.0
    for row in range(1, rows):
        site.row_street(block, block.v0 + row * d, 6.0, "street")
    for i in range(columns):
        for j in range(rows):
            u, v = block.u0 + i * w, block.v0 + j * d
            cell = Block(u, v, u + w, v + d)
            if not site.frame.sees(cell, 30):
                continue
            if rng.random() < 0.2:
                site.parking(cell.inset(6))
                continue
            middle = np.array([[u + w / 2, v + d / 2]])
            center, axis, _ = site.frame.poses(middle)[0]
            storeys = max(2.0, palette.storeys * rng.uniform(0.6, 1.3)) * tall
            scale = rng.uniform(0.45, 0.68)
            roof = "flat" if rng.random() < 0.85 else "hip"
            site.plan.structures.append(
                Structure(center, axis, large(rng, w * scale, d * scale), storeys * 3.1, roof,
                          site.roof_color(), 2)
            )  # fmt: skip
            if rng.random() < 0.4:
                strip = Block(cell.u0 + 4, cell.v0 + 4, cell.u1 - 4, cell.v0 + 4 + 14)
                site.parking(strip)
            if green or rng.random() < 0.4:
                site.stand(cell.inset(3), 45 * palette.trees, 2.8)


def informal(site: Site, block: Block) -> None:
    """Small houses close together and never quite in line, with lanes of trodden earth."""
    rng, palette = site.rng, site.palette
    pitch = rng.uniform(7.0, 12.0)
    columns, rows = max(1, int(block.width / pitch)), max(1, int(block.depth / pitch))
    u = block.u0 + (np.arange(columns) + 0.5) * (block.width / columns)
    v = block.v0 + (np.arange(rows) + 0.5) * (block.depth / rows)
    grid = np.stack(np.meshgrid(u, v), -1).reshape(-1, 2)
    grid += rng.uniform(-0.2, 0.2, grid.shape) * pitch
    fill = rng.uniform(0.75, 1.0)
    near = site.canvas.gsd_m < 0.35
    site.patch(block, "trodden")
    if rows > 6:
        site.row_street(block, block.v0 + block.depth * rng.uniform(0.35, 0.65), 3.2, "dirt")
    turned = rng.normal(0, 0.1, len(grid)) + np.pi / 2 * (rng.random(len(grid)) < 0.5)
    for (center, axis, across), turn in zip(site.frame.poses(grid), turned, strict=True):
        if not site.canvas.sees(*center, pitch):
            continue
        if rng.random() > fill:
            if rng.random() < 0.5 * palette.trees:
                site.tree(*center, float(rng.gamma(6, 0.42)))
            continue
        c, s = float(np.cos(turn)), float(np.sin(turn))
        along = (axis[0] * c + across[0] * s, axis[1] * c + across[1] * s)
        width, depth = pitch * rng.uniform(0.75, 1.25), pitch * rng.uniform(0.65, 1.0)
        parts = house(rng, width, depth) if rng.random() < 0.2 else rectangle(width, depth)
        roof = chosen(rng, palette.look.roof_kinds)
        height = rng.uniform(2.4, 3.6) + (3.0 if rng.random() < 0.08 else 0.0)
        site.plan.structures.append(
            Structure(center, along, parts, height, roof, site.roof_color(), 1)
        )
        if near:
            site.clutter(center, pitch * 0.6, rng.poisson(1.6))


def old_town(site: Site, block: Block) -> None:
    """Perimeter blocks: houses wall to wall around courts, narrow streets between."""
    rng, palette = site.rng, site.palette
    pitch = rng.uniform(38, 64)
    columns, rows = max(1, int(block.width / pitch)), max(1, int(block.depth / pitch))
    w, d = block.width / columns, block.depth / rows
    lane = rng.uniform(4.5, 8.0)
    site.patch(block, "paving")
    for row in range(1, rows):
        site.row_street(block, block.v0 + row * d, lane, "street")
    for column in range(1, columns):
        u = block.u0 + column * w
        site.street(u, block.v0 - JUNCTION_M, u, block.v1 + JUNCTION_M, lane, "street")
    roof = chosen(rng, palette.look.roof_kinds)
    for i in range(columns):
        for j in range(rows):
            u, v = block.u0 + i * w, block.v0 + j * d
            cell = Block(u, v, u + w, v + d).inset(lane / 2 + rng.uniform(1.5, 3.5))
            if min(cell.width, cell.depth) < 18 or not site.frame.sees(cell, 30):
                continue
            if rng.random() < 0.06:
                site.patch(cell, "lawn", late=True)
                site.stand(cell, 120, 3.2)
                continue
            site.patch(cell, "lawn" if rng.random() < palette.grass_cover else "yard", late=True)
            _perimeter(site, cell, roof)


def _perimeter(site: Site, cell: Block, roof: str) -> None:
    rng, palette = site.rng, site.palette
    thick = rng.uniform(9, 12.5)
    spots: list[tuple[float, float, float, float]] = []
    for v in (cell.v0 + thick / 2, cell.v1 - thick / 2):
        u = cell.u0
        while u < cell.u1 - 4:
            width = min(rng.uniform(9, 20), cell.u1 - u)
            spots.append((u + width / 2, v, width, thick))
            u += width
    for u in (cell.u0 + thick / 2, cell.u1 - thick / 2):
        v = cell.v0 + thick
        while v < cell.v1 - thick - 4:
            depth = min(rng.uniform(9, 20), cell.v1 - thick - v)
            spots.append((u, v + depth / 2, thick, depth))
            v += depth
    storeys = max(2.0, palette.storeys)
    for (_, _, w, d), (center, axis, _) in zip(
        spots, site.frame.poses(np.array([s[:2] for s in spots])), strict=True
    ):
        kind = roof if rng.random() < 0.8 else "flat"
        height = 3.2 * max(2.0, storeys + rng.normal(0, 0.7))
        site.plan.structures.append(
            Structure(center, axis, rectangle(w - 0.1, d - 0.1), height, kind,
                      site.roof_color(), 1, True)
        )  # fmt: skip
    site.stand(cell.inset(thick + 2), 60 * palette.trees, 2.8)

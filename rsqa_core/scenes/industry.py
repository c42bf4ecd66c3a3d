"""Zones where people work: sheds, shops, yards, tanks, building sites."""

from __future__ import annotations

import numpy as np

from rsqa_core.scenes.look import Color
from rsqa_core.scenes.plan import Block, Car, Structure
from rsqa_core.scenes.shapes import large, rectangle
from rsqa_core.scenes.site import Site

CONTAINER_COLORS: tuple[Color, ...] = (
    (158, 74, 58), (70, 96, 132), (182, 128, 70), (90, 118, 96), (186, 186, 184),
    (120, 116, 110), (212, 212, 206), (118, 62, 56), (58, 70, 92),
)  # fmt: skip


def warehouses(site: Site, block: Block) -> None:
    """Large sheds in rows on paved or bare yards."""
    rng = site.rng
    site.patch(block, "paving" if rng.random() < 0.6 else "yard")
    w, d = rng.uniform(28, 70), rng.uniform(30, 90)
    columns, rows = max(1, int(block.width / (w + 12))), max(1, int(block.depth / (d + 18)))
    w, d = block.width / columns, block.depth / rows
    roof = "tin" if rng.random() < 0.7 else "flat"
    same = site.roof_color()
    for j in range(1, rows):
        site.row_street(block, block.v0 + j * d, rng.uniform(7, 11), "street")
    for i in range(columns):
        for j in range(rows):
            u, v = block.u0 + (i + 0.5) * w, block.v0 + (j + 0.5) * d
            center, axis, across = site.frame.poses(np.array([[u, v]]))[0]
            if not site.canvas.sees(*center, max(w, d)):
                continue
            if rng.random() < 0.14:
                site.parking(Block(u - w / 2 + 4, v - d / 2 + 7, u + w / 2 - 4, v + d / 2 - 7))
                continue
            color = same if rng.random() < 0.5 else site.roof_color()
            width, depth = w - rng.uniform(5, 14), d - rng.uniform(14, 26)
            site.plan.structures.append(
                Structure(center, axis, rectangle(width, depth), rng.uniform(6, 13), roof, color, 2)
            )
            for _ in range(rng.poisson(3)):
                a = rng.uniform(-0.45, 0.45) * w
                b = (d - 6) / 2 * (1 if rng.random() < 0.5 else -1)
                x = center[0] + axis[0] * a + across[0] * b
                y = center[1] + axis[1] * a + across[1] * b
                color = CONTAINER_COLORS[int(rng.integers(len(CONTAINER_COLORS)))]
                site.plan.cars.append(Car((x, y), across, rng.uniform(6, 13), 2.5, 3.0, color))
            if site.canvas.gsd_m < 0.6:
                site.clutter(center, max(w, d) * 0.45, rng.poisson(5))


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
    site.parking(lot.inset(6))
    site.stand(lot.inset(6), 14 * site.palette.trees, 2.0)
    inner = shop.inset(9)
    if min(inner.width, inner.depth) < 12:
        return
    middle = np.array([[(inner.u0 + inner.u1) / 2, (inner.v0 + inner.v1) / 2]])
    center, axis, _ = site.frame.poses(middle)[0]
    parts = large(rng, min(inner.width, 150), min(inner.depth, 150))
    site.plan.structures.append(
        Structure(center, axis, parts, rng.uniform(8, 16), "flat", site.roof_color(), 2)
    )


def construction(site: Site, block: Block) -> None:
    """Levelled ground, pits, heaps and half-finished slabs."""
    rng = site.rng
    site.patch(block.inset(4), "graded")
    if min(block.width, block.depth) < 50:
        return
    for _ in range(int(rng.integers(2, 7))):
        u = rng.uniform(block.u0 + 20, block.u1 - 20)
        v = rng.uniform(block.v0 + 20, block.v1 - 20)
        center, axis, _ = site.frame.poses(np.array([[u, v]]))[0]
        if rng.random() < 0.4:
            a, b = rng.uniform(5, 16, 2)
            site.patch(Block(u - a, v - b, u + a, v + b), "pit", late=True)
        else:
            parts = large(rng, rng.uniform(16, 34), rng.uniform(14, 30))
            site.plan.structures.append(
                Structure(center, axis, parts, rng.uniform(1, 9), "frame", site.roof_color(), 2)
            )
        site.clutter(center, 22, rng.poisson(9))
    v = rng.uniform(block.v0, block.v1)
    site.row_street(block, v, rng.uniform(4, 7), "track")
    site.stand(block, rng.uniform(0, 12), 1.4)


def yard(site: Site, block: Block) -> None:
    """Stacks of containers on a paved yard."""
    rng = site.rng
    site.patch(block.inset(2), "paving")
    inner = block.inset(8)
    aisle = rng.uniform(12, 24)
    long_m = 12.2 if rng.random() < 0.7 else 6.1
    bay = long_m + 0.5
    v = inner.v0
    while v < inner.v1 - 14:
        depth = int(rng.integers(3, 7))
        count = int(inner.width / bay)
        gap = rng.integers(0, max(1, count), 2)
        for row in range(depth):
            u = inner.u0 + (np.arange(count) + 0.5) * bay
            keep = (np.arange(count) < gap.min()) | (np.arange(count) > gap.min() + 1)
            u = u[keep]
            if not len(u):
                continue
            spots = np.stack([u, np.full(len(u), v + row * 2.65)], 1)
            for center, axis, _ in site.frame.poses(spots):
                if rng.random() < 0.86 and site.canvas.sees(*center, 8):
                    color = CONTAINER_COLORS[int(rng.integers(len(CONTAINER_COLORS)))]
                    stack = 2.6 * int(rng.integers(1, 4))
                    site.plan.cars.append(Car(center, axis, long_m, 2.45, stack, color))
        v += depth * 2.65 + aisle


def tanks(site: Site, block: Block) -> None:
    """Round storage tanks in rows."""
    rng = site.rng
    site.patch(block.inset(3), "yard")
    radius = rng.uniform(8, 20)
    pitch = radius * 2.9
    color = (220, 220, 216) if rng.random() < 0.7 else site.roof_color()
    for i in range(int(block.width / pitch)):
        for j in range(int(block.depth / pitch)):
            u, v = block.u0 + (i + 0.5) * pitch, block.v0 + (j + 0.5) * pitch
            x, y = site.frame.point(u, v)
            if rng.random() < 0.85 and site.canvas.sees(x, y, radius * 2):
                site.plan.tanks.append(((x, y), radius, rng.uniform(9, 16), color))

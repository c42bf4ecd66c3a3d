"""Zones without many buildings: parks, golf courses, woods, fields, waste land."""

from __future__ import annotations

import itertools

import numpy as np

from rsqa_core.scenes.plan import Block, Patch, Structure
from rsqa_core.scenes.shapes import rectangle
from rsqa_core.scenes.site import Site


def park(site: Site, block: Block) -> None:
    """Lawn with paths and trees."""
    rng = site.rng
    site.patch(block, "lawn")
    u = block.u0 + rng.uniform(0.3, 0.7) * block.width
    v = block.v0 + rng.uniform(0.3, 0.7) * block.depth
    site.street(block.u0, v, block.u1, v, 2.5, "path")
    site.street(u, block.v0, u, block.v1, 2.5, "path")
    if rng.random() < 0.35 and min(block.width, block.depth) > 110:
        pitch = Block(u + 6, v + 6, u + 6 + 68, v + 6 + 45)
        site.patch(pitch, "pitch", late=True)
        return
    site.stand(block, 70 * site.palette.trees, 3.4)


def golf(site: Site, block: Block) -> None:
    """Fairways, greens and bunkers; their outlines come when the ground is drawn."""
    site.patch(block, "golf")
    site.stand(block, 45 * site.palette.trees, 2.8)


def forest(site: Site, block: Block) -> None:
    """Closed woodland."""
    site.patch(block.inset(-4), "understorey")
    site.stand(block.inset(-4), 420, site.rng.uniform(2.6, 4.2))


def thicket(site: Site, block: Block) -> None:
    """Low dense scrub or mangrove, cut by bare channels."""
    site.patch(block.inset(-5), "golf" if site.rng.random() < 0.3 else "understorey")
    site.stand(block.inset(-5), 1100, site.rng.uniform(0.9, 1.8))


def fields(site: Site, block: Block) -> None:
    """Long parcels of crops, stubble and ploughed soil, with furrows and hedges."""
    rng, palette = site.rng, site.palette
    cuts = np.sort(rng.uniform(0.1, 0.9, int(rng.integers(0, 4))))
    wide = block.width >= block.depth
    for low, high in itertools.pairwise([0.0, *cuts.tolist(), 1.0]):
        if wide:
            u0, u1 = block.u0 + low * block.width, block.u0 + high * block.width
            part = Block(u0, block.v0, u1, block.v1)
        else:
            v0, v1 = block.v0 + low * block.depth, block.v0 + high * block.depth
            part = Block(block.u0, v0, block.u1, v1)
        if not site.frame.sees(part, 2):
            continue
        material = "soil_field" if rng.random() < 0.3 else "crop"
        angle = site.frame.angle + (np.pi / 2 if rng.random() < 0.5 else 0)
        outline = site.frame.outline(part.inset(rng.uniform(0.3, 1.5)))
        site.plan.patches.append(Patch(outline, material, angle, int(rng.integers(1 << 20))))
        if rng.random() < 0.3 * palette.trees:
            site.stand(Block(part.u0 - 3, part.v0, part.u0 + 3, part.v1), 330, 2.6)


def orchard(site: Site, block: Block) -> None:
    """Trees in rows on soil or mown grass."""
    rng = site.rng
    site.patch(block, "lawn" if rng.random() < 0.5 * site.palette.grass_cover else "yard")
    du, dv = rng.uniform(3.5, 9), rng.uniform(4, 9)
    u = np.arange(block.u0 + du, block.u1 - du / 2, du)
    v = np.arange(block.v0 + dv, block.v1 - dv / 2, dv)
    if not len(u) or not len(v):
        return
    grid = np.stack(np.meshgrid(u, v), -1).reshape(-1, 2)
    grid = grid + rng.normal(0, 0.2, grid.shape)
    palms = bool(rng.random() < site.palette.look.palms)
    size = min(du, dv) * rng.uniform(0.3, 0.52)
    points = site.frame.points(grid)
    inside = ((points > -6) & (points < site.canvas.extent_m + 6)).all(axis=1)
    radius = size * np.exp(rng.normal(0, 0.12, len(points)))
    kept = inside & (rng.random(len(points)) < 0.96)
    for (x, y), r in zip(points[kept].tolist(), radius[kept].tolist(), strict=True):
        site.plan.trees.append((x, y, r, palms))


def farmstead(site: Site, block: Block) -> None:
    """A farm among its fields."""
    rng = site.rng
    fields(site, block)
    u = (block.u0 + block.u1) / 2 + rng.uniform(-0.2, 0.2) * block.width
    v = (block.v0 + block.v1) / 2 + rng.uniform(-0.2, 0.2) * block.depth
    farm = Block(u - 32, v - 32, u + 32, v + 32)
    site.patch(farm, "yard", late=True)
    site.street(block.u0 - 9, v, u, v, 3.5, "dirt")
    spots = np.array([[u - 15, v - 14], [u + 16, v - 8], [u - 6, v + 17], [u + 18, v + 18]])
    for center, axis, _ in site.frame.poses(spots):
        parts = rectangle(rng.uniform(10, 30), rng.uniform(8, 15))
        roof = "gable" if rng.random() < 0.6 else "tin"
        site.plan.structures.append(
            Structure(center, axis, parts, rng.uniform(4, 8), roof, site.roof_color(), 1)
        )
        site.clutter(center, 12, rng.poisson(4))
    site.stand(farm.inset(-12), 50, 3.6)


def vacant(site: Site, block: Block) -> None:
    """Open ground with tracks and a few shrubs."""
    rng = site.rng
    for _ in range(int(rng.integers(0, 3))):
        v0, v1 = rng.uniform(block.v0, block.v1, 2)
        site.street(block.u0 - 9, v0, block.u1 + 9, v1, rng.uniform(2.5, 5), "track")
    if rng.random() < 0.35:
        edge = block.inset(rng.uniform(4, 20))
        site.patch(edge, "graded" if rng.random() < 0.6 else "yard")
    site.stand(block, float(np.exp(rng.uniform(0, 5))), 1.3)

"""From a look to a plan: where the water is, how streets run, which zone fills each block."""

from __future__ import annotations

import numpy as np

from rsqa_core.scenes.canvas import Canvas, normals_of
from rsqa_core.scenes.highways import add_highway, add_roundabout
from rsqa_core.scenes.look import Look
from rsqa_core.scenes.noise import Rng
from rsqa_core.scenes.palette import Palette, between
from rsqa_core.scenes.plan import Block, Car, Frame, Plan, Street, chosen, split_blocks
from rsqa_core.scenes.site import Site
from rsqa_core.scenes.water import Shore
from rsqa_core.scenes.zones import ZONES

RIPARIAN = {"river", "lake", "canal"}


def lay_out(rng: Rng, canvas: Canvas, look: Look, palette: Palette) -> tuple[Plan, Shore]:
    """Plan one scene.

    Returns:
        The plan in metres of the picture, and the shore that streets and buildings respect.
    """
    extent = canvas.extent_m
    frame = Frame(rng, chosen(rng, look.layouts), extent)
    shore = Shore(rng, chosen(rng, look.waters), extent, frame.angle)
    plan = Plan()
    site = Site(rng, frame, plan, palette, canvas)
    target = between(rng, look.block_m)
    reach = max(extent * 0.95, target * 1.1)
    shift_u, shift_v = rng.uniform(-0.5, 0.5, 2) * max(0.0, reach - extent * 0.5)
    whole = Block(shift_u - reach, shift_v - reach, shift_u + reach, shift_v + reach)
    blocks, cuts = split_blocks(rng, whole, target)
    roads = [(cut[:4], _main_road(rng, plan, frame, look, cut[:4], cut[4])) for cut in cuts]
    local = _local_weights(rng, look)
    for block in blocks:
        inner = _beside_roads(block, roads)
        if inner.width > 25 and inner.depth > 25 and frame.sees(inner, 30):
            ZONES[chosen(rng, local)](site, inner)
    if rng.random() < look.highway and extent > 150:
        add_highway(rng, plan, extent, shore)
    if shore.kind != "none":
        _waterside(rng, plan, look, palette, shore, extent)
    return plan, shore


def _main_road(
    rng: Rng,
    plan: Plan,
    frame: Frame,
    look: Look,
    cut: tuple[float, float, float, float],
    depth: int,
) -> float:
    """Turn one cut between blocks into a dual carriageway, a street or a dirt road.

    Returns:
        Half of its width in metres.
    """
    points = frame.line(*cut)
    rural = look.dirt_streets > 0.4
    if depth < 2 and rng.random() < (0.25 if rural else 0.6):
        half = float(rng.uniform(5, 8.5))
        if rng.random() < 0.4:
            normals = normals_of(points)
            lane, median = float(rng.uniform(7, 10)), float(rng.uniform(2, 6))
            half = lane + median / 2
            for side in (-1, 1):
                shifted = points + normals * (side * (lane + median) / 2)
                plan.streets.append(Street(shifted, lane, "arterial"))
            for x, y in points.tolist():
                if rng.random() < 0.7:
                    palm = bool(rng.random() < look.palms)
                    plan.trees.append((x, y, float(rng.uniform(1.0, 2.2)), palm))
        else:
            plan.streets.append(Street(points, 2 * half, "arterial"))
        if rng.random() < 0.45:
            at = (cut[0], cut[1]) if rng.random() < 0.5 else (cut[2], cut[3])
            add_roundabout(rng, plan, frame.point(*at))
        return half
    width = float(rng.uniform(5.5, 9.5))
    kind = "dirt" if rng.random() < look.dirt_streets else "street"
    plan.streets.append(Street(points, width, kind))
    if depth >= 2 and rng.random() < 0.08:
        add_roundabout(rng, plan, frame.point(cut[0], cut[1]))
    return width / 2


def _beside_roads(
    block: Block, roads: list[tuple[tuple[float, float, float, float], float]]
) -> Block:
    """Return the block without the roads along its sides and their pavements."""
    margins = [3.0, 3.0, 3.0, 3.0]
    for (u0, v0, u1, v1), half in roads:
        if u0 == u1 and v0 < block.v1 and v1 > block.v0:
            sides = [(0, u0 == block.u0), (2, u0 == block.u1)]
        elif v0 == v1 and u0 < block.u1 and u1 > block.u0:
            sides = [(1, v0 == block.v0), (3, v0 == block.v1)]
        else:
            continue
        for side, touches in sides:
            if touches:
                margins[side] = max(margins[side], half + 2.0)
    a, b, c, d = margins
    return Block(block.u0 + a, block.v0 + b, block.u1 - c, block.v1 - d)


def _local_weights(rng: Rng, look: Look) -> tuple[tuple[str, float], ...]:
    """Sharpen the look's zone weights at random: most real views show few kinds of zone."""
    power = rng.uniform(0.6, 2.2)
    return tuple((name, (w * float(np.exp(rng.normal(0, 0.8)))) ** power) for name, w in look.zones)


def _waterside(
    rng: Rng, plan: Plan, look: Look, palette: Palette, shore: Shore, extent: float
) -> None:
    """Add bushes along the bank, mangroves on flat coasts, and boats."""
    spots = rng.uniform(0, extent, (min(6000, int(extent * extent / 12)), 2))
    distance = shore.along(spots)
    if shore.kind in RIPARIAN and rng.random() < 0.75 * min(1.0, palette.grass_cover * 1.5):
        width = rng.uniform(4, 16)
        bank = spots[(distance > 0.5) & (distance < width)]
        share = rng.uniform(0.2, 1.0)
        for x, y in bank[rng.random(len(bank)) < share].tolist():
            plan.trees.append((x, y, float(rng.gamma(5, 0.45)), False))
    elif shore.kind in {"coast", "island", "lagoon"} and rng.random() < 0.3:
        width = rng.uniform(6, 0.1 * extent + 8)
        cx, cy = rng.uniform(0, extent, 2)
        near = np.hypot(spots[:, 0] - cx, spots[:, 1] - cy) < extent * rng.uniform(0.15, 0.5)
        belt = spots[(distance > 0) & (distance < width) & near]
        for x, y in belt.tolist():
            plan.trees.append((x, y, float(rng.uniform(0.8, 2.2)), False))
    afloat = spots[distance < -14]
    if len(afloat) and shore.kind != "lake" and rng.random() < 0.45:
        fleet = min(int(rng.integers(1, 9)), 1 + len(afloat) // 150)
        for x, y in afloat[:fleet].tolist():
            turn = rng.uniform(0, 2 * np.pi)
            length = float(np.exp(rng.uniform(np.log(3), np.log(14))))
            tone = int(rng.uniform(170, 250))
            axis = (float(np.cos(turn)), float(np.sin(turn)))
            plan.boats.append(
                Car((x, y), axis, length, length * 0.3, 1.0, (tone, tone, tone), "boat")
            )

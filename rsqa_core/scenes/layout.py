"""From a look to a plan: where the water is, how streets run, which zone fills each block."""

from __future__ import annotations

import numpy as np

from rsqa_core.scenes.canvas import Canvas
from rsqa_core.scenes.looks import Look
from rsqa_core.scenes.noise import Rng
from rsqa_core.scenes.palette import Palette, between
from rsqa_core.scenes.plan import Block, Frame, Plan, Street, chosen, split_blocks
from rsqa_core.scenes.water import Shore
from rsqa_core.scenes.zones import ZONES, Site


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
    blocks, roads = split_blocks(rng, whole, target)
    for u0, v0, u1, v1, depth in roads:
        wide = depth < 2 and rng.random() < 0.6
        kind, width = ("arterial", rng.uniform(12, 20)) if wide else ("street", rng.uniform(6, 10))
        if not wide and rng.random() < look.dirt_streets:
            kind = "dirt"
        plan.streets.append(Street(frame.line(u0, v0, u1, v1), float(width), kind))
    local = _local_weights(rng, look)
    for block in blocks:
        inner = block.inset(6.0)
        if inner.width < 25 or inner.depth < 25 or not frame.sees(inner, 30):
            continue
        ZONES[chosen(rng, local)](site, inner)
    if rng.random() < look.highway and extent > 150:
        _highway(rng, plan, extent)
    return plan, shore


def _local_weights(rng: Rng, look: Look) -> tuple[tuple[str, float], ...]:
    """Sharpen the look's zone weights at random: most real views show few kinds of zone."""
    power = rng.uniform(0.6, 2.2)
    return tuple((name, (w * float(np.exp(rng.normal(0, 0.8)))) ** power) for name, w in look.zones)


def _highway(rng: Rng, plan: Plan, extent: float) -> None:
    angle = rng.uniform(0, np.pi)
    t = np.linspace(-1.0, 1.0, 60)
    bend = rng.uniform(-0.25, 0.25)
    along, across = t * extent * 0.8, bend * t * t * extent + rng.uniform(-0.25, 0.25) * extent
    c, s = np.cos(angle), np.sin(angle)
    points = np.stack([along * c - across * s, along * s + across * c], 1) + extent / 2
    lane = rng.uniform(11, 16)
    gap = rng.uniform(3, 12)
    from rsqa_core.scenes.canvas import normals_of

    normals = normals_of(points)
    for side in (-1, 1):
        shift = side * (lane + gap) / 2
        plan.streets.append(Street(points + normals * shift, float(lane), "highway"))

"""Motorways, their interchanges, and roundabouts where main roads meet."""

from __future__ import annotations

import numpy as np

from rsqa_core.scenes.canvas import Point, Points, normals_of
from rsqa_core.scenes.noise import Rng
from rsqa_core.scenes.plan import Patch, Plan, Street
from rsqa_core.scenes.water import Shore


def add_highway(rng: Rng, plan: Plan, extent_m: float, shore: Shore) -> None:
    """Lay a dual carriageway across the view, now and then with a cloverleaf, mostly on land."""
    angle = float(rng.uniform(0, np.pi))
    clover = extent_m > 420 and rng.random() < 0.45
    t = np.linspace(-1.0, 1.0, 80)
    bend = 0.0 if clover else rng.uniform(-0.25, 0.25)
    offset = rng.uniform(-0.25, 0.25) * extent_m
    along, across = t * extent_m * 0.85, bend * t * t * extent_m + offset
    c, s = float(np.cos(angle)), float(np.sin(angle))
    points = np.stack([along * c - across * s, along * s + across * c], 1) + extent_m / 2
    inside = ((points > 0) & (points < extent_m)).all(axis=1)
    if float((shore.along(points[inside]) < 0).mean() if inside.any() else 1.0) > 0.35:
        return
    lane, gap = float(rng.uniform(10, 16)), float(rng.uniform(3, 12))
    verge = float(rng.uniform(4, 14))
    _carriageways(rng, plan, points, lane, gap, verge)
    if rng.random() < 0.5:
        _frontage(plan, points, lane + gap / 2 + verge + 9)
    middle = points[40] + np.array([c, s]) * rng.uniform(-0.2, 0.2) * extent_m
    if clover and shore.at(float(middle[0]), float(middle[1])) > 120:
        _cloverleaf(rng, plan, (float(middle[0]), float(middle[1])), angle, extent_m, lane)


def _carriageways(
    rng: Rng, plan: Plan, points: Points, lane: float, gap: float, verge: float
) -> None:
    half = lane + gap / 2
    plan.corridors.append((points, half + verge))
    material = "lawn" if rng.random() < 0.4 else "graded"
    plan.verges.append(Patch(_band(points, 2 * (half + verge)), material))
    normals = normals_of(points)
    for side in (-1, 1):
        shifted = points + normals * (side * (lane + gap) / 2)
        plan.streets.append(Street(shifted, lane, "highway"))
    for k in range(len(points)):
        if gap > 5 and rng.random() < 0.6:
            x, y = points[k]
            plan.trees.append((float(x), float(y), float(rng.uniform(0.9, 1.8)), False))


def _frontage(plan: Plan, points: Points, shift: float) -> None:
    normals = normals_of(points)
    for side in (-1, 1):
        plan.streets.append(Street(points + normals * (side * shift), 7.5, "ramp"))


def _cloverleaf(
    rng: Rng, plan: Plan, center: Point, angle: float, extent_m: float, lane: float
) -> None:
    """Add the crossing road, four loops and four outer ramps."""
    radius = float(rng.uniform(34, 60))
    a = np.array([np.cos(angle), np.sin(angle)])
    b = np.array([-a[1], a[0]])
    middle = np.array(center)
    reach = np.linspace(-1, 1, 60)[:, None] * extent_m
    crossing = middle + reach * b
    gap = 5.0
    material = "lawn" if rng.random() < 0.5 else "graded"
    turn = np.linspace(0, 2 * np.pi, 49)
    ring = np.stack([np.cos(turn), np.sin(turn)], 1)
    plan.verges.append(Patch(middle + ring * radius * 3.4, material))
    plan.corridors.append((np.stack([middle, middle + 1.0]), radius * 3.5))
    _carriageways(rng, plan, crossing, lane * 0.85, gap, 5.0)
    shift = lane + 2.0
    for p in (-1, 1):
        for q in (-1, 1):
            loop = middle + a * p * (radius + shift) + b * q * (radius + shift) + ring * radius
            plan.streets.append(Street(loop, 6.5, "ramp"))
            if rng.random() < 0.6:
                spot = middle + (a * p + b * q) * (radius + shift)
                _grove(rng, plan, (float(spot[0]), float(spot[1])), radius * 0.6)
            start, end = middle + a * p * radius * 4.6, middle + b * q * radius * 4.6
            start, end = start + b * q * shift * 0.8, end + a * p * shift * 0.8
            pull = middle + (a * p + b * q) * radius * 2.0
            t = np.linspace(0, 1, 30)[:, None]
            outer = (1 - t) ** 2 * start + 2 * t * (1 - t) * pull + t**2 * end
            plan.streets.append(Street(outer, 6.5, "ramp"))


def _grove(rng: Rng, plan: Plan, center: Point, spread: float) -> None:
    for _ in range(int(rng.integers(3, 25))):
        x, y = np.array(center) + rng.normal(0, spread * 0.45, 2)
        plan.trees.append((float(x), float(y), float(rng.uniform(1.2, 2.8)), False))


def add_roundabout(rng: Rng, plan: Plan, center: Point) -> None:
    """Join streets at ``center`` by a ring with a green or paved island."""
    width = float(rng.uniform(7, 11))
    inner = float(rng.uniform(7, 20))
    plan.rounds.append((center, inner, width))
    turn = np.linspace(0, 2 * np.pi, 33)
    ring = np.stack([np.cos(turn), np.sin(turn)], 1)
    middle = np.array(center)
    material = "lawn" if rng.random() < 0.6 else "graded"
    plan.islands.append(Patch(middle + ring * inner, material))
    if rng.random() < 0.7:
        _grove(rng, plan, center, inner * 0.6)


def _band(points: Points, width: float) -> Points:
    normals = normals_of(points)
    return np.concatenate([points + normals * width / 2, (points - normals * width / 2)[::-1]])

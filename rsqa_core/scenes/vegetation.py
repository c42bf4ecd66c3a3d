"""Trees: crowns as small domes that take light, cast shadows and hide what is under them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from rsqa_core.scenes.canvas import BUILDING, ROAD, VEGETATION, WATER, Canvas
from rsqa_core.scenes.noise import Field, NoiseBank, Rng
from rsqa_core.scenes.palette import Palette
from rsqa_core.scenes.plan import Plan


@dataclass(frozen=True, slots=True)
class Crowns:
    """What trees add to a scene, all (N, N): crown height in metres (0 = none), colour factor."""

    height_m: Field
    tint: NDArray[np.float32]
    kind: NDArray[np.uint8]


def plant(rng: Rng, canvas: Canvas, bank: NoiseBank, palette: Palette, plan: Plan) -> Crowns | None:
    """Place the plan's trees and draw their classes and heights on the canvas.

    Returns:
        The crowns for shading, or None without a tree.
    """
    xy, radius, palm = _positions(rng, canvas, bank, plan)
    if not len(radius):
        return None
    n = canvas.fine_px
    ids = np.asarray(canvas.ids)
    column = np.clip((xy[:, 0] * canvas.scale).astype(int), 0, n - 1)
    row = np.clip((xy[:, 1] * canvas.scale).astype(int), 0, n - 1)
    free = ~np.isin(ids[row, column], (BUILDING, ROAD, WATER))
    xy, radius, palm = xy[free], radius[free], palm[free]
    if not len(radius):
        return None
    rising = rng.uniform(0.8, 1.5, len(radius)) * radius + 1.0
    order = np.argsort(rising)
    xy, radius, palm, rising = xy[order], radius[order], palm[order], rising[order]
    top = np.zeros(n * n, dtype=np.int64)
    _stamp(rng, canvas, top, xy, radius, palm, rising)
    grown = (top > 0).reshape(n, n)
    height = (top >> 24).astype(np.float32).reshape(n, n) / np.float32(1000)
    owner = (top & 0xFFFFFF).reshape(n, n)
    tints = np.exp(rng.normal(0, 0.13, len(radius) + 1)).astype(np.float32)
    kinds = rng.integers(0, len(palette.crowns), len(radius) + 1).astype(np.uint8)
    plain = ids.copy()
    plain[grown] = VEGETATION
    canvas.ids = Image.fromarray(plain)
    base = np.asarray(canvas.height)
    canvas.height = Image.fromarray(np.maximum(base, height))
    canvas.refresh()
    return Crowns(height, tints[owner], kinds[owner])


def _positions(
    rng: Rng, canvas: Canvas, bank: NoiseBank, plan: Plan
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    singles = [t for t in plan.trees if canvas.sees(t[0], t[1], t[2])]
    xy = [np.array([(t[0], t[1]) for t in singles]).reshape(-1, 2)]
    radius = [np.array([t[2] for t in singles])]
    palm = [np.array([t[3] for t in singles], dtype=bool)]
    clumps = bank.broad()
    for outline, per_hectare, typical in plan.forests:
        low = np.maximum(outline.min(axis=0), -5)
        high = np.minimum(outline.max(axis=0), canvas.extent_m + 5)
        area = float(np.prod(np.maximum(high - low, 0)))
        count = min(6000, rng.poisson(area / 1e4 * per_hectare))
        if not count:
            continue
        spots = rng.uniform(low, high, (count, 2))
        cell = np.clip((spots * canvas.scale).astype(int), 0, canvas.fine_px - 1)
        stencil = Image.new("1", (canvas.fine_px // 8, canvas.fine_px // 8))
        flat = [c * canvas.scale / 8 for p in outline for c in p]
        ImageDraw.Draw(stencil).polygon(flat, fill=1)
        inside = np.asarray(stencil)[cell[:, 1] // 8, cell[:, 0] // 8]
        dense = per_hectare > 300
        gap = clumps[cell[:, 1], cell[:, 0]] + rng.normal(0, 0.5, count) > (-9 if dense else -0.2)
        keep = inside & gap
        xy.append(spots[keep])
        radius.append(typical * np.exp(rng.normal(0, 0.28, int(keep.sum()))))
        palm.append(np.zeros(int(keep.sum()), dtype=bool))
    sizes = np.clip(np.concatenate(radius), 0.6, 9.0)
    return np.concatenate(xy), sizes, np.concatenate(palm)


def _stamp(
    rng: Rng,
    canvas: Canvas,
    top: NDArray[np.int64],
    xy: NDArray[np.float64],
    radius: NDArray[np.float64],
    palm: NDArray[np.bool_],
    rising: NDArray[np.float64],
) -> None:
    """Write (height in mm, tree number) of the highest crown into ``top``, flat (N * N)."""
    n = canvas.fine_px
    # Radii in about 12 steps: crowns of one step share a template and are stamped together.
    radius_px = np.maximum(1.0, radius * canvas.scale)
    step = np.round(np.log(radius_px) / 0.22).astype(int)
    variants = rng.integers(0, 3, len(radius))
    for key in np.unique(step * 8 + variants * 2 + palm):
        chosen = np.flatnonzero(step * 8 + variants * 2 + palm == key)
        size = float(np.exp(key // 8 * 0.22))
        template = _palm_template(rng, size) if key % 2 else _crown_template(rng, size)
        dy, dx = np.nonzero(template > 0)
        shape = template[dy, dx]
        half = template.shape[0] // 2
        limit = max(1, 400_000 // max(1, len(dy)))
        for start in range(0, len(chosen), limit):
            part = chosen[start : start + limit]
            row = (xy[part, 1] * canvas.scale).astype(int)[:, None] + (dy - half)[None]
            column = (xy[part, 0] * canvas.scale).astype(int)[:, None] + (dx - half)[None]
            metres = rising[part][:, None] * shape[None]
            value = ((metres * 1000).astype(np.int64) << 24) | (part[:, None] + 1)
            ok = (row >= 0) & (row < n) & (column >= 0) & (column < n)
            np.maximum.at(top, (row * n + column)[ok], value[ok])


def _crown_template(rng: Rng, radius_px: float) -> Field:
    """Return a lumpy dome of height 1 and ``radius_px``, square with odd sides."""
    half = int(np.ceil(radius_px)) + 1
    axis = np.arange(-half, half + 1, dtype=np.float32)
    x, y = np.meshgrid(axis, axis)
    r2 = (x * x + y * y) / np.float32(radius_px**2)
    dome = np.sqrt(np.clip(1 - r2 * 1.35, 0, 1)) * 0.85
    if radius_px > 2.5:
        for _ in range(int(min(40, 5 + radius_px * 1.2))):
            angle, out = rng.uniform(0, 2 * np.pi), np.sqrt(rng.uniform(0.02, 0.72))
            size = rng.uniform(0.2, 0.42)
            cx, cy = np.cos(angle) * out * radius_px, np.sin(angle) * out * radius_px
            d2 = ((x - cx) ** 2 + (y - cy) ** 2) / np.float32((size * radius_px) ** 2)
            bump = np.sqrt(np.clip(1 - d2, 0, 1)) * size * 0.8 + (1 - out**1.5) * 0.5
            dome = np.maximum(dome, np.where(d2 < 1, bump, 0))
    return dome.astype(np.float32)


def _palm_template(rng: Rng, radius_px: float) -> Field:
    """Return a star of fronds."""
    half = int(np.ceil(radius_px)) + 1
    axis = np.arange(-half, half + 1, dtype=np.float32)
    x, y = np.meshgrid(axis, axis)
    r = np.hypot(x, y) / np.float32(radius_px)
    fronds = int(rng.integers(7, 11))
    arms = np.abs(np.sin(np.arctan2(y, x) * np.float32(fronds / 2) + rng.uniform(0, 3)))
    inside = (r < 1) & ((arms > 0.35 + 0.5 * r) | (r < 0.35))
    star: Field = np.where(inside, 1.0 - 0.5 * r, 0).astype(np.float32)
    return star

"""Ground plans of buildings as unions of rectangles, in metres around the middle."""

from __future__ import annotations

from rsqa_core.scenes.noise import Rng

Parts = tuple[tuple[float, float, float, float], ...]


def rectangle(width: float, depth: float) -> Parts:
    return ((-width / 2, -depth / 2, width / 2, depth / 2),)


def l_shape(rng: Rng, width: float, depth: float) -> Parts:
    wing = rng.uniform(0.35, 0.6)
    a, b = width / 2, depth / 2
    bar = (-a, -b, a, -b + depth * wing)
    x = width * rng.uniform(0.35, 0.6)
    leg = (-a, -b, -a + x, b) if rng.random() < 0.5 else (a - x, -b, a, b)
    return (bar, leg)


def u_shape(rng: Rng, width: float, depth: float) -> Parts:
    a, b = width / 2, depth / 2
    wing = width * rng.uniform(0.22, 0.34)
    bar = depth * rng.uniform(0.25, 0.45)
    return ((-a, -b, a, -b + bar), (-a, -b, -a + wing, b), (a - wing, -b, a, b))


def courtyard(rng: Rng, width: float, depth: float) -> Parts:
    a, b = width / 2, depth / 2
    t = min(width, depth) * rng.uniform(0.2, 0.32)
    return ((-a, -b, a, -b + t), (-a, b - t, a, b), (-a, -b, -a + t, b), (a - t, -b, a, b))


def stepped(rng: Rng, width: float, depth: float) -> Parts:
    """Return a villa-like cluster of overlapping boxes."""
    a, b = width / 2, depth / 2
    parts = [(-a * 0.8, -b * 0.7, a * 0.8, b * 0.7)]
    for _ in range(int(rng.integers(1, 4))):
        w, d = width * rng.uniform(0.3, 0.55), depth * rng.uniform(0.3, 0.55)
        x = rng.uniform(-a, a - w)
        y = -b if rng.random() < 0.5 else b - d
        parts.append((x, y, x + w, y + d))
    return tuple(parts)


def cross(rng: Rng, width: float, depth: float) -> Parts:
    a, b = width / 2, depth / 2
    p, q = width * rng.uniform(0.16, 0.26), depth * rng.uniform(0.16, 0.26)
    return ((-a, -q, a, q), (-p, -b, p, b))


def house(rng: Rng, width: float, depth: float) -> Parts:
    """Return a dwelling's plan: mostly rectangles, some L and stepped ones."""
    kind = rng.random()
    if kind < 0.45:
        return rectangle(width, depth)
    if kind < 0.72:
        return l_shape(rng, width, depth)
    return stepped(rng, width, depth)


def large(rng: Rng, width: float, depth: float) -> Parts:
    """Return an apartment or office plan."""
    kind = rng.random()
    if kind < 0.3:
        return rectangle(width, depth)
    if kind < 0.5:
        return l_shape(rng, width, depth)
    if kind < 0.68:
        return u_shape(rng, width, depth)
    if kind < 0.86:
        return courtyard(rng, width, depth)
    return cross(rng, width, depth)

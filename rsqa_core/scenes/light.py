"""Sunlight on the finished canvas: slopes, cast shadows, and the picture as a sensor sees it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from rsqa_core.scenes.canvas import Canvas, Sun
from rsqa_core.scenes.look import Look
from rsqa_core.scenes.noise import Field, NoiseBank, Rng
from rsqa_core.scenes.palette import between

Picture = NDArray[np.uint8]


def draw_sun(rng: Rng, look: Look) -> Sun:
    """Draw the sun's place and the camera's tilt."""
    azimuth, elevation = rng.uniform(0, 2 * np.pi), np.deg2rad(between(rng, look.sun_elevation_deg))
    tilt = np.tan(np.deg2rad(abs(rng.normal(0, 6)))) if rng.random() < 0.8 else 0.0
    side = rng.uniform(0, 2 * np.pi)
    return Sun(
        (float(np.cos(azimuth)), float(np.sin(azimuth))),
        float(elevation),
        (float(np.cos(side) * tilt), float(np.sin(side) * tilt)),
    )


def shadow_share(height: Field, sun: Sun, metres_per_px: float) -> Field:
    """Return how much direct sun is blocked, (N, N) in 0..1, for heights in metres.

    The highest ray that covers each point is found by doubling the distance looked at: after k
    rounds the point has heard of every caster within 2**k steps.
    """
    cotangent = 1 / np.tan(sun.elevation_rad)
    # Where the top of a thing appears, against where its shadow falls, in px per metre of height.
    dx = (-sun.toward[0] * cotangent - sun.lean[0]) / metres_per_px
    dy = (-sun.toward[1] * cotangent - sun.lean[1]) / metres_per_px
    reach = float(np.hypot(dx, dy))
    highest = float(height.max())
    if highest <= 0 or reach < 1e-3:
        return np.zeros_like(height)
    drop = 1.0 / reach
    ux, uy = dx / reach, dy / reach
    rays = height.copy()
    distance = 1
    while distance * drop < highest:
        px, py = round(ux * distance), round(uy * distance)
        moved = _moved(rays, px, py)
        np.maximum(rays, moved - np.float32(np.hypot(px, py) * drop), out=rays)
        distance *= 2
    above = rays - height
    share: Field = np.clip(above / np.float32(max(0.25, 1.2 * drop)), 0, 1)
    return share


def _moved(field: Field, px: int, py: int) -> Field:
    """Return the field shifted by whole pixels; what comes in from outside is 0."""
    result = np.zeros_like(field)
    n, m = field.shape
    if abs(px) >= m or abs(py) >= n:
        return result
    ty, fy = (slice(py, n), slice(0, n - py)) if py >= 0 else (slice(0, n + py), slice(-py, n))
    tx, fx = (slice(px, m), slice(0, m - px)) if px >= 0 else (slice(0, m + px), slice(-px, m))
    result[ty, tx] = field[fy, fx]
    return result


def slope_light(relief: Field, sun: Sun, metres_per_px: float) -> Field:
    """Return sunlight on a relief against level ground, (N, N); 1 = level."""
    gx = np.zeros_like(relief)
    gy = np.zeros_like(relief)
    scale = np.float32(1 / (2 * metres_per_px))
    gx[:, 1:-1] = (relief[:, 2:] - relief[:, :-2]) * scale
    gy[1:-1] = (relief[2:] - relief[:-2]) * scale
    sine, cosine = np.float32(np.sin(sun.elevation_rad)), np.float32(np.cos(sun.elevation_rad))
    toward = gx * np.float32(sun.toward[0]) + gy * np.float32(sun.toward[1])
    light = (sine - cosine * toward) / (sine * np.sqrt(1 + gx * gx + gy * gy))
    # A surface that falls toward the sun has a negative gradient along `toward`.
    clipped: Field = np.clip(light, 0.25, 1.9)
    return clipped


def photograph(
    rng: Rng, canvas: Canvas, bank: NoiseBank, look: Look, light: Field, shadow: Field
) -> Picture:
    """Return the picture (3, H, W) uint8 as a camera above hazy air would take it."""
    albedo = np.asarray(canvas.color).astype(np.float32)
    albedo *= np.float32(1 / 255)
    albedo *= albedo
    sky = np.float32(rng.uniform(0.12, 0.34) + 0.12 * (look.snow > 0))
    direct = (1 - shadow) * (1 - sky) * light + sky * (0.6 + 0.4 * light)
    blue = rng.uniform(0.0, 0.4)
    n = canvas.size_px
    picture = np.empty((3, n, n), dtype=np.float32)
    for k, tint in enumerate((1 - 0.5 * blue, 1 - 0.1 * blue, 1 + 0.5 * blue)):
        band = albedo[..., k] * direct
        band *= 1 + shadow * np.float32(tint - 1)
        picture[k] = 0.25 * (band[::2, ::2] + band[::2, 1::2] + band[1::2, ::2] + band[1::2, 1::2])
    return _sensor(rng, picture, look, bank)


def _sensor(rng: Rng, picture: Field, look: Look, bank: NoiseBank) -> Picture:
    n = picture.shape[1]
    blur = rng.uniform(0.25, 0.85)
    picture = ndimage.gaussian_filter(picture, (0, blur, blur), truncate=2.5)
    picture = np.sqrt(np.clip(picture, 0, None))
    picture *= _exposure(rng, picture)
    if rng.random() < look.sharpened:
        # Delivered imagery is often pansharpened and crisped, halos included.
        wide = rng.uniform(0.8, 2.0)
        soft = ndimage.gaussian_filter(picture, (0, wide, wide), truncate=2.5)
        picture += (picture - soft) * np.float32(rng.uniform(0.3, 1.3))
        np.clip(picture, 0, None, out=picture)
    haze = np.float32(between(rng, look.haze))
    veil = np.array([0.58, 0.62, 0.66], dtype=np.float32) * np.float32(rng.uniform(0.85, 1.15))
    picture = picture * (1 - haze) + (veil * haze)[:, None, None]
    contrast, pivot = np.float32(between(rng, look.contrast)), np.float32(0.5)
    shown = (picture - pivot) * contrast + pivot
    grey = shown.mean(axis=0, keepdims=True)
    # Contrast stretches colours too; the saturation meant is the one in the result.
    saturation = np.float32(between(rng, look.saturation)) / np.sqrt(contrast)
    shown = grey + (shown - grey) * saturation
    cast = 1 + rng.normal(0, 0.017, 3)
    shown *= (cast / cast.mean()).astype(np.float32)[:, None, None]
    np.clip(shown, 0, 1, out=shown)
    shown = shown ** np.float32(np.exp(rng.normal(0, 0.1)))
    noise = np.float32(rng.uniform(0.2, 3.2) / 255)
    grain = bank.grain()
    for k in range(3):
        row, column = (k % 2) * n, (k // 2) * n
        shown[k] += grain[row : row + n, column : column + n] * noise
    exposed: Picture = np.clip(np.round(shown * 255), 0, 255).astype(np.uint8)
    return exposed


def _exposure(rng: Rng, picture: Field) -> np.float32:
    """Return the gain that puts the bright parts of the view where a display would show them."""
    bright = float(np.percentile(picture[:, ::6, ::6].mean(axis=0), 97))
    wanted = rng.uniform(0.6, 0.92)
    gain = wanted / max(bright, 0.05)
    # Halfway only: an all-water or all-forest view stays darker than a desert.
    return np.float32(np.clip(gain, 0.6, 2.2) ** 0.55)

"""One generated scene from a seed: plan, drawing, light, picture and exact reference mask."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rsqa_core.errors import InvalidInputError
from rsqa_core.scenes.buildings import Builder
from rsqa_core.scenes.canvas import BUILDING, LAND, ROAD, VEGETATION, WATER, Canvas
from rsqa_core.scenes.ground import Ground
from rsqa_core.scenes.layout import lay_out
from rsqa_core.scenes.light import draw_sun, photograph, shadow_share, slope_light
from rsqa_core.scenes.look import Look
from rsqa_core.scenes.looks import LOOKS, look_named
from rsqa_core.scenes.noise import Field, NoiseBank, Rng
from rsqa_core.scenes.palette import Palette, draw_palette
from rsqa_core.scenes.streets import StreetPainter, paint_cars, paint_stalls, standing
from rsqa_core.scenes.vegetation import Crowns, plant
from rsqa_core.scenes.water import paint_water

SCENE_CLASSES = ("Building", "Land", "Road", "Vegetation", "Water")
"""Class names in the order of their ids in a scene's reference mask."""

GSD_LIMITS_M = (0.1, 2.0)
SIZE_LIMITS_PX = (32, 4096)


@dataclass(frozen=True, eq=False)
class Scene:
    """A generated aerial picture with its reference.

    Attributes:
        rgb: (3, H, W) uint8.
        reference_mask: (H, W) uint8 ids of SCENE_CLASSES, without gaps.
        look: key of LOOKS.
        gsd_m: ground sample distance in metres per pixel.
        crs: a UTM code such as ``EPSG:32640``.
        transform: (a, b, c, d, e, f) of the affine from pixel to CRS metres.
        seed: what the scene was made from.
    """

    rgb: NDArray[np.uint8]
    reference_mask: NDArray[np.uint8]
    look: str
    gsd_m: float
    crs: str
    transform: tuple[float, float, float, float, float, float]
    seed: int


def render_scene(
    *, seed: int, look: str | None = None, size_px: int = 512, gsd_m: float | None = None
) -> Scene:
    """Render the scene of a seed; the same arguments always give the same scene.

    Args:
        seed: 0 or more.
        look: key of LOOKS; drawn from the seed when None.
        size_px: width and height, 32..4096, an even number.
        gsd_m: ground sample distance, 0.1..2 m per pixel; drawn from the look's range when None.

    Raises:
        InvalidInputError: a number is out of its range.
        NotFoundError: there is no such look.

    Example:
        >>> scene = render_scene(seed=1, look="farmland", size_px=64, gsd_m=1.0)
        >>> scene.rgb.shape, scene.reference_mask.shape, scene.crs[:8]
        ((3, 64, 64), (64, 64), 'EPSG:326')
    """
    _check(seed, size_px, gsd_m)
    first, *stages = np.random.SeedSequence(seed).spawn(10)
    choice = np.random.default_rng(first)
    drawn = sorted(LOOKS)[int(choice.integers(len(LOOKS)))]
    name = drawn if look is None else look
    kind = look_named(name)
    low, high = (float(np.log(v)) for v in kind.gsd_m)
    drawn_gsd = float(np.exp(choice.uniform(low, high)))
    gsd = drawn_gsd if gsd_m is None else float(gsd_m)
    crs, transform = _georeference(choice, kind, gsd)
    rgb, mask = _render([np.random.default_rng(s) for s in stages], kind, size_px, gsd)
    return Scene(rgb, mask, name, gsd, crs, transform, seed)


def _check(seed: int, size_px: int, gsd_m: float | None) -> None:
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise InvalidInputError(f"Expected `seed` to be a whole number from 0, but got {seed!r}.")
    low, high = SIZE_LIMITS_PX
    if not isinstance(size_px, int) or not low <= size_px <= high or size_px % 2:
        raise InvalidInputError(
            f"Expected `size_px` to be an even number in {low}..{high}, but got {size_px!r}."
        )
    low_m, high_m = GSD_LIMITS_M
    if gsd_m is not None and not low_m <= gsd_m <= high_m:  # False for NaN too
        raise InvalidInputError(
            f"Expected `gsd_m` to be in {low_m}..{high_m} metres per pixel, but got {gsd_m!r}."
        )


def _render(
    rngs: list[Rng], look: Look, size_px: int, gsd_m: float
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    palette = draw_palette(rngs[0], look)
    sun = draw_sun(rngs[1], look)
    canvas = Canvas(size_px, gsd_m)
    bank = NoiseBank(rngs[2], canvas.fine_px)
    ground = Ground(rngs[3], canvas, bank, palette)
    plan, shore = lay_out(rngs[4], canvas, look, palette)
    ground.cover()
    ground.lay(plan.patches)
    paint_water(rngs[5], canvas, bank, palette, shore)
    dry = [p for p in plan.late_patches if float(shore.along(p.points).min()) > 3]
    ground.lay(dry)
    ground.lay([p for p in plan.verges if float(shore.along(p.points).min()) > 0])
    left_standing, plan.cars = plan.cars, []
    StreetPainter(rngs[6], canvas, ground, palette, plan, shore).paint()
    paint_stalls(canvas, plan.stalls)
    Builder(rngs[6], canvas, sun, palette).build(plan, shore)
    cars = standing(canvas, left_standing, on_road=False)
    cars += standing(canvas, [*plan.parked, *plan.cars], on_road=True)
    paint_cars(canvas, [*cars, *plan.boats])
    crowns = plant(rngs[7], canvas, bank, palette, plan)
    relief = _relief(rngs[8], canvas, bank, look)
    step = gsd_m / 2
    leaves = None
    if crowns is not None:
        _paint_crowns(canvas, palette, crowns, bank)
        leaves = crowns.height_m > 0
        rough = np.float32(min(0.35, 1.2 * step))
        relief += np.where(leaves, crowns.height_m + rough * bank.fine(), np.float32(0))
    light = slope_light(relief, sun, step)
    if leaves is not None:
        # Leaves let light through and scatter it, so crowns shade more softly than rock would.
        light = np.where(leaves, 0.5 + 0.5 * light, light)
    light[np.asarray(canvas.ids) == BUILDING] = 1.0
    shadow = shadow_share(np.asarray(canvas.height), sun, step)
    if leaves is not None:
        shadow = np.where(leaves, shadow * np.float32(0.75), shadow)
    _weather(rngs[8], canvas, bank, look)
    rgb = photograph(rngs[8], canvas, bank, look, light, shadow)
    return rgb, _majority(np.asarray(canvas.ids))


def _relief(rng: Rng, canvas: Canvas, bank: NoiseBank, look: Look) -> Field:
    """Return the small relief of open ground in metres; roads, roofs and water are level."""
    step = canvas.gsd_m / 2
    relief = bank.fine() * np.float32(step * np.exp(rng.uniform(np.log(0.06), np.log(0.8))))
    relief += bank.broad() * np.float32(step * rng.uniform(0.3, 1.5))
    if rng.random() < look.dunes:
        angle, length = rng.uniform(0, np.pi), rng.uniform(8, 45)
        axis = np.arange(canvas.fine_px, dtype=np.float32) / np.float32(canvas.scale)
        phase = axis[None] * np.float32(np.cos(angle)) + axis[:, None] * np.float32(np.sin(angle))
        wave = np.sin(phase * np.float32(2 * np.pi / length) + 3.0 * bank.broad())
        where = np.clip(bank.broad() + np.float32(rng.uniform(-1, 1)), 0, 1)
        relief += wave * where * np.float32(length * rng.uniform(0.005, 0.03))
    rough = np.isin(np.asarray(canvas.ids), (LAND, VEGETATION))
    return np.where(rough, relief, np.float32(0))


def _paint_crowns(canvas: Canvas, palette: Palette, crowns: Crowns, bank: NoiseBank) -> None:
    grown = crowns.height_m > 0
    color = np.asarray(canvas.color).copy()
    table = np.asarray(palette.crowns, dtype=np.float32)
    leaves = table[crowns.kind[grown]]
    deep = 0.75 + 0.25 * np.clip(crowns.height_m[grown] / 4, 0, 1)
    mottle = 1 + 0.09 * bank.grain()[grown] + 0.09 * bank.fine()[grown]
    leaves *= (crowns.tint[grown] * deep * mottle)[:, None]
    color[grown] = np.clip(leaves, 0, 255).astype(np.uint8)
    canvas.color = Image.fromarray(color)
    canvas.refresh()


SPECKLE = {BUILDING: 0.032, LAND: 0.04, ROAD: 0.028, VEGETATION: 0.05, WATER: 0.0}
STAIN = {BUILDING: 0.055, LAND: 0.0, ROAD: 0.03, VEGETATION: 0.02, WATER: 0.0}


def _weather(rng: Rng, canvas: Canvas, bank: NoiseBank, look: Look) -> None:
    """Give every surface the grain and stains of real ones, and now and then a dusting of snow."""
    ids = np.asarray(canvas.ids)
    speckle, stain = np.zeros(256, dtype=np.float32), np.zeros(256, dtype=np.float32)
    for class_id in range(len(SCENE_CLASSES)):
        speckle[class_id], stain[class_id] = SPECKLE[class_id], STAIN[class_id]
    factor = 1 + speckle[ids] * (0.6 * bank.fine() + 0.6 * bank.grain())
    factor += stain[ids] * bank.broad()
    color = np.asarray(canvas.color).astype(np.float32)
    color *= factor[..., None]
    if rng.random() < look.snow:
        cover = np.clip(bank.broad() + 0.4 * bank.fine() + rng.uniform(-0.8, 0.6), 0, 1)
        cover *= np.float32(rng.uniform(0.25, 0.6)) * np.isin(ids, (BUILDING, LAND, VEGETATION))
        color += (np.float32(236) - color) * cover[..., None]
    canvas.color = Image.fromarray(np.clip(color, 0, 255).astype(np.uint8))
    canvas.refresh()


def _majority(ids: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the commonest of each 2 x 2 ids; between two pairs the one at the top left."""
    a, b, c, d = ids[::2, ::2], ids[::2, 1::2], ids[1::2, ::2], ids[1::2, 1::2]
    inner = np.where((b == c) | (b == d), b, np.where(c == d, c, a))
    return np.where((a == b) | (a == c) | (a == d), a, inner)


def _georeference(
    rng: Rng, look: Look, gsd_m: float
) -> tuple[str, tuple[float, float, float, float, float, float]]:
    code, easting, northing = look.places[int(rng.integers(len(look.places)))]
    x = round(easting + float(rng.uniform(-20_000, 20_000)), 1)
    y = round(northing + float(rng.uniform(-20_000, 20_000)), 1)
    return f"EPSG:{code}", (gsd_m, 0.0, x, 0.0, -gsd_m, y)

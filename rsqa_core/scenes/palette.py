"""The colours and rates of one scene, drawn from its look."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rsqa_core.scenes.canvas import clipped, jittered
from rsqa_core.scenes.look import Color, Look, Range
from rsqa_core.scenes.noise import Rng


@dataclass(frozen=True, slots=True)
class Palette:
    """What one scene took from its look: colours after a scene-wide tint, and rates."""

    look: Look
    soils: tuple[Color, ...]
    grass: tuple[Color, ...]
    crops: tuple[Color, ...]
    crowns: tuple[Color, ...]
    roofs: tuple[Color, ...]
    road: Color
    dirt: Color
    paving: Color
    water_deep: Color
    water_shallow: Color
    parcel_m: float
    storeys: float
    grass_cover: float
    trees: float
    cars: float


CAR_COLORS: tuple[Color, ...] = (
    (235, 235, 235), (228, 228, 224), (210, 212, 214), (190, 192, 194),
    (146, 148, 152), (88, 90, 94), (168, 170, 174), (60, 62, 66), (32, 32, 36), (122, 40, 38),
    (44, 66, 110), (236, 236, 230), (140, 132, 118), (186, 164, 92),
)  # fmt: skip


def draw_palette(rng: Rng, look: Look) -> Palette:
    """Draw the colours of one scene."""
    tint = rng.normal(0, 4, 3)

    def some(colors: tuple[Color, ...], count: int, spread: float) -> tuple[Color, ...]:
        order = rng.permutation(len(colors))[:count]
        return tuple(
            jittered(rng, clipped([c + t for c, t in zip(colors[i], tint, strict=True)]), spread)
            for i in order
        )

    soils = some(look.soils, 3, 8)
    road = some(look.roads, 1, 9)[0]
    shade = rng.uniform(0.82, 1.08)
    dirt = clipped([c * shade for c in soils[-1]])
    return Palette(
        look=look,
        soils=soils,
        grass=some(look.grass, 2, 7),
        crops=some(look.crops, 4, 9),
        crowns=some(look.crowns, 4, 6),
        roofs=some(look.roofs, int(rng.integers(3, len(look.roofs) + 1)), 7),
        road=road,
        dirt=dirt,
        paving=some(look.paving, 1, 8)[0],
        water_deep=some(look.water_deep, 1, 5)[0],
        water_shallow=some(look.water_shallow, 1, 8)[0],
        parcel_m=between(rng, look.parcel_m),
        storeys=between(rng, look.storeys),
        grass_cover=between(rng, look.grass_cover),
        trees=look.trees * float(np.exp(rng.normal(0, 0.5))),
        cars=float(rng.uniform(0.1, 0.9)),
    )


def between(rng: Rng, limits: Range) -> float:
    """Draw evenly between two limits."""
    return float(rng.uniform(*limits))

"""What a look is: the ranges from which a scene of one kind of place is drawn.

Colours are display values 0..255. A scene draws from its look's ranges, so that two scenes of one
look differ in palette, density, water and light as much as two real places do.
"""

from __future__ import annotations

from dataclasses import dataclass

Color = tuple[int, int, int]
Range = tuple[float, float]
Weights = tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Look:
    """One kind of place.

    ``zones`` weighs what fills a block, ``waters`` the water body, ``layouts`` the street pattern.
    ``places`` are (EPSG code, easting, northing) around which a scene is put. ``*_m`` are metres;
    ``trees`` scales tree counts; ``palms``, ``pools``, ``dirt_streets``, ``walls``, ``highway``,
    ``dunes``, ``snow`` and ``sharpened`` are chances 0..1; the last fields describe light, air and
    sensor.
    """

    title: str
    places: tuple[tuple[int, float, float], ...]
    gsd_m: Range
    soils: tuple[Color, ...]
    grass: tuple[Color, ...]
    crops: tuple[Color, ...]
    crowns: tuple[Color, ...]
    roofs: tuple[Color, ...]
    roof_kinds: Weights
    roads: tuple[Color, ...]
    paving: tuple[Color, ...]
    water_deep: tuple[Color, ...]
    water_shallow: tuple[Color, ...]
    zones: Weights
    waters: Weights
    layouts: Weights
    block_m: Range
    parcel_m: Range
    storeys: Range
    trees: float
    palms: float
    grass_cover: Range
    pools: float
    dirt_streets: float
    walls: float
    highway: float
    dunes: float
    sun_elevation_deg: Range
    haze: Range
    saturation: Range
    contrast: Range
    snow: float = 0.0
    sharpened: float = 0.4

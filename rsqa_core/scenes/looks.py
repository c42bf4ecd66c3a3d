"""Looks: what kinds of places the generated scenes show, as data.

Colours are display values 0..255. A scene draws from its look's ranges, so that two scenes of one
look differ in palette, density, water and light as much as two real places do.
"""

from __future__ import annotations

from dataclasses import dataclass

from rsqa_core.errors import NotFoundError

Color = tuple[int, int, int]
Range = tuple[float, float]
Weights = tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Look:
    """One kind of place.

    ``zones`` weighs what fills a block, ``waters`` the water body, ``layouts`` the street pattern.
    ``places`` are (EPSG code, easting, northing) around which a scene is put. ``*_m`` are metres;
    ``trees`` scales tree counts; the last block describes light, air and sensor.
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
    highway: float
    dunes: float
    sun_elevation_deg: Range
    haze: Range
    saturation: Range
    contrast: Range
    snow: float = 0.0


LOOKS: dict[str, Look] = {
    "arid_coast": Look(
        title="Arid coast: pale sand, dark or turquoise water, villas and towers",
        places=((32640, 325000, 2780000), (32639, 560000, 2800000), (32638, 460000, 2900000)),
        gsd_m=(0.25, 2.0),
        soils=((236, 226, 208), (214, 200, 178), (226, 224, 226), (196, 182, 164), (240, 238, 232)),
        grass=((92, 104, 62), (74, 92, 58), (112, 116, 78)),
        crops=((96, 112, 64), (122, 128, 84)),
        crowns=((62, 74, 46), (78, 86, 58), (52, 68, 50), (92, 92, 70)),
        roofs=(
            (242, 238, 230),
            (222, 212, 196),
            (206, 190, 168),
            (236, 236, 238),
            (186, 172, 154),
            (172, 96, 66),
            (198, 204, 210),
            (150, 142, 136),
            (120, 146, 168),
        ),
        roof_kinds=(("flat", 0.8), ("hip", 0.12), ("gable", 0.04), ("tin", 0.04)),
        roads=((96, 92, 92), (116, 110, 106), (76, 72, 74), (140, 130, 122), (86, 80, 88)),
        paving=((206, 196, 182), (186, 178, 170), (172, 156, 142)),
        water_deep=((10, 14, 16), (14, 34, 30), (18, 52, 66), (8, 40, 22), (6, 8, 8), (22, 58, 52)),
        water_shallow=(
            (86, 128, 110),
            (96, 172, 168),
            (74, 92, 66),
            (150, 178, 160),
            (60, 100, 60),
        ),
        zones=(
            ("villas", 0.3),
            ("vacant", 0.3),
            ("apartments", 0.1),
            ("warehouses", 0.08),
            ("golf", 0.1),
            ("mall", 0.05),
            ("construction", 0.09),
            ("yard", 0.03),
        ),
        waters=(
            ("none", 0.25),
            ("coast", 0.3),
            ("lagoon", 0.2),
            ("lake", 0.08),
            ("island", 0.07),
            ("fronds", 0.1),
        ),
        layouts=(("grid", 0.35), ("curved", 0.35), ("radial", 0.3)),
        block_m=(140, 420),
        parcel_m=(20, 34),
        storeys=(1, 18),
        trees=0.5,
        palms=0.5,
        grass_cover=(0.05, 0.45),
        pools=0.3,
        dirt_streets=0.12,
        highway=0.35,
        dunes=0.4,
        sun_elevation_deg=(38, 75),
        haze=(0.0, 0.16),
        saturation=(0.45, 1.15),
        contrast=(0.95, 1.45),
    ),
    "temperate_suburb": Look(
        title="Temperate suburb: lawns, broad-leaved trees, shingle roofs, curved streets",
        places=((32618, 330000, 4310000), (32616, 440000, 4640000), (32630, 600000, 5720000)),
        gsd_m=(0.15, 1.2),
        soils=((158, 142, 116), (140, 124, 100), (176, 162, 136), (128, 118, 98)),
        grass=((104, 126, 76), (86, 112, 62), (128, 138, 88), (118, 122, 80), (76, 104, 66)),
        crops=((112, 136, 70), (150, 148, 90), (134, 118, 84)),
        crowns=((56, 78, 44), (70, 94, 52), (46, 66, 44), (86, 102, 56), (112, 104, 60)),
        roofs=(
            (104, 100, 98),
            (128, 120, 112),
            (88, 80, 78),
            (142, 112, 92),
            (150, 146, 142),
            (120, 84, 70),
            (168, 158, 146),
            (204, 202, 198),
            (78, 82, 90),
        ),
        roof_kinds=(("gable", 0.5), ("hip", 0.35), ("flat", 0.15)),
        roads=((128, 126, 124), (106, 104, 104), (150, 146, 142), (92, 92, 94)),
        paving=((184, 178, 170), (198, 194, 188), (160, 154, 148)),
        water_deep=((26, 38, 40), (34, 52, 46), (46, 62, 66), (58, 66, 48), (18, 24, 26)),
        water_shallow=((70, 84, 66), (96, 98, 74), (84, 100, 98)),
        zones=(
            ("villas", 0.52),
            ("park", 0.12),
            ("forest", 0.12),
            ("apartments", 0.09),
            ("mall", 0.08),
            ("golf", 0.05),
            ("fields", 0.02),
        ),
        waters=(("none", 0.55), ("lake", 0.25), ("river", 0.2)),
        layouts=(("grid", 0.35), ("curved", 0.5), ("radial", 0.15)),
        block_m=(130, 330),
        parcel_m=(18, 34),
        storeys=(1, 6),
        trees=1.0,
        palms=0.0,
        grass_cover=(0.75, 1.0),
        pools=0.16,
        dirt_streets=0.02,
        highway=0.2,
        dunes=0.0,
        sun_elevation_deg=(32, 65),
        haze=(0.0, 0.18),
        saturation=(0.6, 1.2),
        contrast=(0.85, 1.2),
    ),
    "tropical_informal": Look(
        title="Tropical town: tin roofs, red earth, dense informal quarters",
        places=((32636, 453000, 36000), (32637, 255000, 9858000), (32631, 540000, 715000)),
        gsd_m=(0.1, 0.6),
        soils=((188, 128, 88), (170, 106, 70), (204, 158, 118), (148, 98, 70), (196, 172, 142)),
        grass=((96, 124, 58), (112, 132, 70), (80, 110, 52), (134, 134, 80)),
        crops=((88, 126, 54), (120, 140, 66), (72, 104, 48)),
        crowns=((52, 82, 38), (68, 98, 44), (42, 66, 36), (88, 112, 52), (98, 104, 60)),
        roofs=(
            (178, 176, 172),
            (206, 206, 204),
            (150, 146, 140),
            (146, 92, 66),
            (172, 124, 92),
            (126, 76, 58),
            (176, 88, 72),
            (92, 118, 140),
            (84, 122, 96),
            (226, 222, 214),
            (198, 110, 70),
            (164, 150, 124),
        ),
        roof_kinds=(("tin", 0.62), ("gable", 0.2), ("hip", 0.12), ("flat", 0.06)),
        roads=((192, 146, 110), (176, 128, 92), (124, 112, 104), (104, 98, 94), (206, 172, 140)),
        paving=((196, 170, 144), (180, 158, 138), (168, 160, 152)),
        water_deep=((96, 84, 58), (70, 74, 50), (48, 62, 52), (124, 102, 72), (40, 60, 70)),
        water_shallow=((140, 118, 86), (112, 110, 78), (150, 130, 98)),
        zones=(
            ("informal", 0.46),
            ("villas", 0.18),
            ("vacant", 0.07),
            ("park", 0.09),
            ("fields", 0.08),
            ("warehouses", 0.04),
            ("yard", 0.03),
            ("forest", 0.05),
        ),
        waters=(("none", 0.6), ("river", 0.2), ("lake", 0.12), ("coast", 0.08)),
        layouts=(("grid", 0.2), ("curved", 0.8)),
        block_m=(70, 190),
        parcel_m=(14, 26),
        storeys=(1, 4),
        trees=0.9,
        palms=0.12,
        grass_cover=(0.15, 0.7),
        pools=0.02,
        dirt_streets=0.7,
        highway=0.05,
        dunes=0.0,
        sun_elevation_deg=(45, 80),
        haze=(0.0, 0.14),
        saturation=(0.75, 1.25),
        contrast=(0.9, 1.25),
    ),
    "farmland": Look(
        title="Farmland: fields with furrows, hedges, farmsteads, villages",
        places=((32632, 600000, 5330000), (32614, 620000, 4480000), (32643, 700000, 3390000)),
        gsd_m=(0.25, 2.0),
        soils=((150, 124, 94), (126, 104, 80), (176, 154, 120), (110, 90, 72), (190, 172, 140)),
        grass=((112, 130, 72), (98, 120, 64), (140, 146, 92), (92, 110, 66)),
        crops=(
            (96, 126, 56),
            (124, 146, 68),
            (72, 104, 50),
            (168, 160, 88),
            (112, 132, 84),
            (148, 152, 96),
        ),
        crowns=((50, 72, 40), (64, 88, 48), (42, 60, 40), (84, 96, 54)),
        roofs=(
            (150, 90, 70),
            (172, 110, 84),
            (128, 122, 116),
            (196, 194, 190),
            (108, 86, 76),
            (144, 136, 128),
            (92, 92, 96),
        ),
        roof_kinds=(("gable", 0.65), ("hip", 0.15), ("tin", 0.15), ("flat", 0.05)),
        roads=((128, 124, 120), (164, 148, 126), (182, 166, 142), (108, 106, 106)),
        paving=((180, 170, 154), (164, 154, 140)),
        water_deep=((34, 46, 44), (58, 66, 48), (80, 80, 58), (24, 34, 40)),
        water_shallow=((86, 92, 64), (110, 104, 76), (92, 110, 104)),
        zones=(
            ("fields", 0.68),
            ("forest", 0.12),
            ("villas", 0.09),
            ("farmstead", 0.08),
            ("vacant", 0.03),
        ),
        waters=(("none", 0.5), ("river", 0.28), ("lake", 0.14), ("canal", 0.08)),
        layouts=(("grid", 0.55), ("curved", 0.45)),
        block_m=(160, 480),
        parcel_m=(22, 40),
        storeys=(1, 3),
        trees=0.7,
        palms=0.0,
        grass_cover=(0.6, 1.0),
        pools=0.05,
        dirt_streets=0.45,
        highway=0.1,
        dunes=0.0,
        sun_elevation_deg=(30, 65),
        haze=(0.0, 0.2),
        saturation=(0.65, 1.2),
        contrast=(0.85, 1.2),
    ),
    "industrial_port": Look(
        title="Industrial port: quays, warehouses, container yards, tanks",
        places=((32631, 595000, 5750000), (32648, 370000, 140000), (32611, 385000, 3735000)),
        gsd_m=(0.2, 1.5),
        soils=((150, 144, 134), (172, 164, 150), (132, 124, 114), (190, 184, 174)),
        grass=((106, 118, 76), (124, 128, 86), (92, 106, 66)),
        crops=((110, 124, 76),),
        crowns=((58, 74, 46), (74, 90, 56), (48, 62, 44)),
        roofs=(
            (208, 210, 210),
            (178, 182, 184),
            (150, 152, 154),
            (232, 232, 230),
            (106, 112, 118),
            (96, 124, 150),
            (170, 92, 72),
            (188, 176, 156),
            (120, 136, 124),
        ),
        roof_kinds=(("tin", 0.45), ("flat", 0.45), ("gable", 0.1)),
        roads=((112, 110, 108), (92, 92, 94), (138, 134, 130), (160, 156, 150)),
        paving=((160, 158, 154), (176, 172, 166), (140, 138, 134), (190, 186, 180)),
        water_deep=((20, 36, 42), (36, 56, 58), (46, 62, 54), (16, 26, 34), (70, 80, 66)),
        water_shallow=((54, 78, 78), (84, 98, 84), (66, 84, 70)),
        zones=(
            ("warehouses", 0.42),
            ("yard", 0.2),
            ("tanks", 0.1),
            ("mall", 0.08),
            ("vacant", 0.1),
            ("apartments", 0.05),
            ("park", 0.05),
        ),
        waters=(("none", 0.2), ("port", 0.5), ("coast", 0.1), ("river", 0.12), ("canal", 0.08)),
        layouts=(("grid", 0.8), ("curved", 0.2)),
        block_m=(150, 380),
        parcel_m=(30, 60),
        storeys=(1, 8),
        trees=0.3,
        palms=0.05,
        grass_cover=(0.1, 0.6),
        pools=0.0,
        dirt_streets=0.05,
        highway=0.3,
        dunes=0.0,
        sun_elevation_deg=(32, 70),
        haze=(0.0, 0.2),
        saturation=(0.5, 1.1),
        contrast=(0.85, 1.25),
    ),
    "winter_or_hazy": Look(
        title="Winter light or thick haze: bare trees, brown lawns, patchy snow, low contrast",
        places=((32635, 380000, 6670000), (32650, 450000, 4420000), (32633, 460000, 5550000)),
        gsd_m=(0.2, 1.5),
        soils=((142, 130, 116), (158, 148, 134), (120, 110, 100), (172, 164, 152)),
        grass=((122, 120, 88), (112, 114, 80), (136, 130, 98), (100, 108, 74)),
        crops=((116, 122, 78), (98, 112, 72), (134, 126, 92)),
        crowns=((84, 80, 66), (98, 92, 74), (54, 66, 52), (74, 76, 60), (46, 60, 48)),
        roofs=(
            (112, 108, 108),
            (142, 138, 136),
            (128, 92, 80),
            (96, 92, 96),
            (168, 164, 160),
            (148, 120, 104),
            (198, 198, 200),
            (84, 100, 118),
        ),
        roof_kinds=(("gable", 0.4), ("hip", 0.2), ("flat", 0.4)),
        roads=((112, 110, 112), (94, 94, 98), (134, 132, 132)),
        paving=((166, 162, 158), (150, 146, 144)),
        water_deep=((38, 46, 52), (58, 66, 68), (28, 34, 38), (76, 84, 84)),
        water_shallow=((84, 92, 90), (100, 104, 96)),
        zones=(
            ("villas", 0.28),
            ("apartments", 0.24),
            ("park", 0.1),
            ("forest", 0.12),
            ("warehouses", 0.1),
            ("fields", 0.08),
            ("mall", 0.08),
        ),
        waters=(("none", 0.5), ("river", 0.25), ("lake", 0.25)),
        layouts=(("grid", 0.5), ("curved", 0.4), ("radial", 0.1)),
        block_m=(140, 340),
        parcel_m=(18, 36),
        storeys=(1, 9),
        trees=0.9,
        palms=0.0,
        grass_cover=(0.6, 1.0),
        pools=0.02,
        dirt_streets=0.08,
        highway=0.2,
        dunes=0.0,
        sun_elevation_deg=(18, 42),
        haze=(0.1, 0.45),
        saturation=(0.35, 0.9),
        contrast=(0.65, 1.05),
        snow=0.35,
    ),
}


def look_named(name: str) -> Look:
    """Return the look called ``name``.

    Raises:
        NotFoundError: there is none; the message lists the known ones.

    Example:
        >>> look_named("farmland").snow
        0.0
    """
    if name not in LOOKS:
        raise NotFoundError.named("look", name, LOOKS)
    return LOOKS[name]

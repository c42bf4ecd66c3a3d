"""Views of a stored tile by its bands: composites, single bands and spectral indices.

References:
    Rouse et al. 1974, NASA SP-351 (NDVI); McFeeters 1996, IJRS 17(7) (NDWI);
    Gitelson et al. 2002, Remote Sensing of Environment 80 (VARI).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from rsqa_core.errors import InvalidInputError, NotFoundError, UnreadableFileError
from rsqa_core.raster.display import STRETCH_PERCENTILES
from rsqa_core.raster.headers import band_names
from rsqa_core.raster.tiles import read_tile, unreferenced_allowed

BandStretch = Literal["clip", "full", "deviations", "tile"]
BAND_STRETCHES: tuple[BandStretch, ...] = get_args(BandStretch)
"""2nd to 98th percentile; least to greatest value; mean minus to plus two standard deviations; the
first of them over the tile alone, where the others are over all tiles of a file."""

INDICES = ("ndvi", "ndwi", "vari")
MOST_SINGLE_BANDS = 16
SAMPLED_TILES = 32
_SAMPLED_SIDE_PX = 128
_NO_DATA = 0

Limits = tuple[tuple[float, float], ...]
"""Of each band, in source units: the values that are shown black and white."""

# What bands are called, by what they show. Sentinel-2 calls its near infrared B8, Landsat 8 and 9
# B5: such numbers count only where the other names say whose they are.
_NAMES = {
    "blue": r"blue|blau|bleu",
    "green": r"green|gr[uü]n|vert",
    "red": r"red|rot|rouge",
    "nir": r"nir|near.?infrared",
    "swir": r"swir.?1?|short.?wave.?infrared",
}
_SENTINEL_2 = {"b2": "blue", "b3": "green", "b4": "red", "b8": "nir", "b11": "swir"}
_LANDSAT_8 = {"b2": "blue", "b3": "green", "b4": "red", "b5": "nir", "b6": "swir"}

# Brown through pale to green-blue, as ColorBrewer's BrBG: told apart in common colour blindness.
_RAMP = np.array(
    [[84, 48, 5], [191, 129, 45], [246, 232, 195], [199, 234, 229], [53, 151, 143], [0, 60, 48]],
    dtype=np.float64,
)


@dataclass(frozen=True, slots=True)
class BandView:
    """A way to look at a tile.

    Attributes:
        id: by which it is asked for.
        name: what a person reads.
        bands: numbers from 0: three of a composite, one of a single band, two of an index, three
            of VARI.
        why_not: "" or why this tile has no such view.
    """

    id: str
    name: str
    bands: tuple[int, ...] = ()
    why_not: str = ""


def band_roles(names: Sequence[str]) -> dict[str, int]:
    """Return which band shows blue, green, red, near infrared and short-wave infrared.

    Names decide. Without any, three bands are red, green and blue. A fourth without a name is then
    near infrared, which is how aerial imagery is delivered: many a file names its colours alone.

    Example:
        >>> band_roles(["B02", "B03", "B04", "B08"])
        {'blue': 0, 'green': 1, 'red': 2, 'nir': 3}
        >>> band_roles(["", "", ""])
        {'red': 0, 'green': 1, 'blue': 2}
        >>> band_roles(["red", "green", "blue", ""])["nir"]
        3
    """
    colours = ("red", "green", "blue")
    first = tuple(name.casefold() for name in names[:3])
    if len(names) in (3, 4) and first in (colours, ("",) * 3) and not any(names[3:]):
        return dict(zip((*colours, "nir"), range(len(names)), strict=False))
    if not any(names):
        return {}
    found: dict[str, int] = {}
    for role, pattern in _NAMES.items():
        for place, name in enumerate(names):
            # What is near infrared is not red, however it is spelt.
            own = re.sub(r"infra.?red", "infrared", name.casefold())
            if re.search(rf"(?<![a-z])(?:{pattern})(?![a-z])", own) and not re.search(
                r"edge|narrow|water|thermal", own
            ):
                found.setdefault(role, place)
    numbers = [re.fullmatch(r"(?:sr_)?(?:b|band\s?)0?(\d+a?)", name.casefold()) for name in names]
    codes = [f"b{match[1]}" if match else "" for match in numbers]
    landsat = any(name.casefold().startswith("sr_") for name in names)
    table = _LANDSAT_8 if landsat else _SENTINEL_2 if {"b8", "b8a"} & set(codes) else {}
    for place, code in enumerate(codes):
        if code in table:
            found.setdefault(table[code], place)
    return found


def band_views(names: Sequence[str]) -> list[BandView]:
    """Return every view of a tile with bands of these names; an index that it lacks says why."""
    roles = band_roles(names)
    wanted = (
        ("true", "True colour", ("red", "green", "blue")),
        ("false", "False colour (NIR, red, green)", ("nir", "red", "green")),
        ("swir", "Short wave (SWIR, NIR, red)", ("swir", "nir", "red")),
        ("ndvi", "NDVI: vegetation", ("nir", "red")),
        ("ndwi", "NDWI: water", ("green", "nir")),
        ("vari", "VARI: vegetation from colours", ("green", "red", "blue")),
    )
    views = []
    for key, name, needed in wanted:
        missing = [_ROLE_NAMES[role] for role in needed if role not in roles]
        if missing:
            views.append(BandView(key, name, why_not=f"no {' and no '.join(missing)} band"))
        else:
            views.append(BandView(key, name, tuple(roles[role] for role in needed)))
    if not roles:
        # Nobody knows what they show: neighbours in falling order, as true colour is in most files.
        for last in range(3, min(len(names), MOST_SINGLE_BANDS) + 1):
            bands = (last - 1, last - 2, last - 3)
            title = "Bands " + ", ".join(str(band + 1) for band in bands)
            views.append(BandView(f"bands-{last}", title, bands))
    for place, name in list(enumerate(names))[:MOST_SINGLE_BANDS]:
        title = f"Band {place + 1}: {name}" if name else f"Band {place + 1}"
        views.append(BandView(f"band-{place + 1}", title, (place,)))
    return views


_ROLE_NAMES = {
    "swir": "short-wave infrared",
    "nir": "near-infrared",
    "red": "red",
    "green": "green",
    "blue": "blue",
}


def read_band_names(path: Path, bands: int) -> tuple[str, ...]:
    """Return the names of a stored tile's bands; "" for each where the file has none.

    Raises:
        UnreadableFileError: the file is missing or corrupt.
    """
    return _declared(path, bands)[0]


def _declared(path: Path, bands: int) -> tuple[tuple[str, ...], float | None]:
    """Return the names of a tile's bands, and the value that stands for no data."""
    import rasterio
    from rasterio.errors import RasterioError

    if path.suffix.lower() not in (".tif", ".tiff"):
        return ("",) * bands, None
    try:
        with unreferenced_allowed(), rasterio.open(path, driver="GTiff") as file:
            return band_names(file.descriptions, ["undefined"] * file.count), file.nodata
    except RasterioError as error:
        raise UnreadableFileError(f"{path.name} cannot be read: {error}.") from error


def band_limits(paths: Sequence[Path], bands: int, stretch: BandStretch) -> Limits:
    """Return what is shown black and white of each band, over stored tiles together.

    Large tiles are sampled, at least 128 pixels a side of each. One that cannot be read is left
    out; a band without data gets (0, 1).

    Args:
        paths: tiles of one file, at least one; ``SAMPLED_TILES`` of them are plenty.
        bands: of each tile, as its record has them.

    Raises:
        InvalidInputError: an unknown stretch.
        UnreadableFileError: no tile can be read.
    """
    if stretch not in BAND_STRETCHES:
        raise InvalidInputError(
            f"Expected `stretch` to be one of {', '.join(BAND_STRETCHES)}, but got {stretch!r}."
        )
    samples: list[list[NDArray[np.float64]]] = []
    for path in paths:
        try:
            pixels, there = _sampled(path, bands)
        except UnreadableFileError as error:
            unreadable = error
            continue
        samples.append([band[known] for band, known in zip(pixels, there, strict=True)])
    if not samples:
        raise unreadable
    return tuple(_limits(np.concatenate(values), stretch) for values in zip(*samples, strict=True))


def _sampled(path: Path, bands: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return pixels (C, h, w) of a tile spread evenly, and which of them have data."""
    _, nodata = _declared(path, bands)
    tile = read_tile(path)
    step = max(1, max(tile.shape[1:]) // _SAMPLED_SIDE_PX)
    # From the middle of each step, so that a frame of no data at the edge is not all there is.
    pixels = tile[:, step // 2 :: step, step // 2 :: step].astype(np.float64)
    return pixels, _with_data(pixels, nodata)


def _with_data(pixels: NDArray[np.float64], nodata: float | None) -> NDArray[np.bool_]:
    there = np.isfinite(pixels)
    return there if nodata is None else there & (pixels != nodata)


def _view_of(names: Sequence[str], view_id: str) -> BandView:
    views = {view.id: view for view in band_views(names)}
    view = views.get(view_id)
    if view is None:
        raise NotFoundError.named("view", view_id, views)
    if view.why_not:
        raise NotFoundError(f"This image has no {view.name}: it has {view.why_not}.")
    return view


def render_view(path: Path, view_id: str, bands: int, limits: Limits) -> NDArray[np.uint8]:
    """Return a stored tile as one of its views shows it, (3, H, W) uint8.

    Composites and single bands are stretched each between its limits; indices lie in -1..1 and are
    coloured from brown (-1) to blue-green (1). A pixel is black where no band of a composite has
    data, or where an index lacks one.

    Args:
        bands: of the tile, as its record has them.
        limits: of every band of the tile; see ``band_limits``.

    Raises:
        NotFoundError: the tile has no such view.
        UnreadableFileError: the file is missing or corrupt.
    """
    names, nodata = _declared(path, bands)
    view = _view_of(names, view_id)
    pixels = read_tile(path)[list(view.bands)].astype(np.float64)
    there = _with_data(pixels, nodata)
    if view_id in INDICES:
        valid, shown = there.all(axis=0), _coloured(_index(view_id, pixels))
    else:
        valid = there.any(axis=0)
        ranges = [limits[band] for band in view.bands]
        shown = np.stack([_stretched(*band) for band in zip(pixels, there, ranges, strict=True)])
    if len(shown) == 1:
        shown = np.repeat(shown, 3, axis=0)
    shown[:, ~valid] = _NO_DATA
    return np.ascontiguousarray(shown)


@dataclass(frozen=True, slots=True)
class BandValues:
    """What a tile holds in one pixel.

    Attributes:
        values: of the view's bands, in source units, by their name in the file, else by what they
            show, else by number; None where a band has no data.
        index: of an index view, in -1..1; None elsewhere, and without data.
    """

    values: dict[str, float | None]
    index: float | None


def values_at(path: Path, view_id: str, bands: int, x_px: int, y_px: int) -> BandValues:
    """Return the values of a view's bands in one pixel of a stored tile.

    Args:
        bands: of the tile, as its record has them.
        x_px, y_px: column and row from the top left, from 0.

    Raises:
        NotFoundError: the tile has no such view.
        InvalidInputError: the pixel lies outside of the tile.
        UnreadableFileError: the file is missing or corrupt.
    """
    names, nodata = _declared(path, bands)
    view = _view_of(names, view_id)
    tile = read_tile(path)
    height, width = tile.shape[1:]
    if not (0 <= x_px < width and 0 <= y_px < height):
        raise InvalidInputError(
            f"Expected a pixel of the tile of {width} x {height} px, but got ({x_px}, {y_px})."
        )
    pixel = tile[list(view.bands), y_px, x_px].astype(np.float64)
    there = _with_data(pixel, nodata)
    known = bool(there.all()) and view_id in INDICES
    index = float(_index(view_id, pixel[:, None, None])[0, 0]) if known else None
    shows = {band: role for role, band in band_roles(names).items()}
    titles = [names[band] or shows.get(band) or f"Band {band + 1}" for band in view.bands]
    found = zip(titles, pixel, there, strict=True)
    return BandValues({name: float(v) if is_there else None for name, v, is_there in found}, index)


def _index(view_id: str, pixels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return an index of its bands in -1..1; 0 where it divides by nothing."""
    if view_id == "vari":
        green, red, blue = pixels
        above, below = green - red, green + red - blue
    else:
        above, below = pixels[0] - pixels[1], pixels[0] + pixels[1]
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.where(below == 0, 0.0, above / below)
    clipped: NDArray[np.float64] = np.clip(np.nan_to_num(found), -1.0, 1.0)
    return clipped


def _coloured(index: NDArray[np.float64]) -> NDArray[np.uint8]:
    place = (index + 1.0) / 2.0
    steps = np.linspace(0.0, 1.0, len(_RAMP))
    channels = [np.interp(place, steps, _RAMP[:, channel]) for channel in range(3)]
    return np.rint(np.stack(channels)).astype(np.uint8)


def _limits(values: NDArray[np.float64], stretch: BandStretch) -> tuple[float, float]:
    if not values.size:
        return 0.0, 1.0
    if stretch == "full":
        low, high = values.min(), values.max()
    elif stretch == "deviations":
        low, high = values.mean() - 2 * values.std(), values.mean() + 2 * values.std()
    else:
        low, high = np.percentile(values, STRETCH_PERCENTILES)
    return float(low), float(high)


def _stretched(
    band: NDArray[np.float64], valid: NDArray[np.bool_], limits: tuple[float, float]
) -> NDArray[np.uint8]:
    low, high = limits
    shown = np.zeros(band.shape, dtype=np.uint8)
    scaled = (band[valid] - low) / max(high - low, 1e-12) * 255.0
    shown[valid] = np.rint(np.clip(scaled, 0.0, 255.0))
    return shown

"""Error maps: where a candidate is probably wrong, as GeoTIFF and as polygons.

An error map is (H, W) float32: the probability, in 0..1, that the candidate's px is wrong; NaN
where there is nothing to say. Its mean over the other px is 1 - score of the candidate.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from rsqa_core.errors import InvalidInputError
from rsqa_core.raster.globe import Point, ground_area_m2, signed_area, to_wgs84
from rsqa_core.raster.headers import Transform
from rsqa_core.raster.tiles import unreferenced_allowed
from rsqa_core.records import VOID

ErrorMap = NDArray[np.float32]
Ring = list[Point]

MEAN_TOLERANCE = 1e-3
"""How far the mean of an error map may lie from 1 - score."""

_DECIMALS = 9
"""Of degrees in GeoJSON: a tenth of a millimetre."""


def require_error_map(errors: ErrorMap, shape: tuple[int, int], score: float, what: str) -> None:
    """Check that an error map can be published beside a score.

    Args:
        errors: the map.
        shape: (H, W) that it must have.
        score: predicted quality of the same candidate, 0..1.
        what: names the candidate in messages.

    Raises:
        InvalidInputError: it has another shape, is no float array, has no value or one outside
            0..1, or its mean is not 1 - score within MEAN_TOLERANCE.
    """
    if errors.shape != shape or not np.issubdtype(errors.dtype, np.floating):
        raise InvalidInputError(
            f"Expected the error map of {what} to be {shape} float32, but got {errors.shape} "
            f"{errors.dtype}."
        )
    known = errors[~np.isnan(errors)].astype(np.float64)
    if not known.size or not (known.min() >= 0.0 and known.max() <= 1.0):
        span = f"{known.min():g} to {known.max():g}" if known.size else "no value at all"
        raise InvalidInputError(
            f"Expected the error map of {what} to hold probabilities in 0..1, but got {span}."
        )
    mean = float(known.mean())
    if not abs(mean - (1.0 - score)) <= MEAN_TOLERANCE:
        raise InvalidInputError(
            f"The error map of {what} says that {mean:.4f} of its px are wrong, but its score "
            f"{score:.4f} says {1.0 - score:.4f}; expected both to agree within {MEAN_TOLERANCE:g}."
            " Score the project again, so that both come from the same head: rsqa score."
        )


class Mosaic:
    """Error maps of the tiles of one image, put back together.

    Where tiles overlap, the mean of their probabilities counts, and the class and owner of the
    tile that was added first.
    """

    def __init__(self, height_px: int, width_px: int) -> None:
        self.classes = np.full((height_px, width_px), VOID, dtype=np.uint8)
        self.owners = np.full((height_px, width_px), -1, dtype=np.int32)
        self._sum = np.zeros((height_px, width_px), dtype=np.float32)
        self._count = np.zeros((height_px, width_px), dtype=np.uint8)

    def add(
        self, errors: ErrorMap, mask: NDArray[np.uint8], x_px: int, y_px: int, owner: int
    ) -> None:
        """Put one tile in its place.

        Args:
            errors: (h, w) its error map.
            mask: (h, w) the candidate's class ids.
            x_px, y_px: where the tile begins.
            owner: a number of the candidate, at least 0.

        Raises:
            InvalidInputError: both arrays differ in shape, or the tile leads out of the image.
        """
        height, width = errors.shape
        window = (slice(y_px, y_px + height), slice(x_px, x_px + width))
        room = self._sum.shape
        outside = min(x_px, y_px) < 0 or y_px + height > room[0] or x_px + width > room[1]
        if mask.shape != errors.shape or outside:
            raise InvalidInputError(
                f"Expected a tile inside {room[1]} x {room[0]} px with a mask of its shape, but "
                f"got {width} x {height} px at ({x_px}, {y_px}) with a mask {mask.shape}."
            )
        known = ~np.isnan(errors)
        self._sum[window][known] += errors[known]
        self._count[window][known] += 1
        first = known & (self.owners[window] < 0)
        self.classes[window][first] = mask[first]
        self.owners[window][first] = owner

    @property
    def errors(self) -> ErrorMap:
        """The joined map, (H, W) float32, NaN where no tile says anything."""
        joined = np.full(self._sum.shape, np.nan, dtype=np.float32)
        np.divide(self._sum, self._count, out=joined, where=self._count > 0)
        return joined


def encode_error_map(
    errors: ErrorMap,
    *,
    crs: str | None = None,
    transform: Transform | None = None,
    tags: Mapping[str, str] | None = None,
) -> bytes:
    """Encode an error map as a deflate-compressed GeoTIFF of one float32 band, NaN for no data.

    Args:
        errors: the map.
        crs, transform: where it lies; without them px coordinates are all there is.
        tags: metadata of the file.

    Raises:
        InvalidInputError: it is not two-dimensional, or the reference system does not fit in TIFF.
    """
    import rasterio
    from rasterio.errors import CRSError, RasterioError
    from rasterio.io import MemoryFile

    if errors.ndim != 2 or not errors.size:
        raise InvalidInputError(f"Expected `errors` to be (H, W), but got {errors.shape}.")
    height, width = errors.shape
    profile: dict[str, Any] = {
        "driver": "GTiff",
        "width": width,
        "height": height,
        "count": 1,
        "dtype": "float32",
        "compress": "deflate",
        "predictor": 3,
        "nodata": float("nan"),
    }
    if min(height, width) > 512:  # a map program reads a window of it
        profile |= {"tiled": True, "blockxsize": 256, "blockysize": 256}
    if crs is not None:
        profile["crs"] = crs
    if transform is not None:
        profile["transform"] = rasterio.Affine(*transform)
    try:
        with unreferenced_allowed(), MemoryFile() as memory:
            with memory.open(**profile) as file:
                file.write(errors.astype(np.float32, copy=False), 1)
                file.set_band_description(1, "probability of error")
                file.update_tags(**(tags or {}))
            return bytes(memory.read())
    except (RasterioError, CRSError, ValueError) as error:
        raise InvalidInputError(
            f"An error map with the coordinate system {crs!r:.80} cannot be stored as GeoTIFF: "
            f"{error}."
        ) from error


@dataclass(frozen=True, slots=True)
class WrongRegion:
    """A connected part of an image that is probably wrong.

    Attributes:
        rings: closed, in px from the upper left corner (x right, y down); the outline first, then
            holes.
        class_id: what the candidate says on most of it; VOID where it says nothing.
        owners: numbers of the candidates that it lies on, the one with most of it first.
        mean_probability: mean probability of error, 0..1.
        area_px: its px, without holes.
    """

    rings: tuple[Ring, ...]
    class_id: int
    owners: tuple[int, ...]
    mean_probability: float
    area_px: int


def wrong_regions(
    errors: ErrorMap,
    classes: NDArray[np.uint8],
    owners: NDArray[np.int32],
    *,
    level: float = 0.5,
    min_px: int = 1,
) -> list[WrongRegion]:
    """Return the parts where the probability of error exceeds ``level``, joined by edges.

    Args:
        errors: (H, W) the map.
        classes: (H, W) class ids of the candidate.
        owners: (H, W) number of the candidate of each px, at least 0 where the map has a value.
        level: in 0..1; px of exactly this probability do not count.
        min_px: smaller parts are left out.

    Raises:
        InvalidInputError: the level or ``min_px`` is out of range, or the shapes differ.
    """
    from rasterio.features import shapes

    if not 0.0 <= level <= 1.0 or min_px < 1:
        raise InvalidInputError(
            f"Expected `level` in 0..1 and `min_px` of at least 1, but got {level} and {min_px}."
        )
    if not errors.shape == classes.shape == owners.shape:
        raise InvalidInputError(
            f"Expected arrays of one shape, but got {errors.shape}, {classes.shape} and "
            f"{owners.shape}."
        )
    labels, _ = ndimage.label(errors > level)
    sizes = np.bincount(labels.ravel())
    kept = sizes >= min_px
    kept[0] = False
    numbers = np.where(kept, np.cumsum(kept), 0).astype(np.int32)
    labels = numbers[labels]
    count, inside = int(kept.sum()), labels > 0
    part = labels[inside]
    sums = np.bincount(part, weights=errors[inside].astype(np.float64), minlength=count + 1)
    areas = sizes[kept]
    class_of = _by_frequency(part, classes[inside].astype(np.int64))
    owners_of = _by_frequency(part, owners[inside].astype(np.int64))
    found = []
    # Edges join and corners do not: a polygon that touches itself in a corner is no valid one.
    for geometry, value in shapes(labels, mask=inside, connectivity=4):
        number = int(value)
        area = int(areas[number - 1])
        found.append(
            WrongRegion(
                rings=tuple([(float(x), float(y)) for x, y in r] for r in geometry["coordinates"]),
                class_id=class_of[number][0],
                owners=tuple(owners_of[number]),
                mean_probability=float(sums[number]) / area,
                area_px=area,
            )
        )
    return found


def _by_frequency(part: NDArray[np.int32], value: NDArray[np.int64]) -> dict[int, list[int]]:
    """Return the values that occur in each part, the most frequent first."""
    # Both in one number: numpy finds unique numbers far faster than unique pairs.
    width = int(value.max(initial=0)) + 1
    pairs, counts = np.unique(part.astype(np.int64) * width + value, return_counts=True)
    parts, values = np.divmod(pairs, width)
    found: dict[int, list[int]] = {}
    for index in np.lexsort((values, -counts, parts)):
        found.setdefault(int(parts[index]), []).append(int(values[index]))
    return found


def encode_regions(
    regions: Sequence[WrongRegion],
    properties: Sequence[Mapping[str, Any]],
    *,
    crs: str | None = None,
    transform: Transform | None = None,
    about: Mapping[str, Any] | None = None,
) -> bytes:
    """Encode regions as a GeoJSON FeatureCollection.

    With a georeference the coordinates are WGS 84 as RFC 7946 wants it, outlines counter-clockwise,
    and each feature has its area on the ground, ``area_m2``. Without one they are px of the image,
    which the member ``rsqa`` says, and ``area_m2`` is null.

    Args:
        regions: what to write.
        properties: of each region; mean probability and areas are added.
        crs, transform: georeference of the image whose px the regions are in.
        about: what else the member ``rsqa`` says.

    Raises:
        InvalidInputError: the reference system is not understood, or a region lies outside of it.
    """
    located = crs is not None and transform is not None
    placed = [list(region.rings) for region in regions]
    if crs is not None and transform is not None:
        placed = _placed(placed, crs, transform)
    features = [
        {
            "type": "Feature",
            "geometry": {"type": "Polygon", "coordinates": rings},
            "properties": {
                **own,
                "mean_probability": round(region.mean_probability, 4),
                "area_px": region.area_px,
                "area_m2": round(sum(map(ground_area_m2, rings)), 3) if located else None,
            },
        }
        for region, rings, own in zip(regions, placed, properties, strict=True)
    ]
    coordinates = (
        "WGS 84, longitude and latitude in degrees"
        if located
        else "px of the image, x to the right and y down, from its upper left corner"
    )
    document = {
        "type": "FeatureCollection",
        "rsqa": {**(about or {}), "coordinates": coordinates},
        "features": features,
    }
    return (json.dumps(document, allow_nan=False, ensure_ascii=False) + "\n").encode()


def _placed(regions: Sequence[list[Ring]], crs: str, transform: Transform) -> list[list[Ring]]:
    """Bring rings to WGS 84, outlines counter-clockwise and holes clockwise."""
    a, b, c, d, e, f = transform
    flat = [
        (a * x + b * y + c, d * x + e * y + f) for rings in regions for r in rings for x, y in r
    ]
    # All points in one call: setting up a transformation costs more than thousands of points.
    points = to_wgs84(crs, flat) if flat else []
    if points is None:
        raise InvalidInputError(
            f"A region lies outside of the area of its coordinate reference system {crs[:80]!r}. "
            "Import the image again with the right georeference."
        )
    queue = iter(points)
    placed: list[list[Ring]] = []
    for rings in regions:
        turned: list[Ring] = []
        for ring in rings:
            found = [next(queue) for _ in ring]
            rounded = [(round(x, _DECIMALS), round(y, _DECIMALS)) for x, y in found]
            is_hole = bool(turned)
            turned.append(rounded[::-1] if (signed_area(rounded) > 0) == is_hole else rounded)
        placed.append(turned)
    return placed

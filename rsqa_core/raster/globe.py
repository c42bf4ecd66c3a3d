"""From the coordinates of a reference system to places and areas on the globe."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rsqa_core.errors import InvalidInputError

Point = tuple[float, float]

_SEMI_MAJOR_M = 6_378_137.0
_ECCENTRICITY = 0.0818191908426215
"""Of the WGS 84 ellipsoid."""


def to_wgs84(crs: str, points: Sequence[Point]) -> list[Point] | None:
    """Return points as (longitude, latitude) in degrees, None when any has no place on the globe.

    Args:
        crs: EPSG code or WKT of the points' reference system.
        points: (x, y) in its units.

    Raises:
        InvalidInputError: the reference system is not understood.
    """
    from rasterio._err import CPLE_BaseError  # GDAL's errors have no public home in rasterio
    from rasterio.errors import CRSError
    from rasterio.warp import transform

    try:
        found = transform(crs, "EPSG:4326", [x for x, _ in points], [y for _, y in points])
    except CRSError as error:
        raise InvalidInputError(
            f"The coordinate reference system {crs[:80]!r} is not understood ({error}). Import the "
            "image again with an EPSG code or WKT."
        ) from error
    except CPLE_BaseError:
        return None  # a point outside of the projection
    placed = list(zip(*found, strict=True))
    return placed if all(math.isfinite(v) for point in placed for v in point) else None


def signed_area(ring: Sequence[Point]) -> float:
    """Return the area inside a closed ring, in its units squared; positive counter-clockwise.

    Example:
        >>> signed_area([(0, 0), (2, 0), (2, 1), (0, 1), (0, 0)])
        2.0
    """
    corners = np.asarray(ring, dtype=np.float64)
    # Relative to one corner: far from the origin the products would swallow small areas.
    x, y = (corners - corners[0]).T
    return float((x[:-1] * y[1:] - x[1:] * y[:-1]).sum() / 2)


def ground_area_m2(ring: Sequence[Point]) -> float:
    """Return the area on the WGS 84 ellipsoid inside a closed ring of (longitude, latitude).

    In m², positive counter-clockwise. Computed in a cylindrical equal-area projection, so it does
    not carry the scale of the image's own projection (in Web Mercator a factor of 4 at 60°).
    """
    degrees = np.asarray(ring, dtype=np.float64)
    x = _SEMI_MAJOR_M * np.radians(degrees[:, 0])
    y = _SEMI_MAJOR_M * _authalic(np.sin(np.radians(degrees[:, 1]))) / 2
    return signed_area(list(zip(x.tolist(), y.tolist(), strict=True)))


def _authalic(sine: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return twice the area between the equator and a latitude, by its sine, in semi-axes²/rad.

    Snyder, Map Projections: A Working Manual (1987), equation 3-12.
    """
    e = _ECCENTRICITY
    logarithm = np.log((1 - e * sine) / (1 + e * sine)) / (2 * e)
    result: NDArray[np.float64] = (1 - e * e) * (sine / (1 - (e * sine) ** 2) - logarithm)
    return result

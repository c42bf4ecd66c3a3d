"""Where georeferenced images lie on the globe."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from rsqa_core.errors import InvalidInputError
from rsqa_core.records import ImageRecord

Ring = list[tuple[float, float]]
"""A closed outline as (longitude, latitude) in degrees, counter-clockwise, first point repeated."""


def footprints(images: Iterable[ImageRecord]) -> dict[int, Ring]:
    """Return the outline of every georeferenced image in WGS 84, by image id.

    Raises:
        InvalidInputError: an image's coordinate reference system is not understood, or its
            corners lie outside the area that the system is made for.
    """
    found: dict[int, Ring] = {}
    for crs, located in _by_crs(images).items():
        # All corners in one call: setting up a transformation costs more than thousands of points.
        points = _to_wgs84(crs, located)
        for index, image in enumerate(located):
            found[image.id] = _counter_clockwise(points[4 * index : 4 * index + 4])
    return found


def corners(images: Iterable[ImageRecord]) -> dict[int, Ring]:
    """Return (longitude, latitude) of each image's corners, by image id.

    Clockwise from the first pixel: top left, top right, bottom right, bottom left of the picture.
    An image that has no place on the globe is left out.
    """
    from rsqa_core.raster.globe import to_wgs84

    found: dict[int, Ring] = {}
    for crs, located in _by_crs(images).items():
        try:
            points = to_wgs84(crs, [corner for image in located for corner in _corners(image)])
        except InvalidInputError:
            continue
        for index, image in enumerate(located if points is not None else ()):
            found[image.id] = (points or [])[4 * index : 4 * index + 4]
    return found


def _by_crs(images: Iterable[ImageRecord]) -> dict[str, list[ImageRecord]]:
    found: dict[str, list[ImageRecord]] = defaultdict(list)
    for image in images:
        if image.crs is not None and image.transform is not None:
            found[image.crs].append(image)
    return found


def _corners(image: ImageRecord) -> Ring:
    a, b, c, d, e, f = image.transform or (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    width, height = image.width_px, image.height_px
    return [
        (a * x + b * y + c, d * x + e * y + f)
        for x, y in ((0, 0), (width, 0), (width, height), (0, height))
    ]


def _to_wgs84(crs: str, images: Sequence[ImageRecord]) -> Ring:
    """Return the four corners of each image, one image after the other."""
    from rsqa_core.raster.globe import to_wgs84

    try:
        points = to_wgs84(crs, [corner for image in images for corner in _corners(image)])
    except InvalidInputError as error:
        raise InvalidInputError(f"The image {images[0].name!r} has no outline: {error}") from error
    if points is not None:
        return points
    for image in images if len(images) > 1 else ():
        _to_wgs84(crs, [image])
    raise InvalidInputError(
        f"The image {images[0].name!r} lies outside the area of its coordinate reference system "
        f"{crs[:80]!r}. Import it again with the right georeference."
    )


def _counter_clockwise(ring: Ring) -> Ring:
    from rsqa_core.raster.globe import signed_area

    closed = [*ring, ring[0]]
    return closed if signed_area(closed) > 0 else closed[::-1]

"""Stored review tiles: written by RSQA as lossless GeoTIFF, so read in this process.

Files from outside go through ``decoding.open_source`` instead.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rsqa_core.errors import InvalidInputError, UnreadableFileError
from rsqa_core.raster.decoding import open_source
from rsqa_core.raster.headers import Transform, sniff_format
from rsqa_core.raster.limits import MAX_WINDOW_BYTES

_warnings_lock = threading.Lock()


def pixel_sha256(array: NDArray[Any], stretch: Sequence[tuple[float, float]] = ()) -> str:
    """Return the SHA-256 of an array's dtype, shape and values, whatever its memory layout.

    Args:
        array: pixels of an image or class ids of a mask.
        stretch: how an image is shown, which encoders and segmenters see as well: the same pixels
            with another stretch are another picture.

    Example:
        >>> a = np.arange(6, dtype=np.uint8).reshape(2, 3)
        >>> pixel_sha256(a) == pixel_sha256(np.asfortranarray(a)) != pixel_sha256(a.T)
        True
    """
    little = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False)
    digest = hashlib.sha256(f"{little.dtype.str}{little.shape}".encode())
    digest.update(little.reshape(-1).view(np.uint8).data)
    if stretch:
        digest.update(np.asarray(stretch, dtype="<f8").tobytes())
    return digest.hexdigest()


def write_tile_geotiff(
    tile: NDArray[Any],
    *,
    crs: str | None = None,
    transform: Transform | None = None,
    nodata: float | None = None,
    band_names: Sequence[str] = (),
) -> bytes:
    """Encode a (C, H, W) tile as a deflate-compressed GeoTIFF.

    Args:
        tile: pixels in source units; 8 to 32-bit integers or floats.
        crs: anything that GDAL takes for a coordinate system, None when there is none.
        transform: affine (a, b, c, d, e, f) from pixel to CRS coordinates.
        nodata: value of pixels without data, in source units.
        band_names: of all bands, or of none.

    Raises:
        InvalidInputError: the array is not three-dimensional, or its type or the coordinate system
            does not fit in a TIFF.
    """
    import rasterio
    from rasterio.errors import CRSError, RasterioError
    from rasterio.io import MemoryFile

    if tile.ndim != 3 or not tile.size:
        raise InvalidInputError(
            f"Expected `tile` to have the shape (C, H, W), but got {tile.shape}."
        )
    bands, height, width = tile.shape
    profile: dict[str, Any] = {
        "driver": "GTiff",
        "width": width,
        "height": height,
        "count": bands,
        "dtype": tile.dtype.name,
        "compress": "deflate",
        "predictor": 3 if np.issubdtype(tile.dtype, np.floating) else 2,
        "interleave": "pixel",
        # Otherwise GDAL declares a fourth 8-bit band alpha, near infrared or not.
        "photometric": "rgb" if bands == 3 and tile.dtype == np.uint8 else "minisblack",
        "alpha": "no",
    }
    if crs is not None:
        profile["crs"] = crs
    if transform is not None:
        profile["transform"] = rasterio.Affine(*transform)
    if nodata is not None and _representable(nodata, tile.dtype):
        profile["nodata"] = nodata
    try:
        with unreferenced_allowed(), MemoryFile() as memory:
            with memory.open(**profile) as file:
                file.write(tile)
                for band, name in enumerate(band_names, start=1):
                    if name:
                        file.set_band_description(band, name)
            return bytes(memory.read())
    except (RasterioError, CRSError, ValueError) as error:
        raise InvalidInputError(
            f"A tile of {bands} bands of {tile.dtype} with the coordinate system {crs!r:.80} "
            f"cannot be stored as GeoTIFF: {error}."
        ) from error


def _representable(value: float, dtype: np.dtype[Any]) -> bool:
    # Files declare no-data values that their type cannot hold, such as -9999 in 8 bits.
    if np.issubdtype(dtype, np.floating):
        return True
    info = np.iinfo(dtype)
    return float(value).is_integer() and info.min <= value <= info.max


def read_tile(path: Path) -> NDArray[Any]:
    """Return the pixels of a stored tile, (C, H, W) in source units and dtype.

    JPEG and PNG are read too (in the limited process), without their alpha band.

    Raises:
        UnreadableFileError: the file is missing, corrupt, or too large to be a tile.
    """
    try:
        kind = sniff_format(path)
    except UnreadableFileError as error:
        raise UnreadableFileError(f"{path.name} cannot be read: {error}.") from error
    if kind != "TIFF":
        with open_source(path) as source:
            return source.read(0, 0, source.header.width_px, source.header.height_px).pixels

    import rasterio
    from rasterio.errors import RasterioError

    try:
        with unreferenced_allowed(), rasterio.open(path, driver="GTiff") as file:
            itemsize = np.dtype(file.dtypes[0]).itemsize
            if file.width * file.height * file.count * itemsize > MAX_WINDOW_BYTES:
                raise UnreadableFileError(
                    f"{path.name} is {file.width:,} x {file.height:,} px; expected a review tile. "
                    "Import it, which cuts it into tiles."
                )
            pixels: NDArray[Any] = file.read()
    except (RasterioError, OSError) as error:
        raise UnreadableFileError(f"{path.name} cannot be read: {error}.") from error
    return pixels


@contextlib.contextmanager
def unreferenced_allowed() -> Iterator[None]:
    """Silence rasterio's warning about tiles without a georeference, which are normal here."""
    from rasterio.errors import NotGeoreferencedWarning

    # The list of filters is one per process; two threads inside would restore each other's.
    with _warnings_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        yield

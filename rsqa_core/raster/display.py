"""From source units to what a browser shows: 8-bit RGB."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rsqa_core.errors import InvalidInputError
from rsqa_core.raster.decoding import Source
from rsqa_core.raster.tiles import read_tile

Stretch = tuple[tuple[float, float], ...]

DISPLAY_JPEG_QUALITY = 92
STRETCH_PERCENTILES = (2.0, 98.0)
DARK = 96
"""8-bit imagery whose display bands all have their upper percentile below this is dark."""
DARK_CONTRAST = 0.5
"""A dark image is of land, and not of water alone, where the range of a band is this share of its
upper percentile."""


def display_bands(band_count: int) -> tuple[int, ...]:
    """Return the bands shown: the first three, or the first alone when there are fewer."""
    return (0, 1, 2) if band_count >= 3 else (0,)


def stretch_of(source: Source) -> Stretch:
    """Return the display range of each display band in source units; empty where none is needed.

    It is the 2nd and 98th percentile of finite pixels with data in a decimated overview, so that
    all tiles of one file look alike. 8-bit imagery is shown as it is, unless it is dark without
    being water alone, such as reflectance scaled to 8 bits: people see nothing in that, and
    segmenters see water everywhere.

    Raises:
        UnreadableFileError: the file's data is corrupt.
    """
    patch = source.overview()
    return stretch_of_pixels(patch.pixels, patch.valid)


def stretch_of_pixels(pixels: NDArray[Any], valid: NDArray[np.bool_] | None = None) -> Stretch:
    """Return the display ranges of (C, H, W) pixels in memory; empty where none is needed.

    Example:
        >>> stretch_of_pixels(np.arange(101, dtype=np.float32).reshape(1, 1, 101))
        ((2.0, 98.0),)
    """
    ranges = []
    for band in display_bands(pixels.shape[0]):
        values = pixels[band].astype(np.float64)
        keep = np.isfinite(values) if valid is None else np.isfinite(values) & valid
        if not keep.any():
            ranges.append((0.0, 1.0))
            continue
        low, high = (float(v) for v in np.percentile(values[keep], STRETCH_PERCENTILES))
        if high <= low:  # a flat band: any range above zero width shows it evenly
            high = low + 1.0
        ranges.append((low, high))
    if pixels.dtype == np.uint8 and not _is_dark_land(ranges):
        return ()
    return tuple(ranges)


def _is_dark_land(ranges: Sequence[tuple[float, float]]) -> bool:
    return all(high < DARK for _, high in ranges) and any(
        high - low > max(DARK_CONTRAST * high, 1.0) for low, high in ranges
    )


def to_rgb(pixels: NDArray[Any], stretch: Sequence[tuple[float, float]] = ()) -> NDArray[np.uint8]:
    """Return (3, H, W) uint8 for display.

    Args:
        pixels: (C, H, W) in source units. The first three bands are shown, or the first one three
            times when there are fewer.
        stretch: one (low, high) per display band, mapped to 0..255; empty only for uint8.
            Non-finite pixels become 0.

    Raises:
        InvalidInputError: the stretch is missing for a type other than uint8, or has another
            number of ranges than display bands.

    Example:
        >>> to_rgb(np.array([[[0.0, 5.0, 10.0]]]), [(0.0, 10.0)])[2].tolist()
        [[0, 128, 255]]
    """
    bands = display_bands(pixels.shape[0])
    chosen = pixels[list(bands)]
    if stretch:
        if len(stretch) != len(bands):
            raise InvalidInputError(
                f"Expected `stretch` to have {len(bands)} ranges for {pixels.shape[0]} bands, but "
                f"got {len(stretch)}. Compute it with stretch_of on the same source."
            )
        low = np.array([r[0] for r in stretch])[:, None, None]
        high = np.array([r[1] for r in stretch])[:, None, None]
        scaled = (chosen.astype(np.float64) - low) / (high - low) * 255.0
        finite = np.nan_to_num(scaled, nan=0.0, posinf=255.0, neginf=0.0)
        chosen = np.rint(np.clip(finite, 0.0, 255.0)).astype(np.uint8)
    elif chosen.dtype != np.uint8:
        raise InvalidInputError(
            f"Expected `stretch` for pixels of type {chosen.dtype}, but got none. Compute it with "
            "stretch_of, or take it from the image's record."
        )
    if len(bands) == 1:
        chosen = np.repeat(chosen, 3, axis=0)
    return np.ascontiguousarray(chosen)


def read_rgb(path: Path, stretch: Sequence[tuple[float, float]] = ()) -> NDArray[np.uint8]:
    """Return a tile as it is displayed, (3, H, W) uint8; see ``to_rgb`` for ``stretch``.

    Raises:
        UnreadableFileError: the file is missing or corrupt.
        InvalidInputError: the stretch does not fit the tile.
    """
    return to_rgb(read_tile(path), stretch)


def encode_display_jpeg(rgb: NDArray[np.uint8]) -> bytes:
    """Encode (3, H, W) uint8 as a JPEG of quality 92 with full colour resolution."""
    stream = io.BytesIO()
    image = Image.fromarray(np.ascontiguousarray(np.moveaxis(rgb, 0, -1)))
    # Reviewers zoom to pixels; halved colour resolution shows there as fringes.
    image.save(stream, "JPEG", quality=DISPLAY_JPEG_QUALITY, subsampling=0)
    return stream.getvalue()

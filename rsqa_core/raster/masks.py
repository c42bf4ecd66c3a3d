"""Masks as RSQA stores them: 8-bit index PNG of class ids, VOID where there is no label."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rsqa_core.errors import InvalidInputError, UnreadableFileError
from rsqa_core.raster.limits import MAX_WHOLE_PX
from rsqa_core.records import VOID

Mask = NDArray[np.uint8]


def encode_mask(mask: Mask) -> bytes:
    """Encode an (H, W) uint8 mask of class ids as a greyscale PNG, lossless and compact.

    Raises:
        InvalidInputError: the array is not two-dimensional uint8.
    """
    if mask.ndim != 2 or mask.dtype != np.uint8 or not mask.size:
        raise InvalidInputError(
            f"Expected `mask` to be (H, W) uint8, but got {mask.shape} {mask.dtype}."
        )
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(mask)).save(stream, "PNG", compress_level=6)
    return stream.getvalue()


def read_mask(path: Path) -> Mask:
    """Return a stored mask, (H, W) uint8 class ids; no resampling and no conversion of values.

    Raises:
        UnreadableFileError: the file is missing, corrupt, too large, or not an 8-bit index PNG.
    """
    try:
        with Image.open(path, formats=("PNG",)) as image:
            if image.mode not in {"L", "P"}:
                raise UnreadableFileError(
                    f"{path.name} has the pixel mode {image.mode}; expected an 8-bit index PNG of "
                    "class ids. Import it with a palette."
                )
            if image.width * image.height > MAX_WHOLE_PX:
                raise UnreadableFileError(
                    f"{path.name} claims {image.width:,} x {image.height:,} px; expected the mask "
                    "of a review tile."
                )
            return np.array(image, dtype=np.uint8)
    except (OSError, SyntaxError, ValueError, struct.error, Image.DecompressionBombError) as error:
        raise UnreadableFileError(f"{path.name} cannot be read as a mask: {error}.") from error


def area_shares(mask: Mask, class_count: int) -> tuple[float, ...]:
    """Return the share of each class among the pixels that have one, in 0..1 and class order.

    All are 0 where every pixel is VOID.

    Example:
        >>> area_shares(np.array([[0, 0], [1, 255]], dtype=np.uint8), 3)
        (0.6666666666666666, 0.3333333333333333, 0.0)
    """
    counts = np.bincount(mask.reshape(-1), minlength=VOID + 1)[:class_count]
    total = int(counts.sum())
    return tuple(float(c) / total if total else 0.0 for c in counts)

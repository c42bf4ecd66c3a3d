"""Pictures of a story: images, and masks that lie over them."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from rsqa_core.datasets.safe_colours import safe_colours
from rsqa_core.raster import read_mask, read_rgb
from rsqa_core.records import VOID, Candidate, ClassDef, ImageRecord
from workflows.opening import Installation

SIDE_PX = 768
"""Longest side of a picture: sharp on a screen of 1920x1080, and half a dozen fit into a mail."""

Size = tuple[int, int]


def picture_jpeg(installation: Installation, image: ImageRecord) -> tuple[bytes, Size]:
    """Return an image as JPEG, and its width and height in px."""
    rgb = read_rgb(installation.files.path(image.tile_path), image.stretch)
    picture = Image.fromarray(np.ascontiguousarray(rgb.transpose(1, 2, 0)))
    picture.thumbnail((SIDE_PX, SIDE_PX), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    picture.save(stream, format="JPEG", quality=85)
    return stream.getvalue(), picture.size


def mask_png(
    installation: Installation, candidate: Candidate, classes: Sequence[ClassDef], size: Size
) -> bytes:
    """Return a mask in safe colours as a palette PNG, transparent where it has no class."""
    mask = read_mask(installation.files.path(candidate.mask_path))
    picture = Image.fromarray(mask)
    if picture.size != size:
        picture = picture.resize(size, Image.Resampling.NEAREST)
    colours = np.zeros((256, 3), dtype=np.uint8)
    colours[: len(classes)] = safe_colours(classes)
    picture.putpalette(colours.tobytes())
    stream = io.BytesIO()
    picture.save(stream, format="PNG", optimize=True, transparency=VOID)
    return stream.getvalue()

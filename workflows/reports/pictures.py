"""Images with the outlines and colours of a candidate's mask, as JPEG."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from rsqa_core.datasets.safe_colours import safe_colours
from rsqa_core.raster import read_mask, read_rgb
from rsqa_core.records import VOID, Candidate, ClassDef, ImageRecord
from workflows.opening import Installation
from workflows.reports.blocks import Picture

SIDE_PX = 320
_OPACITY = 0.5
_PAPER = (255, 255, 255)


def plain_picture(installation: Installation, image: ImageRecord, caption: str) -> Picture:
    """Return the image as it is shown."""
    return Picture(_jpeg(_shown(installation, image)), caption)


def masked_picture(
    installation: Installation,
    image: ImageRecord,
    candidate: Candidate,
    classes: Sequence[ClassDef],
    caption: str,
) -> Picture:
    """Return the image under a candidate's mask, half see-through, in safe colours."""
    ground = _shown(installation, image)
    mask = read_mask(installation.files.path(candidate.mask_path))
    colours = np.zeros((256, 3), dtype=np.uint8)
    colours[: len(classes)] = safe_colours(classes)
    cover = Image.fromarray(colours[mask]).resize(ground.size, Image.Resampling.NEAREST)
    opaque = Image.fromarray(_opacity(mask)).resize(ground.size, Image.Resampling.NEAREST)
    ground.paste(cover, mask=opaque)
    return Picture(_jpeg(ground), caption)


def _shown(installation: Installation, image: ImageRecord) -> Image.Image:
    rgb = read_rgb(installation.files.path(image.tile_path), image.stretch)
    return Image.fromarray(np.ascontiguousarray(rgb.transpose(1, 2, 0)))


def _opacity(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.where(mask == VOID, 0, round(255 * _OPACITY)).astype(np.uint8)


def _jpeg(picture: Image.Image) -> bytes:
    """Return the picture on a square of paper, so that all of a gallery are of one size."""
    fitted = ImageOps.pad(picture, (SIDE_PX, SIDE_PX), color=_PAPER)
    stream = io.BytesIO()
    fitted.save(stream, format="JPEG", quality=85)
    return stream.getvalue()

"""What every source of image-caption pairs offers, and how an image of one is decoded."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from rsqa_core.errors import UnreadableFileError

MAX_PIXELS = 64_000_000
"""A training image larger than this is refused before it is decoded."""

FORMATS = ("JPEG", "PNG", "TIFF", "WEBP")
"""The formats that Pillow may try; the others have decoders that no pair needs."""

Picture = tuple[NDArray[np.uint8], NDArray[np.uint8] | None]
"""An image, (3, H, W) uint8, and its reference mask, (H, W) uint8 class ids, where there is one."""


@dataclass(frozen=True, slots=True)
class PairEntry:
    """What is known of a pair without reading its image.

    Attributes:
        key: names the pair within its source, as reports show it.
        caption: one or more sentences, not empty.
        trusted: whether somebody vouches that the caption describes the image; the others are
            coarse and go through the purification.
    """

    key: str
    caption: str
    trusted: bool


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A row, member or image that gives no pair, and why."""

    name: str
    reason: str


class PairSource(Protocol):
    """Pairs by their position. Images are read when asked for, so a source may exceed memory."""

    @property
    def entries(self) -> Sequence[PairEntry]:
        """Return what is known of each pair."""

    @property
    def left_out(self) -> Sequence[LeftOut]:
        """Return what gave no pair when the source was opened."""

    def picture(self, index: int) -> Picture:
        """Read the image of a pair.

        Raises:
            UnreadableFileError: it cannot be decoded.
        """


@dataclass(frozen=True, slots=True)
class PickedPair:
    """A pair of a source with the caption that it is trained with, its own or a refined one."""

    source: PairSource
    index: int
    caption: str

    @property
    def entry(self) -> PairEntry:
        """Return the pair as its source knows it."""
        return self.source.entries[self.index]


def pick(sources: Iterable[PairSource], *, trusted: bool) -> list[PickedPair]:
    """Return the trusted or the coarse pairs of all sources with their own captions."""
    return [
        PickedPair(source, i, entry.caption)
        for source in sources
        for i, entry in enumerate(source.entries)
        if entry.trusted is trusted
    ]


def decode_picture(content: bytes, name: str) -> NDArray[np.uint8]:
    """Decode an image file.

    Args:
        content: bytes of a JPEG, PNG, TIFF or WebP file.
        name: how errors call it.

    Returns:
        (3, H, W) uint8.

    Raises:
        UnreadableFileError: it is no such file, damaged, or larger than MAX_PIXELS.
    """
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise UnreadableFileError(
                    f"The image {name} has {picture.width} x {picture.height} px, but a training "
                    f"image may have {MAX_PIXELS} at most. Cut it into tiles."
                )
            rgb = np.array(picture.convert("RGB"))
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as error:
        raise UnreadableFileError(
            f"The image {name} cannot be decoded: {error}. Expected JPEG, PNG, TIFF or WebP."
        ) from error
    return np.ascontiguousarray(rgb.transpose(2, 0, 1))

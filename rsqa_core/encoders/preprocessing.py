"""How an image becomes an encoder's input, and what an encoder gives back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rsqa_core.errors import InvalidInputError

_RESAMPLING = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}
_RESIZING = ("squash", "shortest")


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How an image becomes the encoder's input; part of the encoder's identity.

    Attributes:
        size_px: side of the square that the network sees.
        mean, std: per band, in units of the scaled value.
        interpolation: ``bicubic`` or ``bilinear``.
        resize: ``squash`` resizes the whole image to the square; ``shortest`` resizes its shorter
            side and crops the middle, which hides the edges of a tile that is not square.
        value_range: what the stored values are divided by before mean and std; None leaves them.
        bands: what the bands are, in the network's order.
    """

    size_px: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str = "bicubic"
    resize: str = "squash"
    value_range: float | None = 255.0
    bands: tuple[str, ...] = ("red", "green", "blue")

    def identity(self) -> dict[str, Any]:
        """Return what a fingerprint hashes.

        Range and bands stand in it only where they differ from 8-bit colour, so that encoders that
        were fingerprinted before these were recorded keep theirs.
        """
        values = asdict(self)
        if self.value_range == 255.0:
            values.pop("value_range")
        if self.bands == ("red", "green", "blue"):
            values.pop("bands")
        return values


@dataclass(frozen=True, slots=True)
class ImageFeatures:
    """An encoder's view of one image.

    Attributes:
        pooled: (D,) float32 unit vector in the space shared with text.
        tokens: (h, w, D) float32 unit vectors of image parts in the same space, row by row from
            the top left; None when the architecture gives no such grid.
    """

    pooled: NDArray[np.float32]
    tokens: NDArray[np.float32] | None


class SquareInput(Protocol):
    """What every preprocessing has, whatever the bands."""

    @property
    def size_px(self) -> int:
        """Side of the square that the network sees."""
        ...


class Encoder(Protocol):
    """What every loader gives: a frozen model with an identity.

    Attributes:
        name: what loads it again, as heads store it.
        fingerprint: SHA-256 of weights, activation and preprocessing.
        dim: D, the length of its vectors.
        has_text: whether it has a text tower, so that images and texts share a space.
    """

    name: str
    fingerprint: str
    dim: int
    has_text: bool

    @property
    def preprocessing(self) -> SquareInput:
        """How images become its input."""
        ...

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return (N, D) float32 unit vectors of ``texts``.

        Raises:
            InvalidInputError: there is no text tower.
        """
        ...

    def encode_images(self, images: Sequence[NDArray[np.uint8]]) -> list[ImageFeatures]:
        """Encode images of any size, each (3, H, W) uint8."""
        ...


def prepare(rgb: NDArray[np.uint8], preprocessing: Preprocessing) -> NDArray[np.float32]:
    """Return the (3, S, S) float32 input of an encoder for a (3, H, W) uint8 image.

    Raises:
        InvalidInputError: the image is no 8-bit colour image, or the preprocessing names a way of
            resizing that does not exist.
    """
    if rgb.ndim != 3 or rgb.shape[0] != 3 or rgb.dtype != np.uint8:
        raise InvalidInputError(
            f"Expected an image to be (3, H, W) uint8, but got {rgb.shape} {rgb.dtype}."
        )
    if preprocessing.interpolation not in _RESAMPLING or preprocessing.resize not in _RESIZING:
        raise InvalidInputError(
            f"Expected interpolation to be one of {', '.join(_RESAMPLING)} and resize one of "
            f"{', '.join(_RESIZING)}, but got {preprocessing.interpolation!r} and "
            f"{preprocessing.resize!r}."
        )
    picture = Image.fromarray(np.ascontiguousarray(rgb.transpose(1, 2, 0)))
    resized = _resized(picture, preprocessing)
    scaled = np.asarray(resized, dtype=np.float32)
    if preprocessing.value_range is not None:
        scaled = scaled / np.float32(preprocessing.value_range)
    mean = np.asarray(preprocessing.mean, dtype=np.float32)
    std = np.asarray(preprocessing.std, dtype=np.float32)
    return np.ascontiguousarray(((scaled - mean) / std).transpose(2, 0, 1))


def _resized(picture: Image.Image, preprocessing: Preprocessing) -> Image.Image:
    side, how = preprocessing.size_px, _RESAMPLING[preprocessing.interpolation]
    if preprocessing.resize == "squash":
        return picture.resize((side, side), how)
    factor = side / min(picture.size)
    width, height = (max(side, round(length * factor)) for length in picture.size)
    left, top = (width - side) // 2, (height - side) // 2
    return picture.resize((width, height), how).crop((left, top, left + side, top + side))

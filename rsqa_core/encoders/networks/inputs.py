"""How bands become an image network's input: preprocessing as data, and the checks before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from rsqa_core.errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class BandPreprocessing:
    """How an image of named bands becomes a network's input; part of the encoder's identity.

    The whole image is resized to ``size_px`` squared with antialiasing, then every band is
    normalised: to ``(value - offset) / scale``, or, where ``stretch_sigmas`` is given, from its own
    mean -+ that many standard deviations to [0, 1], cut off outside.

    Attributes:
        size_px: side of the network's input.
        bands: names of the bands in the network's order.
        offset: one number a band, in the unit of the image's values.
        scale: one number a band, in the same unit; never 0.
        stretch_sigmas: half-width of the stretch in standard deviations of the resized band.
        interpolation: "bilinear" or "bicubic".
    """

    size_px: int
    bands: tuple[str, ...]
    offset: tuple[float, ...] | None = None
    scale: tuple[float, ...] | None = None
    stretch_sigmas: float | None = None
    interpolation: str = "bilinear"

    def __post_init__(self) -> None:
        if (self.stretch_sigmas is None) == (self.offset is None or self.scale is None):
            raise InvalidInputError(
                "Expected preprocessing to have either an offset and a scale or a stretch, but got "
                f"offset {self.offset}, scale {self.scale}, stretch_sigmas {self.stretch_sigmas}."
            )
        for label, numbers in (("offset", self.offset), ("scale", self.scale)):
            if numbers is not None and len(numbers) != len(self.bands):
                raise InvalidInputError(
                    f"Expected one {label} for each of the {len(self.bands)} bands, but got "
                    f"{len(numbers)}."
                )


def pick_bands(
    image: NDArray[Any], wanted: Sequence[str], names: Sequence[str] | None
) -> NDArray[Any]:
    """Return the bands ``wanted`` of an image, in that order.

    Args:
        image: (C, H, W) numbers.
        wanted: names of the bands that a network takes.
        names: names of the image's bands; None says that they are the wanted ones in their order.

    Raises:
        InvalidInputError: a wanted band is missing, or names and bands differ in number.
    """
    if image.ndim != 3 or image.dtype.kind not in "uif":
        raise InvalidInputError(
            f"Expected an image to be (C, H, W) numbers, but got {image.shape} {image.dtype}."
        )
    listed = ", ".join(wanted)
    if names is None:
        if image.shape[0] != len(wanted):
            raise InvalidInputError(
                f"The image has {image.shape[0]} bands, but the encoder takes {len(wanted)}: "
                f"{listed}. Name the image's bands if it holds these among others, or choose an "
                "encoder that takes what it has."
            )
        return image
    if len(names) != image.shape[0]:
        raise InvalidInputError(
            f"Expected a name for each of the image's {image.shape[0]} bands, but got "
            f"{len(names)}: {', '.join(names)}."
        )
    absent = [band for band in wanted if band not in names]
    if absent:
        raise InvalidInputError(
            f"The image has no band {', '.join(absent)}; it has {', '.join(names)}. The encoder "
            f"takes {listed}. Choose an encoder that takes what the image has."
        )
    return image[[list(names).index(band) for band in wanted]]


def prepare_bands(image: NDArray[Any], preprocessing: BandPreprocessing) -> NDArray[np.float32]:
    """Return the (C, S, S) float32 input of a network for a (C, H, W) image of its bands.

    Raises:
        InvalidInputError: the image is empty or holds values that are not finite.
    """
    values = torch.from_numpy(np.ascontiguousarray(image, dtype=np.float32))
    if values.numel() == 0 or not bool(values.isfinite().all()):
        raise InvalidInputError(
            f"The image {tuple(values.shape)} is empty or holds values that are not finite. Fill "
            "pixels without data before encoding."
        )
    side = preprocessing.size_px
    resized = functional.interpolate(
        values[None], (side, side), mode=preprocessing.interpolation, antialias=True
    )[0]
    # Bicubic overshoots at edges; no pixel shall leave the range of its band.
    low, high = values.amin((1, 2), keepdim=True), values.amax((1, 2), keepdim=True)
    resized = resized.clamp(low, high)
    if preprocessing.stretch_sigmas is not None:
        ready = _stretched(resized, preprocessing.stretch_sigmas)
    else:
        offset = torch.tensor(preprocessing.offset)[:, None, None]
        ready = (resized - offset) / torch.tensor(preprocessing.scale)[:, None, None]
    return np.asarray(ready.numpy(), dtype=np.float32)


def _stretched(values: Tensor, sigmas: float) -> Tensor:
    mean = values.mean((1, 2), keepdim=True)
    width = 2 * sigmas * values.std((1, 2), keepdim=True)
    # A constant band has no width; its values lie at the mean, which is mapped to the middle.
    safe = torch.where(width > 0, width, torch.ones_like(width))
    return ((values - mean) / safe + 0.5).clamp(0, 1)


def check_batch(images: Tensor, bands: int, size_px: int) -> None:
    """Refuse a batch that is not (N, ``bands``, ``size_px``, ``size_px``) floats.

    Raises:
        InvalidInputError: says what was expected.
    """
    if images.shape[1:] != (bands, size_px, size_px) or not images.is_floating_point():
        raise InvalidInputError(
            f"Expected images to be (N, {bands}, {size_px}, {size_px}) floats, but got "
            f"{tuple(images.shape)} {images.dtype}."
        )

"""What segmenters need of an encoder: its tokens, laid out over the image from several views."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rsqa_core.errors import InvalidInputError
from rsqa_core.raster.interpolation import spread_over
from rsqa_core.segmenters.network import FeatureReference

Array = NDArray[np.float32]

CANVAS = 32
"""Places a side at which the views' tokens meet."""

_HALF_WINDOWS = (0.0, 0.25 + 1 / CANVAS, 0.5)
"""Where windows of half the side begin; the middle one is shifted by half a token of 8 a side."""


class TokenView(Protocol):
    """One encoded image; ``tokens`` is (h, w, D) float32 unit vectors, or None."""

    @property
    def tokens(self) -> Array | None: ...


class TokenEncoder(Protocol):
    """An encoder whose tokens lie in the space of its texts."""

    fingerprint: str

    def encode_images(self, images: Sequence[NDArray[np.uint8]]) -> Sequence[TokenView]: ...


@dataclass(frozen=True, slots=True)
class TokenCanvas:
    """An image's tokens.

    Attributes:
        whole: (D, h, w) float32 tokens of the image as a whole.
        canvas: (D, CANVAS, CANVAS) float32 unit vectors, the mean over all views.
    """

    whole: Array
    canvas: Array


def token_canvas(encoder: TokenEncoder, rgb: NDArray[np.uint8]) -> TokenCanvas:
    """Encode an image as a whole and in nine overlapping windows of half its sides.

    Args:
        rgb: (3, H, W) uint8.

    Raises:
        InvalidInputError: the image is not of that form, or the encoder gives no tokens.
    """
    if rgb.ndim != 3 or rgb.shape[0] != 3 or rgb.dtype != np.uint8:
        raise InvalidInputError(
            f"Expected `rgb` to be (3, H, W) uint8, but got {rgb.shape} {rgb.dtype}."
        )
    height, width = rgb.shape[1:]
    windows = [(0.0, 0.0, 1.0)]
    if min(height, width) >= 2:
        windows += [(top, left, 0.5) for top in _HALF_WINDOWS for left in _HALF_WINDOWS]
    views = []
    for top, left, side in windows:
        y, x = int(top * height), int(left * width)
        part = rgb[:, y : y + max(int(side * height), 1), x : x + max(int(side * width), 1)]
        views.append(np.ascontiguousarray(part))
    grids: list[Array] = []
    for view in encoder.encode_images(views):
        if view.tokens is None:
            raise InvalidInputError(
                "This encoder gives no tokens of image parts, only one vector an image. Take an "
                "encoder with a grid of tokens, for example rsqa-compact."
            )
        grids.append(np.asarray(view.tokens, dtype=np.float32).transpose(2, 0, 1))
    total: NDArray[np.float64] = np.zeros((grids[0].shape[0], CANVAS, CANVAS))
    counts: NDArray[np.float64] = np.zeros((CANVAS, CANVAS))
    for (top, left, side), grid in zip(windows, grids, strict=True):
        rows, columns = _places(top, side), _places(left, side)
        total[:, rows, columns] += _resized(grid, rows, columns)
        counts[rows, columns] += 1
    mean = total / counts
    unit = mean / np.maximum(np.linalg.norm(mean, axis=0, keepdims=True), 1e-9)
    return TokenCanvas(np.ascontiguousarray(grids[0]), unit.astype(np.float32))


def prompt_reference(vectors: Array) -> FeatureReference:
    """Return the prompts as what tokens are compared with; (K, D) float32 unit ``vectors``.

    There is no training imagery, so the pooled token is compared with the mean prompt, every
    direction alike.
    """
    dim = vectors.shape[1]
    return FeatureReference(
        centroids=vectors,
        pooled_mean=vectors.mean(axis=0),
        pooled_precision=np.eye(dim, dtype=np.float32),
    )


def _places(start: float, side: float) -> slice:
    return slice(round(start * CANVAS), round((start + side) * CANVAS))


def _resized(grid: Array, rows: slice, columns: slice) -> Array:
    return spread_over(grid, rows.stop - rows.start, columns.stop - columns.start)

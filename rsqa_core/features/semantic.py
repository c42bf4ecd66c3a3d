"""The semantic branch's input: an encoder's embedding and plain statistics of the picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rsqa_core.encoders.captions import SCENE_PROMPTS, class_prompts
from rsqa_core.encoders.preprocessing import Encoder, ImageFeatures
from rsqa_core.features.grids import CELL_SIDE, pooled
from rsqa_core.features.masks import PictureGrid
from rsqa_core.features.names import IMAGE_STATISTICS


@dataclass(frozen=True, slots=True)
class SemanticFeatures:
    """An image as the head sees it.

    Attributes:
        vector: (D + P + 6,) float32: pooled embedding, similarity to SCENE_PROMPTS,
            IMAGE_STATISTICS.
        tokens: (h, w, D) float32 unit vectors in the space of class names; None when there is no
            grid, or no text to compare it with.
    """

    vector: NDArray[np.float32]
    tokens: NDArray[np.float32] | None


class SemanticDescriber:
    """Describes images with one encoder; prompts are embedded once.

    An encoder without a text tower resembles no prompt: similarities are zero, tokens missing.
    """

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._prompts = (
            encoder.encode_texts(SCENE_PROMPTS)
            if encoder.has_text
            else np.zeros((len(SCENE_PROMPTS), encoder.dim), dtype=np.float32)
        )

    @property
    def fingerprint(self) -> str:
        return self._encoder.fingerprint

    @property
    def encoder(self) -> Encoder:
        return self._encoder

    @property
    def embedding_dim(self) -> int:
        return self._encoder.dim

    @property
    def has_text(self) -> bool:
        """Whether class vectors say anything."""
        return self._encoder.has_text

    def describe(
        self,
        rgb: NDArray[np.uint8],
        grid: PictureGrid | None = None,
        seen: ImageFeatures | None = None,
    ) -> SemanticFeatures:
        """Describe one (3, H, W) uint8 image; ``seen`` is what the encoder gave for it already."""
        if seen is None:
            seen = self._encoder.encode_images([rgb])[0]
        statistics = image_statistics(grid or PictureGrid(rgb))
        vector = np.concatenate([seen.pooled, self._prompts @ seen.pooled, statistics])
        tokens = seen.tokens if self._encoder.has_text else None
        return SemanticFeatures(vector.astype(np.float32), tokens)

    def class_vectors(self, classes: Sequence[str]) -> NDArray[np.float32]:
        """Return (K, D) float32 unit vectors of the class names; zeros without a text tower."""
        if not self._encoder.has_text:
            return np.zeros((len(classes), self._encoder.dim), dtype=np.float32)
        rows = np.stack(
            [self._encoder.encode_texts(class_prompts(name)).mean(axis=0) for name in classes]
        )
        unit: NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return unit


def tokens_by_cell(
    vector: NDArray[np.float32], tokens: NDArray[np.float32] | None
) -> NDArray[np.float32]:
    """Return the encoder's view of each cell of the head's grid, (P, D) float32.

    Args:
        vector: (D + rest,) the semantic vector.
        tokens: (h * w * D,) a square grid row by row, as cached; None repeats the whole image's.
    """
    rest = len(SCENE_PROMPTS) + len(IMAGE_STATISTICS)
    pooled_vector = vector[:-rest]
    if tokens is None:
        return np.repeat(pooled_vector[None], CELL_SIDE**2, axis=0)
    side = round((tokens.size / pooled_vector.size) ** 0.5)
    grid = tokens.reshape(side, side, pooled_vector.size).transpose(2, 0, 1)
    return pooled(grid, CELL_SIDE).reshape(pooled_vector.size, -1).T


def image_statistics(grid: PictureGrid) -> NDArray[np.float32]:
    """Return the six IMAGE_STATISTICS of a picture, all around 0..1."""
    high, low = grid.rgb.max(axis=0), grid.rgb.min(axis=0)
    return np.array(
        [
            grid.grey.mean(),
            grid.grey.std(),
            (high - low).mean(),
            np.log1p(100 * grid.gradient.mean()) / 5,
            grid.excess_green.mean(),
            (2 * grid.rgb[2] - grid.rgb[0] - grid.rgb[1]).mean(),
        ],
        dtype=np.float32,
    )

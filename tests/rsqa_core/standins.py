"""Stand-ins for trained models: a segmenter that thresholds brightness, an encoder of mean colours.

Both do what the real ones promise, without weights and without a network's cost.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rsqa_core.encoders.openclip import ImageFeatures, Preprocessing
from rsqa_core.errors import InvalidInputError
from rsqa_core.segmenters.network import FeatureReference, Segmentation

CLASSES = ("Building", "Land", "Road", "Vegetation", "Water")


class BandSegmenter:
    """Cuts brightness into equal bands, one a class; ``shift`` moves the bands, so masks differ."""

    def __init__(
        self, name: str, shift: float = 0.0, classes: tuple[str, ...] = CLASSES, version: str = "1"
    ) -> None:
        self.name = name
        self.fingerprint = hashlib.sha256(f"{name} {shift} {version}".encode()).hexdigest()
        self.classes = classes
        self.shift = shift
        self.trained_on: frozenset[str] = frozenset()
        self.calls = 0
        count = len(classes)
        self.reference: FeatureReference | None = FeatureReference(
            centroids=np.eye(count, dtype=np.float32),
            pooled_mean=np.full(count, 1 / count, dtype=np.float32),
            pooled_precision=np.eye(count, dtype=np.float32),
        )

    def predict(self, rgb: NDArray[np.uint8]) -> Segmentation:
        self.calls += 1
        count = len(self.classes)
        grey = rgb.astype(np.float32).mean(axis=0) / 255 * count - 0.5 + self.shift
        centres = np.arange(count, dtype=np.float32)[:, None, None]
        weight = np.exp(-2 * np.abs(grey[None] - centres))
        probs = (weight / weight.sum(axis=0)).astype(np.float32)
        height, width = grey.shape
        size = (max(width // 4, 1), max(height // 4, 1))
        decoder = np.stack(
            [np.asarray(Image.fromarray(band).resize(size, Image.Resampling.BOX)) for band in probs]
        )
        return Segmentation(
            mask=probs.argmax(axis=0).astype(np.uint8),
            probs=probs,
            features={"decoder": decoder, "encoder": decoder[:, ::2, ::2].copy()},
        )


class ColourEncoder:
    """Embeds images by the colours of their quarters and texts by their letters, in DIM numbers."""

    DIM = 6

    def __init__(
        self, name: str = "colours", *, with_tokens: bool = True, has_text: bool = True
    ) -> None:
        self.name = name
        self.has_text = has_text
        self.fingerprint = hashlib.sha256(f"{name} {with_tokens}".encode()).hexdigest()
        self.preprocessing = Preprocessing(32, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
        self.dim = self.DIM
        self.with_tokens = with_tokens
        self.images_seen = 0

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if not self.has_text:
            raise InvalidInputError("This encoder has no text tower.")
        rows = []
        for text in texts:
            seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
            rows.append(np.random.default_rng(seed).normal(size=self.DIM))
        return _unit(np.stack(rows))

    def encode_images(self, images: Sequence[NDArray[np.uint8]]) -> list[ImageFeatures]:
        self.images_seen += len(images)
        return [self._encode(rgb) for rgb in images]

    def _encode(self, rgb: NDArray[np.uint8]) -> ImageFeatures:
        height, width = rgb.shape[1:]
        value = rgb.astype(np.float32) / 255
        grid = np.zeros((2, 2, self.DIM), dtype=np.float32)
        for row in range(2):
            for column in range(2):
                part = value[
                    :,
                    row * height // 2 : (row + 1) * height // 2,
                    column * width // 2 : (column + 1) * width // 2,
                ]
                grid[row, column, :3] = part.mean(axis=(1, 2))
                grid[row, column, 3:] = part.std(axis=(1, 2))
        pooled = _unit(grid.mean(axis=(0, 1)))
        return ImageFeatures(pooled, _unit(grid) if self.with_tokens else None)


def _unit(rows: NDArray[Any]) -> NDArray[np.float32]:
    norms = np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-9)
    unit: NDArray[np.float32] = (rows / norms).astype(np.float32)
    return unit

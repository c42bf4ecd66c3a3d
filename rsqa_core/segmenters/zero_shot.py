"""Zero-shot patch segmentation: each place gets the class whose words its token is closest to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from rsqa_core.raster.interpolation import spread_over
from rsqa_core.segmenters.network import FeatureReference, Segmentation
from rsqa_core.segmenters.token_view import (
    Array,
    TokenEncoder,
    prompt_reference,
    token_canvas,
)

TEMPERATURE = 0.04
"""What cosine similarities are divided by before the softmax."""


class EncoderSegmenter:
    """What a segmenter is made of that needs an encoder and class names; see its two kinds.

    Args:
        name: what its candidates are called.
        encoder: gives tokens in the space of its texts.
        classes: class names by id.
        vectors: (K, D) float32 unit vectors of the classes' prompts by the same encoder.
        trained_on: SHA-256 of source images that the encoder is known to have seen.
        options: what else its answers depend on.
    """

    def __init__(
        self,
        name: str,
        encoder: TokenEncoder,
        classes: tuple[str, ...],
        vectors: Array,
        trained_on: Collection[str],
        options: object,
    ) -> None:
        self.name = name
        self.classes = classes
        self.trained_on = frozenset(trained_on)
        self.reference: FeatureReference | None = prompt_reference(vectors)
        self.fingerprint = encoder_fingerprint(name, encoder, classes, vectors, options)
        self._encoder = encoder
        self._vectors = vectors


class ZeroShotSegmenter(EncoderSegmenter):
    """Segments into any classes that have a name, with nothing trained for them."""

    def __init__(
        self,
        name: str,
        encoder: TokenEncoder,
        classes: tuple[str, ...],
        vectors: Array,
        trained_on: Collection[str] = (),
        *,
        temperature: float = TEMPERATURE,
    ) -> None:
        super().__init__(name, encoder, classes, vectors, trained_on, temperature)
        self._temperature = temperature

    def predict(self, rgb: NDArray[np.uint8]) -> Segmentation:
        """Segment one (3, H, W) uint8 image.

        Raises:
            InvalidInputError: it has another form, or the encoder gives no tokens.
        """
        seen = token_canvas(self._encoder, rgb)
        probs = class_probs(seen.canvas, self._vectors, self._temperature, rgb.shape[1:])
        return Segmentation(
            mask=probs.argmax(axis=0).astype(np.uint8),
            probs=probs,
            features={"encoder": seen.whole, "decoder": seen.canvas},
        )


def class_probs(canvas: Array, vectors: Array, temperature: float, shape: tuple[int, ...]) -> Array:
    """Return (K, H, W) float32 probabilities of a (D, h, w) canvas by its (K, D) prompts."""
    similarity = np.tensordot(vectors, canvas, axes=1).astype(np.float32)
    logits = spread_over(similarity / np.float32(temperature), shape[0], shape[1])
    probs: Array = softmax(logits, axis=0)
    return np.ascontiguousarray(probs, dtype=np.float32)


def encoder_fingerprint(
    name: str, encoder: TokenEncoder, classes: tuple[str, ...], vectors: Array, *options: object
) -> str:
    """Name a segmenter by everything that its answers depend on."""
    digest = hashlib.sha256()
    digest.update(
        json.dumps([name, encoder.fingerprint, classes, [str(o) for o in options]]).encode()
    )
    digest.update(np.ascontiguousarray(vectors).tobytes())
    return digest.hexdigest()

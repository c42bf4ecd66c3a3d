"""Clusters that the encoder's words name: an unsupervised segmenter with classes."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from rsqa_core.segmenters.autoencoders import ClusteringOptions, cluster_bands
from rsqa_core.segmenters.network import Segmentation
from rsqa_core.segmenters.token_view import (
    CANVAS,
    Array,
    TokenEncoder,
    token_canvas,
)
from rsqa_core.segmenters.zero_shot import TEMPERATURE, EncoderSegmenter, class_probs

_TEXTURE_PX = 9


class ClusterSegmenter(EncoderSegmenter):
    """Clusters pixels (see `autoencoders`) and names each cluster by the votes of its tokens."""

    def __init__(
        self,
        name: str,
        encoder: TokenEncoder,
        classes: tuple[str, ...],
        vectors: Array,
        trained_on: Collection[str] = (),
        *,
        options: ClusteringOptions | None = None,
    ) -> None:
        self._options = options or ClusteringOptions()
        super().__init__(name, encoder, classes, vectors, trained_on, self._options)

    def predict(self, rgb: NDArray[np.uint8]) -> Segmentation:
        """Segment one (3, H, W) uint8 image.

        The feature ``decoder`` is at each place the mean token of the cluster there.

        Raises:
            InvalidInputError: it has another form, or the encoder gives no tokens.
        """
        seen = token_canvas(self._encoder, rgb)
        found = cluster_bands(bands_of(rgb), self._options)
        shape = found.labels.shape
        votes = class_probs(seen.canvas, self._vectors, TEMPERATURE, shape)
        count = found.memberships.shape[0]
        named = cluster_classes(found.labels, votes, count)
        probs = np.zeros((len(self.classes), *shape), dtype=np.float32)
        for cluster in range(count):
            probs[named[cluster]] += found.memberships[cluster]
        return Segmentation(
            mask=probs.argmax(axis=0).astype(np.uint8),
            probs=probs,
            features={
                "encoder": seen.whole,
                "decoder": _cluster_tokens(seen.canvas, found.labels, count),
            },
        )


def bands_of(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return (5, H, W) float32: the three bands, and local mean and spread of their brightness.

    With the spread among the bands, stretching by pixel keeps how bright a smooth place is.
    """
    colour = rgb.astype(np.float32)
    grey = colour.mean(axis=0)
    mean = ndimage.uniform_filter(grey, _TEXTURE_PX)
    square = ndimage.uniform_filter(np.square(grey), _TEXTURE_PX)
    spread = np.sqrt(np.maximum(square - np.square(mean), 0))
    return np.concatenate([colour, mean[None], spread[None]])


def cluster_classes(labels: NDArray[np.uint8], votes: Array, count: int) -> list[int]:
    """Return the class of each of ``count`` clusters: the one with the largest sum of votes.

    Args:
        labels: (H, W) cluster of each pixel.
        votes: (K, H, W) probabilities by class.
    """
    sums = np.stack(
        [np.bincount(labels.ravel(), weights=v.ravel(), minlength=count) for v in votes]
    )
    return [int(k) for k in sums.argmax(axis=0)]


def _cluster_tokens(canvas: Array, labels: NDArray[np.uint8], count: int) -> Array:
    """Return (D, CANVAS, CANVAS): the mean token of the cluster at each place."""
    height, width = labels.shape
    rows = ((np.arange(CANVAS) + 0.5) * height / CANVAS).astype(np.int64)
    columns = ((np.arange(CANVAS) + 0.5) * width / CANVAS).astype(np.int64)
    places = labels[rows][:, columns].ravel()
    tokens = canvas.reshape(canvas.shape[0], -1)
    member = np.eye(count, dtype=np.float32)[places]
    means = (tokens @ member) / np.maximum(member.sum(axis=0), 1)
    return np.ascontiguousarray(means[:, places].reshape(canvas.shape), dtype=np.float32)

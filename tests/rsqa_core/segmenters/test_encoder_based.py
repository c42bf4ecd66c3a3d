"""Segmenters made from an encoder: tokens over the image, zero-shot classes, named clusters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from rsqa_core.encoders.openclip import ImageFeatures
from rsqa_core.errors import InvalidInputError, NotFoundError
from rsqa_core.features.segmenter_side import describe_consistency, describe_taps
from rsqa_core.raster.interpolation import spread_over
from rsqa_core.segmenters.autoencoders import ClusteringOptions
from rsqa_core.segmenters.cluster_classes import ClusterSegmenter, bands_of, cluster_classes
from rsqa_core.segmenters.encoder_based import ENCODER_SEGMENTERS, encoder_segmenter
from rsqa_core.segmenters.token_view import CANVAS, token_canvas
from rsqa_core.segmenters.zero_shot import ZeroShotSegmenter
from tests.rsqa_core.standins import ColourEncoder

CLASSES = ("red", "green", "blue")
VECTORS = np.eye(3, dtype=np.float32)


class PatchEncoder:
    """Its 4x4 tokens are the mean colours of the image's patches, as unit vectors."""

    def __init__(self, fingerprint: str = "f" * 64) -> None:
        self.fingerprint = fingerprint

    def encode_images(self, images: Sequence[NDArray[np.uint8]]) -> list[ImageFeatures]:
        return [self._one(image) for image in images]

    def _one(self, rgb: NDArray[np.uint8]) -> ImageFeatures:
        height, width = rgb.shape[1:]
        rows = (np.arange(height) * 4 // height)[:, None] * 4 + np.arange(width) * 4 // width
        tokens = np.stack(
            [
                np.bincount(rows.ravel(), weights=band.ravel(), minlength=16)
                / np.maximum(np.bincount(rows.ravel(), minlength=16), 1)
                for band in rgb
            ],
            axis=1,
        ).reshape(4, 4, 3)
        unit = tokens / np.maximum(np.linalg.norm(tokens, axis=2, keepdims=True), 1e-9)
        return ImageFeatures(unit.mean(axis=(0, 1)).astype(np.float32), unit.astype(np.float32))


def quarters(side: int = 64) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Red, green, blue and red again, with a little noise; and the mask of that."""
    half = side // 2
    mask = np.kron(np.array([[0, 1], [2, 0]]), np.ones((half, half))).astype(np.uint8)
    rgb = np.random.default_rng(0).normal(30, 4, (3, side, side))
    np.put_along_axis(rgb, mask[None].astype(np.int64), 220, axis=0)
    return rgb.clip(0, 255).astype(np.uint8), mask


@pytest.mark.parametrize("name", list(ENCODER_SEGMENTERS))
def test_planted_classes_are_found_by_their_words(name: str) -> None:
    rgb, mask = quarters()
    segmenter = encoder_segmenter(name, PatchEncoder(), CLASSES, VECTORS)

    given = segmenter.predict(rgb)

    assert (given.mask == mask).mean() > 0.85
    assert np.array_equal(given.mask, given.probs.argmax(axis=0))
    assert given.probs.shape == (3, 64, 64)
    assert given.probs.dtype == np.float32
    assert given.probs.sum(axis=0) == pytest.approx(np.ones((64, 64)), abs=1e-5)


@pytest.mark.parametrize("name", list(ENCODER_SEGMENTERS))
def test_their_features_are_described_like_those_of_a_network(name: str) -> None:
    rgb, _ = quarters()
    segmenter = encoder_segmenter(name, PatchEncoder(), CLASSES, VECTORS, {"seen"})
    given = segmenter.predict(rgb)

    assert segmenter.trained_on == {"seen"}
    assert given.features["encoder"].shape == (3, 4, 4)
    assert given.features["decoder"].shape == (3, CANVAS, CANVAS)
    taps = describe_taps(given, segmenter).values
    assert taps["tap_nearest_agreement"] > 0.8
    assert all(np.isfinite(list(taps.values())))
    consistency = describe_consistency(rgb, given, segmenter)
    assert all(0 <= value <= 1 for value in consistency.values.values())


@pytest.mark.parametrize("name", list(ENCODER_SEGMENTERS))
@pytest.mark.parametrize("shape", [(37, 70), (1, 1), (5, 3)])
def test_images_may_have_any_size(name: str, shape: tuple[int, int]) -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (3, *shape)).astype(np.uint8)

    given = encoder_segmenter(name, PatchEncoder(), CLASSES, VECTORS).predict(rgb)

    assert given.mask.shape == shape
    assert given.probs.sum(axis=0) == pytest.approx(np.ones(shape), abs=1e-5)


@pytest.mark.parametrize("name", list(ENCODER_SEGMENTERS))
def test_the_fingerprint_names_encoder_classes_and_prompts(name: str) -> None:
    def fingerprint(
        encoder: PatchEncoder,
        classes: tuple[str, ...] = CLASSES,
        vectors: NDArray[np.float32] = VECTORS,
    ) -> str:
        return encoder_segmenter(name, encoder, classes, vectors).fingerprint

    plain = fingerprint(PatchEncoder())
    assert plain == fingerprint(PatchEncoder())
    others = {
        fingerprint(PatchEncoder("e" * 64)),
        fingerprint(PatchEncoder(), ("red", "green", "water")),
        fingerprint(PatchEncoder(), CLASSES, -VECTORS),
    }
    assert len(others | {plain}) == 4


@pytest.mark.parametrize("name", list(ENCODER_SEGMENTERS))
def test_the_same_image_gives_the_same_answer(name: str) -> None:
    rgb, _ = quarters()
    first, second = (
        encoder_segmenter(name, PatchEncoder(), CLASSES, VECTORS).predict(rgb) for _ in range(2)
    )

    assert np.array_equal(first.probs, second.probs)


def test_windows_sharpen_what_the_whole_image_blurs() -> None:
    rgb, mask = quarters()
    seen = token_canvas(PatchEncoder(), rgb)

    assert np.linalg.norm(seen.canvas, axis=0) == pytest.approx(np.ones((CANVAS, CANVAS)), abs=1e-5)
    canvas_mask = mask[1::2, 1::2]
    whole = spread_over(seen.whole, CANVAS, CANVAS)
    own = np.take_along_axis(seen.canvas, canvas_mask[None].astype(np.int64), axis=0)
    blurred = np.take_along_axis(whole, canvas_mask[None].astype(np.int64), axis=0)
    assert own.mean() > blurred.mean()


def test_a_cluster_gets_the_class_with_most_votes() -> None:
    labels = np.array([[0, 0, 1]], dtype=np.uint8)
    votes = np.array([[[0.9, 0.2, 0.1]], [[0.1, 0.8, 0.9]]], dtype=np.float32)

    assert cluster_classes(labels, votes, 3) == [0, 1, 0]  # an empty cluster has no votes


def test_texture_bands_are_mean_and_spread_of_brightness() -> None:
    rgb = np.zeros((3, 20, 40), dtype=np.uint8)
    rgb[:, :, 20:] = np.where(np.arange(20) % 2, 100, 0)
    bands = bands_of(rgb)

    assert bands.shape == (5, 20, 40)
    assert bands[3:, :, :10].max() == 0
    assert bands[3, 10, 30] == pytest.approx(100 * 4 / 9, abs=6)
    assert bands[4, 10, 30] == pytest.approx(49.7, abs=1)


def test_sharper_temperatures_are_surer() -> None:
    rgb, _ = quarters()
    sure, unsure = (
        ZeroShotSegmenter("z", PatchEncoder(), CLASSES, VECTORS, temperature=t).predict(rgb)
        for t in (0.01, 1.0)
    )

    assert np.array_equal(sure.mask, unsure.mask)
    assert sure.probs.max(axis=0).mean() > unsure.probs.max(axis=0).mean() + 0.2


def test_more_clusters_are_another_segmenter() -> None:
    few, many = (
        ClusterSegmenter(
            "c", PatchEncoder(), CLASSES, VECTORS, options=ClusteringOptions(clusters=k)
        )
        for k in (4, 8)
    )
    assert few.fingerprint != many.fingerprint


@pytest.mark.parametrize("name", list(ENCODER_SEGMENTERS))
def test_what_cannot_be_segmented_is_refused(name: str) -> None:
    segmenter = encoder_segmenter(name, PatchEncoder(), CLASSES, VECTORS)
    with pytest.raises(InvalidInputError, match=r"\(3, H, W\) uint8"):
        segmenter.predict(np.zeros((4, 8, 8), dtype=np.uint8))
    blind = encoder_segmenter(name, ColourEncoder(with_tokens=False), CLASSES, VECTORS)
    with pytest.raises(InvalidInputError, match="no tokens"):
        blind.predict(np.zeros((3, 8, 8), dtype=np.uint8))


def test_unknown_names_are_refused_with_the_known_ones() -> None:
    with pytest.raises(NotFoundError, match="Did you mean 'zero-shot-patches'"):
        encoder_segmenter("zero-shot", PatchEncoder(), CLASSES, VECTORS)

"""Numbers of probabilities, tapped features and a segmenter's consistency, computed by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from rsqa_core.features.grids import CELL_SIDE, Described
from rsqa_core.features.names import GROUPS
from rsqa_core.features.segmenter_side import (
    describe_consistency,
    describe_probs,
    describe_taps,
)
from rsqa_core.segmenters.network import FeatureReference, Segmentation
from tests.rsqa_core.standins import BandSegmenter


def picture(seed: int = 0, side: int = 32) -> NDArray[np.uint8]:
    """Smooth random blobs, (3, side, side)."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, size=(3, side // 8, side // 8))
    return np.kron(coarse, np.ones((8, 8))).astype(np.uint8)


def require_means(described: Described, number_of: dict[str, str]) -> None:
    """Each grid's mean is the number of the whole candidate; holds where sizes divide evenly."""
    for cell, number in number_of.items():
        grid = described.cells[cell]
        assert grid.shape == (CELL_SIDE, CELL_SIDE), cell
        assert float(grid.mean()) == pytest.approx(described.values[number], abs=1e-5), cell


def test_probabilities_of_four_pixels_by_hand() -> None:
    first = np.array([[0.95, 0.6], [0.05, 0.2]], dtype=np.float32)
    probs = np.stack([first, 1 - first])
    mask = np.array([[0, 0], [1, 1]], dtype=np.uint8)

    values, cells = describe_probs(probs, mask)

    def entropy(p: float) -> float:
        return -(p * math.log(p) + (1 - p) * math.log(1 - p)) / math.log(2)

    certain, unsure, fair = entropy(0.95), entropy(0.6), entropy(0.8)
    assert values == pytest.approx(
        {
            "max_prob_mean": 0.825,
            "max_prob_std": math.sqrt(0.020625),
            "max_prob_q05": 0.63,
            "max_prob_q25": 0.75,
            "max_prob_q50": 0.875,
            "max_prob_boundary": 0.775,  # the upper row borders on the lower
            "max_prob_interior": 0.875,
            "max_prob_class_mean": 0.825,
            "max_prob_class_min": 0.775,
            "below_50": 0.0,
            "below_70": 0.25,
            "below_90": 0.5,
            "entropy_mean": (2 * certain + unsure + fair) / 4,
            "entropy_q75": fair + 0.25 * (unsure - fair),
            "entropy_q95": fair + 0.85 * (unsure - fair),
            "margin_mean": (0.9 + 0.2 + 0.9 + 0.6) / 4,
            "soft_iou": (1.55 / 2.25 + 1.75 / 2.45) / 2,
        },
        rel=1e-5,
    )
    assert values.keys() == set(GROUPS["probs"])
    # Each of the four pixels fills a quarter of the grid.
    assert cells["max_prob"][::4, ::4].tolist() == [
        pytest.approx([0.95, 0.6]),
        pytest.approx([0.95, 0.8]),
    ]
    assert cells["margin"][::4, ::4].tolist() == [
        pytest.approx([0.9, 0.2]),
        pytest.approx([0.9, 0.6]),
    ]
    assert cells["entropy"][0, 4] == pytest.approx(unsure, rel=1e-5)


def test_cells_of_probabilities_are_their_numbers_place_by_place() -> None:
    probs = np.random.default_rng(0).dirichlet(np.ones(3), (16, 24)).transpose(2, 0, 1)
    probs = probs.astype(np.float32)

    described = describe_probs(probs, probs.argmax(axis=0).astype(np.uint8))

    require_means(
        described,
        {"max_prob": "max_prob_mean", "entropy": "entropy_mean", "margin": "margin_mean"},
    )
    assert described.cells["max_prob"][1, 2] == pytest.approx(probs.max(axis=0)[2:4, 6:9].mean())


def test_a_mask_of_one_class_has_no_outline_to_be_sure_of() -> None:
    probs = np.stack([np.full((4, 4), 0.7), np.full((4, 4), 0.3)]).astype(np.float32)

    values, _cells = describe_probs(probs, np.zeros((4, 4), dtype=np.uint8))

    assert math.isnan(values["max_prob_boundary"])
    assert values["max_prob_interior"] == pytest.approx(0.7)


def test_certain_probabilities_have_no_entropy() -> None:
    probs = np.zeros((3, 4, 4), dtype=np.float32)
    probs[1] = 1.0

    values, _cells = describe_probs(probs, np.ones((4, 4), dtype=np.uint8))

    assert values["entropy_mean"] == pytest.approx(0.0, abs=1e-4)
    assert values["soft_iou"] == pytest.approx(1.0)


def tapped(decoder: NDArray[np.float32], mask: NDArray[np.uint8]) -> Segmentation:
    encoder = np.array([[[1.0, 3.0]], [[2.0, 2.0]]], dtype=np.float32)
    probs = np.stack([mask == 0, mask == 1]).astype(np.float32)
    return Segmentation(mask, probs, {"decoder": decoder, "encoder": encoder})


def two_class_segmenter() -> BandSegmenter:
    segmenter = BandSegmenter("two", classes=("a", "b"))
    segmenter.reference = FeatureReference(
        centroids=np.eye(2, dtype=np.float32),
        pooled_mean=np.array([0.5, 0.5], dtype=np.float32),
        pooled_precision=np.array([[4.0, 0.0], [0.0, 1.0]], dtype=np.float32),
    )
    return segmenter


def test_tapped_features_by_hand() -> None:
    mask = np.kron(np.array([[0, 1]], dtype=np.uint8), np.ones((4, 4), dtype=np.uint8))
    decoder = np.array([[[3.0, 3.0]], [[4.0, 0.0]]], dtype=np.float32)  # at (0.6, 0.8) and (1, 0)

    values, cells = describe_taps(tapped(decoder, mask), two_class_segmenter())

    assert values.keys() == set(GROUPS["taps"])
    assert values["tap_similarity_mean"] == pytest.approx((0.6 + 0.0) / 2)
    assert values["tap_similarity_q10"] == pytest.approx(0.06)
    assert values["tap_margin_mean"] == pytest.approx((0.2 + 1.0) / 2)
    assert values["tap_nearest_agreement"] == 0.0
    # Mean feature (3, 2), so (2.5, 1.5) from the reference: (4 * 6.25 + 2.25) / 2 channels.
    assert values["tap_distance"] == pytest.approx(math.log1p((25 + 2.25) / 2))
    assert values["tap_encoder_spread"] == pytest.approx((1.0 + 0.0) / 2 / 2.0)
    assert cells["tap_similarity"][0].tolist() == pytest.approx([0.6] * 4 + [0.0] * 4)
    assert cells["tap_margin"][7].tolist() == pytest.approx([0.2] * 4 + [1.0] * 4)


def test_features_at_their_class_means_are_as_similar_as_can_be() -> None:
    mask = np.kron(np.array([[0, 1]], dtype=np.uint8), np.ones((4, 4), dtype=np.uint8))
    decoder = np.array([[[1.0, 0.0]], [[0.0, 1.0]]], dtype=np.float32)

    values, _cells = describe_taps(tapped(decoder, mask), two_class_segmenter())

    assert values["tap_similarity_mean"] == pytest.approx(1.0)
    assert values["tap_nearest_agreement"] == 1.0
    assert values["tap_distance"] == pytest.approx(0.0)


def test_without_a_reference_taps_say_nothing() -> None:
    segmenter = two_class_segmenter()
    segmenter.reference = None
    mask = np.zeros((4, 8), dtype=np.uint8)

    found = describe_taps(tapped(np.ones((2, 1, 2), dtype=np.float32), mask), segmenter)

    assert found == ({}, {})


class SideSegmenter(BandSegmenter):
    """Says class 0 on the left and class 1 on the right, whatever the picture shows."""

    def predict(self, rgb: NDArray[np.uint8]) -> Segmentation:
        mask = np.zeros(rgb.shape[1:], dtype=np.uint8)
        mask[:, mask.shape[1] // 2 :] = 1
        probs = np.stack([mask == 0, mask == 1]).astype(np.float32)
        return Segmentation(mask, probs, {})


def test_an_answer_by_place_survives_light_and_scale_but_no_flip() -> None:
    rgb, segmenter = picture(), SideSegmenter("side", classes=("a", "b"))

    values, cells = describe_consistency(rgb, segmenter.predict(rgb), segmenter)

    assert values == pytest.approx(
        {
            "scale_agreement": 1.0,
            "scale_prob_gap": 0.0,
            "flip_agreement": 0.0,
            "light_agreement": 1.0,
        }
    )
    assert cells["flip_gap"].min() == 1.0  # all of the probability moved, everywhere
    assert cells["light_gap"].max() == cells["scale_gap"].max() == 0.0


def test_an_answer_by_brightness_survives_flip_and_scale_but_not_light() -> None:
    rgb, segmenter = picture(), BandSegmenter("bands")

    values, cells = describe_consistency(rgb, segmenter.predict(rgb), segmenter)

    assert values["flip_agreement"] == 1.0
    assert values["scale_agreement"] == pytest.approx(1.0)
    assert values["scale_prob_gap"] == pytest.approx(0.0, abs=1e-6)
    assert values["light_agreement"] < 0.8
    assert cells["flip_gap"].max() == pytest.approx(0.0, abs=1e-6)
    assert cells["light_gap"].mean() > 0.1


def test_consistency_works_on_odd_sizes() -> None:
    rgb = np.ascontiguousarray(picture(side=40)[:, :37, :21])
    segmenter = BandSegmenter("bands")

    values, cells = describe_consistency(rgb, segmenter.predict(rgb), segmenter)

    assert all(0.0 <= value <= 1.0 for value in values.values())
    for name in ("scale_gap", "flip_gap", "light_gap"):
        assert cells[name].shape == (CELL_SIDE, CELL_SIDE)
        assert 0.0 <= cells[name].min() <= cells[name].max() <= 1.0 + 1e-6
    assert cells["scale_gap"].mean() == pytest.approx(values["scale_prob_gap"], abs=0.02)

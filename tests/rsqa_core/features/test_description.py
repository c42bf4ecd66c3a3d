"""Whole rows: their order, and what is missing in them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from rsqa_core.encoders.captions import SCENE_PROMPTS
from rsqa_core.features.description import (
    context_rows,
    full_row,
    imported_row,
    segmenter_row,
)
from rsqa_core.features.masks import PictureGrid, describe_mask
from rsqa_core.features.names import (
    CONTEXT_GROUPS,
    FEATURE_NAMES,
    GROUPS,
    IMAGE_STATISTICS,
    SEGMENTER_GROUPS,
    names_of,
)
from rsqa_core.features.semantic import SemanticDescriber, image_statistics
from tests.rsqa_core.standins import CLASSES, BandSegmenter, ColourEncoder


def picture(seed: int = 0, side: int = 32) -> NDArray[np.uint8]:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, size=(3, side // 8, side // 8))
    return np.kron(coarse, np.ones((8, 8))).astype(np.uint8)


def known_groups(row: NDArray[np.float32], groups: tuple[str, ...]) -> set[str]:
    """The groups of which at least one number is there."""
    values = dict(zip(names_of(groups), row, strict=True))
    return {g for g in groups if any(np.isfinite(values[name]) for name in GROUPS[g])}


def test_every_group_is_of_one_side_and_no_name_comes_twice() -> None:
    assert sorted(SEGMENTER_GROUPS + CONTEXT_GROUPS) == sorted(GROUPS)
    assert len(set(FEATURE_NAMES)) == len(FEATURE_NAMES)


def test_a_full_row_is_in_the_order_of_the_names() -> None:
    number_of = {name: float(i) for i, name in enumerate(FEATURE_NAMES)}
    own = np.array([number_of[n] for n in names_of(SEGMENTER_GROUPS)], dtype=np.float32)
    context = np.array([number_of[n] for n in names_of(CONTEXT_GROUPS)], dtype=np.float32)

    row = full_row(own, context)

    assert row.dtype == np.float32
    assert row.tolist() == list(range(len(FEATURE_NAMES)))


def test_a_live_candidate_has_every_number_of_its_segmenter() -> None:
    rgb, segmenter = picture(), BandSegmenter("bands")
    segmentation = segmenter.predict(rgb)

    row = segmenter_row(rgb, segmentation, segmenter, segmentation.probs, segmentation.mask)

    assert row.shape == (len(names_of(SEGMENTER_GROUPS)),)
    assert np.isfinite(row).all()


def test_a_segmenter_without_reference_lacks_the_taps_only() -> None:
    rgb, segmenter = picture(), BandSegmenter("bands")
    segmenter.reference = None
    segmentation = segmenter.predict(rgb)

    row = segmenter_row(rgb, segmentation, segmenter, segmentation.probs, segmentation.mask)

    assert known_groups(row, SEGMENTER_GROUPS) == {"probs", "consistency"}


def test_an_imported_mask_has_its_probabilities_or_nothing() -> None:
    segmentation = BandSegmenter("bands").predict(picture())
    with_probs = imported_row(segmentation.probs, segmentation.mask)

    assert known_groups(with_probs, SEGMENTER_GROUPS) == {"probs"}
    assert np.isnan(imported_row(None, segmentation.mask)).all()
    assert np.isnan(imported_row(segmentation.probs[:1], segmentation.mask)).all()


def test_context_rows_hold_each_candidate_and_all_groups() -> None:
    rgb = picture()
    masks = [BandSegmenter("x", shift).predict(rgb).mask for shift in (0.0, 0.6)]
    describer = SemanticDescriber(ColourEncoder())
    tokens, vectors = describer.describe(rgb).tokens, describer.class_vectors(CLASSES)

    rows = context_rows(PictureGrid(rgb), masks, CLASSES, tokens, vectors)

    assert len(rows) == 2
    for row, mask in zip(rows, masks, strict=True):
        assert known_groups(row, CONTEXT_GROUPS) == set(CONTEXT_GROUPS)
        values = dict(zip(names_of(CONTEXT_GROUPS), row, strict=True))
        for name, value in describe_mask(mask, CLASSES).items():
            assert values[name] == pytest.approx(value, rel=1e-6)


def test_without_tokens_or_peers_those_groups_are_missing() -> None:
    rgb = picture()
    mask = BandSegmenter("x").predict(rgb).mask
    vectors = SemanticDescriber(ColourEncoder()).class_vectors(CLASSES)

    (row,) = context_rows(PictureGrid(rgb), [mask], CLASSES, None, vectors)

    assert known_groups(row, CONTEXT_GROUPS) == {"mask", "picture"}


def test_an_image_is_embedding_prompt_likeness_and_statistics() -> None:
    encoder = ColourEncoder()
    rgb = picture(3)

    seen = SemanticDescriber(encoder).describe(rgb)

    pooled = encoder.encode_images([rgb])[0].pooled
    prompts = encoder.encode_texts(SCENE_PROMPTS)
    assert seen.vector.shape == (encoder.dim + len(SCENE_PROMPTS) + len(IMAGE_STATISTICS),)
    assert seen.vector[: encoder.dim] == pytest.approx(pooled)
    assert seen.vector[encoder.dim : -len(IMAGE_STATISTICS)] == pytest.approx(prompts @ pooled)
    assert seen.vector[-len(IMAGE_STATISTICS) :] == pytest.approx(
        image_statistics(PictureGrid(rgb))
    )


def test_an_encoder_without_text_resembles_no_prompt_and_leaves_agreement_missing() -> None:
    encoder, rgb = ColourEncoder(has_text=False), picture(3)
    describer = SemanticDescriber(encoder)

    seen, vectors = describer.describe(rgb), describer.class_vectors(CLASSES)

    assert not describer.has_text
    assert seen.vector.shape == SemanticDescriber(ColourEncoder()).describe(rgb).vector.shape
    assert seen.vector[: encoder.dim] == pytest.approx(encoder.encode_images([rgb])[0].pooled)
    assert not seen.vector[encoder.dim : -len(IMAGE_STATISTICS)].any()
    assert not vectors.any()
    mask = BandSegmenter("x").predict(rgb).mask
    (row,) = context_rows(PictureGrid(rgb), [mask], CLASSES, seen.tokens, vectors)
    assert known_groups(row, CONTEXT_GROUPS) == {"mask", "picture"}


def test_statistics_of_a_flat_picture_by_hand() -> None:
    rgb = np.zeros((3, 16, 16), dtype=np.uint8)
    rgb[0], rgb[1], rgb[2] = 51, 102, 204  # 0.2, 0.4, 0.8

    values = dict(zip(IMAGE_STATISTICS, image_statistics(PictureGrid(rgb)), strict=True))

    assert values == pytest.approx(
        {
            "brightness": 1.4 / 3,
            "contrast": 0.0,
            "saturation": 0.6,
            "edge_density": 0.0,
            "greenness": 0.8 - 1.0,
            "blueness": 1.6 - 0.6,
        },
        abs=1e-6,
    )


def test_class_vectors_are_unit_means_of_the_prompts() -> None:
    vectors = SemanticDescriber(ColourEncoder()).class_vectors(CLASSES)

    assert vectors.shape == (len(CLASSES), ColourEncoder.DIM)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(len(CLASSES)))

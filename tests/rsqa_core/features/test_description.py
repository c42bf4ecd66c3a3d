"""Whole rows: their order, and what is missing in them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from rsqa_core.encoders.captions import SCENE_PROMPTS
from rsqa_core.features.consensus import consensus_of
from rsqa_core.features.description import (
    ContextSide,
    SegmenterSide,
    context_sides,
    imported_side,
    joined,
    segmenter_side,
)
from rsqa_core.features.grids import CELL_SIDE, SOFT_SIDE, pooled
from rsqa_core.features.masks import PictureGrid, describe_mask
from rsqa_core.features.names import (
    CELL_NAMES,
    CONTEXT_CELLS,
    CONTEXT_GROUPS,
    FEATURE_NAMES,
    GROUPS,
    IMAGE_STATISTICS,
    SEGMENTER_CELLS,
    SEGMENTER_GROUPS,
    names_of,
)
from rsqa_core.features.semantic import SemanticDescriber, image_statistics, tokens_by_cell
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


def known_cells(cells: NDArray[np.float32], names: tuple[str, ...]) -> set[str]:
    assert cells.shape == (len(names), CELL_SIDE, CELL_SIDE)
    return {name for name, grid in zip(names, cells, strict=True) if np.isfinite(grid).all()}


def numbered_sides() -> tuple[SegmenterSide, ContextSide]:
    """Sides in which every number is the place of its name; cells count on by their place."""
    number_of = {name: float(i) for i, name in enumerate(FEATURE_NAMES)}
    cell_of = {name: 100.0 * i for i, name in enumerate(CELL_NAMES)}
    places = np.arange(CELL_SIDE**2, dtype=np.float32).reshape(CELL_SIDE, CELL_SIDE)
    own = SegmenterSide(
        np.array([number_of[n] for n in names_of(SEGMENTER_GROUPS)], dtype=np.float32),
        np.stack([cell_of[n] + places for n in SEGMENTER_CELLS]).astype(np.float32),
        None,
    )
    context = ContextSide(
        np.array([number_of[n] for n in names_of(CONTEXT_GROUPS)], dtype=np.float32),
        np.stack([cell_of[n] + places for n in CONTEXT_CELLS]).astype(np.float32),
        np.array([0.5, np.nan, 0.25], dtype=np.float32),
    )
    return own, context


def test_joined_sides_are_in_the_order_of_the_names_row_by_row() -> None:
    own, context = (side.packed() for side in numbered_sides())

    rows, cells, ious = joined(np.stack([own, -own]), np.stack([context, -context]))

    assert rows.dtype == cells.dtype == np.float32
    assert rows[0].tolist() == list(range(len(FEATURE_NAMES)))
    np.testing.assert_array_equal(ious[0], np.array([0.5, np.nan, 0.25], dtype=np.float32))
    for first, second in ((rows[0], rows[1]), (cells[0], cells[1]), (ious[0], ious[1])):
        np.testing.assert_array_equal(second, -first)
    cells = cells[0]
    assert cells.shape == (CELL_SIDE**2, len(CELL_NAMES))
    assert cells[0].tolist() == [100.0 * i for i in range(len(CELL_NAMES))]
    assert cells[:, 1].tolist() == [100.0 + place for place in range(CELL_SIDE**2)]
    assert len(set(CELL_NAMES)) == len(CELL_NAMES)


def test_sides_come_back_from_one_row() -> None:
    own, context = numbered_sides()
    own.cells[3] = np.nan  # as without a reference for the taps
    soft = np.full((3, SOFT_SIDE, SOFT_SIDE), 1 / 3, dtype=np.float32)

    same = SegmenterSide.unpacked(own.packed(), soft)
    also = ContextSide.unpacked(context.packed())

    assert own.packed().ndim == context.packed().ndim == 1
    np.testing.assert_array_equal(same.row, own.row)
    np.testing.assert_array_equal(same.cells, own.cells)
    assert same.soft is soft
    assert SegmenterSide.unpacked(own.packed(), None).soft is None
    np.testing.assert_array_equal(also.row, context.row)
    np.testing.assert_array_equal(also.cells, context.cells)
    np.testing.assert_array_equal(also.class_iou, context.class_iou)


def test_a_live_candidate_has_every_number_of_its_segmenter() -> None:
    rgb, segmenter = picture(), BandSegmenter("bands")
    segmentation = segmenter.predict(rgb)

    side = segmenter_side(rgb, segmentation, segmenter, segmentation.probs, segmentation.mask)

    assert side.row.shape == (len(names_of(SEGMENTER_GROUPS)),)
    assert np.isfinite(side.row).all()
    assert known_cells(side.cells, SEGMENTER_CELLS) == set(SEGMENTER_CELLS)
    assert side.soft is not None
    assert np.array_equal(side.soft, pooled(segmentation.probs, SOFT_SIDE))
    assert side.soft.sum(axis=0) == pytest.approx(np.ones((SOFT_SIDE, SOFT_SIDE)), abs=1e-5)


def test_a_segmenter_without_reference_lacks_the_taps_only() -> None:
    rgb, segmenter = picture(), BandSegmenter("bands")
    segmenter.reference = None
    segmentation = segmenter.predict(rgb)

    side = segmenter_side(rgb, segmentation, segmenter, segmentation.probs, segmentation.mask)

    assert known_groups(side.row, SEGMENTER_GROUPS) == {"probs", "consistency"}
    assert known_cells(side.cells, SEGMENTER_CELLS) == set(SEGMENTER_CELLS) - {
        "tap_similarity",
        "tap_margin",
    }


def test_an_imported_mask_has_its_probabilities_or_nothing() -> None:
    segmentation = BandSegmenter("bands").predict(picture())
    with_probs = imported_side(segmentation.probs, segmentation.mask)

    assert known_groups(with_probs.row, SEGMENTER_GROUPS) == {"probs"}
    assert known_cells(with_probs.cells, SEGMENTER_CELLS) == {"max_prob", "entropy", "margin"}
    assert with_probs.soft is not None
    assert with_probs.soft.shape == (len(CLASSES), SOFT_SIDE, SOFT_SIDE)
    for nothing in (
        imported_side(None, segmentation.mask),
        imported_side(segmentation.probs[:1], segmentation.mask),
    ):
        assert np.isnan(nothing.row).all()
        assert np.isnan(nothing.cells).all()
        assert nothing.soft is None


def test_context_holds_each_candidate_and_all_groups() -> None:
    rgb = picture()
    answers = [BandSegmenter("x", shift).predict(rgb) for shift in (0.0, 0.6)]
    masks = [answer.mask for answer in answers]
    soft = [pooled(answers[0].probs, SOFT_SIDE), None]
    describer = SemanticDescriber(ColourEncoder())
    tokens, vectors = describer.describe(rgb).tokens, describer.class_vectors(CLASSES)

    sides = context_sides(PictureGrid(rgb), masks, soft, CLASSES, tokens, vectors)

    assert len(sides) == 2
    consensus = consensus_of(masks, soft, len(CLASSES))
    for index, (side, mask) in enumerate(zip(sides, masks, strict=True)):
        assert known_groups(side.row, CONTEXT_GROUPS) == set(CONTEXT_GROUPS)
        assert known_cells(side.cells, CONTEXT_CELLS) == set(CONTEXT_CELLS)
        values = dict(zip(names_of(CONTEXT_GROUPS), side.row, strict=True))
        for name, value in describe_mask(mask, CLASSES).values.items():
            assert values[name] == pytest.approx(value, rel=1e-6)
        assert values["consensus_accuracy"] == pytest.approx(float(consensus.own()[index].mean()))
        np.testing.assert_allclose(
            side.class_iou, consensus.expected_iou()[index].astype(np.float32)
        )


def test_what_peers_are_sure_of_moves_the_consensus() -> None:
    rgb = picture()
    answers = [BandSegmenter("x", shift).predict(rgb) for shift in (0.0, 0.6)]
    masks = [answer.mask for answer in answers]
    vectors = SemanticDescriber(ColourEncoder()).class_vectors(CLASSES)
    soft = [pooled(answer.probs, SOFT_SIDE) for answer in answers]

    told, bare = (
        context_sides(PictureGrid(rgb), masks, given, CLASSES, None, vectors)[0]
        for given in (soft, [None, None])
    )

    place = names_of(CONTEXT_GROUPS).index("consensus_accuracy")
    assert abs(float(told.row[place] - bare.row[place])) > 0.01


def test_without_tokens_or_peers_those_groups_are_missing() -> None:
    rgb = picture()
    answer = BandSegmenter("x").predict(rgb)
    vectors = SemanticDescriber(ColourEncoder()).class_vectors(CLASSES)

    (side,) = context_sides(
        PictureGrid(rgb), [answer.mask], [pooled(answer.probs, SOFT_SIDE)], CLASSES, None, vectors
    )

    assert known_groups(side.row, CONTEXT_GROUPS) == {"mask", "picture"}
    assert known_cells(side.cells, CONTEXT_CELLS) == {
        "boundary",
        "majority_share",
        "component_log",
        "boundary_distance",
        "gradient",
        "colour_likelihood",
        "labelled",
    }
    assert side.class_iou.shape == (len(CLASSES),)
    assert np.isnan(side.class_iou).all()


def test_the_encoders_view_of_each_cell_is_that_of_the_token_on_it() -> None:
    rest = len(SCENE_PROMPTS) + len(IMAGE_STATISTICS)
    vector = np.concatenate([[0.5, -0.5], np.zeros(rest)]).astype(np.float32)
    tokens = np.arange(8, dtype=np.float32).reshape(2, 2, 2)

    seen = tokens_by_cell(vector, tokens.ravel())

    assert seen.shape == (CELL_SIDE**2, 2)
    grid = seen.reshape(CELL_SIDE, CELL_SIDE, 2)
    assert np.array_equal(grid[::4, ::4], tokens)
    assert np.array_equal(grid[3, 3], tokens[0, 0])


def test_without_tokens_every_cell_is_seen_as_the_image() -> None:
    rest = len(SCENE_PROMPTS) + len(IMAGE_STATISTICS)
    vector = np.concatenate([[0.5, -0.5], np.ones(rest)]).astype(np.float32)

    assert tokens_by_cell(vector, None).tolist() == [[0.5, -0.5]] * CELL_SIDE**2


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
    (side,) = context_sides(PictureGrid(rgb), [mask], [None], CLASSES, seen.tokens, vectors)
    assert known_groups(side.row, CONTEXT_GROUPS) == {"mask", "picture"}


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

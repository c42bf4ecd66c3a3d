"""Labelled candidates from imagery with reference masks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from rsqa_core.errors import InvalidInputError
from rsqa_core.features.description import context_rows, full_row, segmenter_row
from rsqa_core.features.masks import PictureGrid
from rsqa_core.features.semantic import SemanticDescriber
from rsqa_core.metrics import overall_accuracy
from rsqa_core.records import VOID
from rsqa_core.training.head_data import HeadImage, describe_images
from tests.rsqa_core.standins import CLASSES, BandSegmenter, ColourEncoder


def image(seed: int, fold: str = "north") -> HeadImage:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, size=(3, 4, 4))
    rgb = np.kron(coarse, np.ones((8, 8))).astype(np.uint8)
    mask = BandSegmenter("truth").predict(rgb).mask
    return HeadImage(rgb, mask, CLASSES, f"source {seed}", fold)


@pytest.fixture
def segmenters() -> list[BandSegmenter]:
    return [BandSegmenter("right"), BandSegmenter("off", shift=0.4)]


def test_every_image_gets_a_row_a_segmenter(segmenters: list[BandSegmenter]) -> None:
    images = [image(0), image(1, ""), image(2, "south")]

    data = describe_images(images, 3, segmenters, SemanticDescriber(ColourEncoder()))

    assert data.sources == ("source 0", "source 1", "source 2")
    assert data.fold_names == ("north", "", "south")
    assert data.image_of_row.tolist() == [0, 0, 1, 1, 2, 2]
    assert data.embedding_dim == ColourEncoder.DIM
    assert data.weights.tolist() == [1.0] * 6
    assert data.targets[::2].tolist() == [1.0] * 3  # the reference came from the same bands
    expected = [
        overall_accuracy(segmenters[1].predict(each.rgb).mask, each.reference_mask)
        for each in images
    ]
    assert data.targets[1::2] == pytest.approx([e.overall_accuracy for e in expected if e])


def test_rows_are_those_that_scoring_describes(segmenters: list[BandSegmenter]) -> None:
    describer = SemanticDescriber(ColourEncoder())
    one = image(0)

    data = describe_images([one], 1, segmenters, describer)

    seen = describer.describe(one.rgb)
    answers = [segmenter.predict(one.rgb) for segmenter in segmenters]
    context = context_rows(
        PictureGrid(one.rgb),
        [answer.mask for answer in answers],
        CLASSES,
        seen.tokens,
        describer.class_vectors(CLASSES),
    )
    for row, answer, segmenter, peers in zip(data.rows, answers, segmenters, context, strict=True):
        own = segmenter_row(one.rgb, answer, segmenter, answer.probs, answer.mask)
        np.testing.assert_allclose(row, full_row(own, peers), rtol=1e-5)
    assert data.semantic[0] == pytest.approx(seen.vector)


def test_images_without_a_labelled_pixel_are_left_out(segmenters: list[BandSegmenter]) -> None:
    bare = image(1)
    bare.reference_mask[:] = VOID

    data = describe_images(
        [image(0), bare, image(2)], 3, segmenters, SemanticDescriber(ColourEncoder())
    )

    assert data.sources == ("source 0", "source 2")
    assert data.image_of_row.tolist() == [0, 0, 1, 1]
    with pytest.raises(InvalidInputError, match="labelled pixels"):
        describe_images([bare], 1, segmenters, SemanticDescriber(ColourEncoder()))


def test_masks_are_compared_in_the_classes_of_the_image(segmenters: list[BandSegmenter]) -> None:
    one = image(0)
    two_class = HeadImage(
        one.rgb,
        (one.reference_mask == CLASSES.index("Building")).astype(np.uint8),
        ("background", "building"),
        "source 0",
        "north",
        {"*": "background"},
    )

    data = describe_images([one, two_class], 2, segmenters, SemanticDescriber(ColourEncoder()))

    assert data.targets[2] == 1.0
    assert data.targets[3] > data.targets[1]  # confusing land with road no longer counts


def test_images_are_drawn_one_at_a_time(segmenters: list[BandSegmenter]) -> None:
    steps: list[tuple[str, int]] = []

    def drawn() -> Iterator[HeadImage]:
        for seed in range(3):
            steps.append(("drawn", seed))
            yield image(seed)

    def progress(step: str, done: int, total: int) -> None:
        assert total == 3
        steps.append((step, done))

    describe_images(drawn(), 3, segmenters, SemanticDescriber(ColourEncoder()), progress=progress)

    assert steps[:4] == [
        ("drawn", 0),
        ("describing candidates", 0),
        ("drawn", 1),
        ("describing candidates", 1),
    ]

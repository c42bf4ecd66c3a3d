"""Purification: which coarse pairs stay, with which caption, and what the report says."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from rsqa_core.errors import InvalidInputError
from rsqa_core.training.crops import LabelledScene
from rsqa_core.training.pairs import PickedPair, pick
from rsqa_core.training.pairs.scene_crops import SceneCropOptions, SceneCropPairs
from rsqa_core.training.purification import (
    CoarseImage,
    Embedded,
    Fate,
    MaskOrNeighbourRefiner,
    PurificationOptions,
    corruption_found,
    embed_pairs,
    purification_report,
    purified_pairs,
    purify,
)
from tests.rsqa_core.training.tiny import SIDE_PX, ColourPairs, tiny_towers


class Said:
    """Refines to one caption, or to none."""

    def __init__(self, text: str | None) -> None:
        self.text = text
        self.asked: list[str] = []

    def refine(self, image: CoarseImage) -> str | None:
        self.asked.append(image.key)
        return self.text


class Letters:
    """Towers that read similarities: the text ``0.4`` has the vector (0.4, ...)."""

    def embed_texts(self, texts: Any, device: str) -> Any:
        first = np.array([float(text) for text in texts])
        return np.stack([first, np.sqrt(1 - first**2)], axis=1).astype(np.float32)


def scored(similarities: list[float]) -> Embedded:
    """Return coarse pairs of the given similarities; every image has the vector (1, 0)."""
    source = ColourPairs(len(similarities), coarse=range(len(similarities)))
    pairs = tuple(PickedPair(source, i, str(value)) for i, value in enumerate(similarities))
    images = np.tile(np.array([[1.0, 0.0]], dtype=np.float32), (len(similarities), 1))
    return Embedded(pairs, images, Letters().embed_texts([p.caption for p in pairs], ""), ())


def outcomes(similarities: list[float], said: Said, options: PurificationOptions) -> list[str]:
    towers: Any = Letters()
    return [fate.outcome for fate in purify(towers, scored(similarities), said, options)]


def test_shares_discard_the_lowest_and_refine_the_next() -> None:
    said = Said("0.9")

    found = outcomes([0.5, 0.1, 0.7, 0.3, 0.8], said, PurificationOptions(0.2, None, 0.4, None))

    assert found == ["refined", "discarded", "kept", "refined", "kept"]
    assert said.asked == ["colour 0", "colour 3"]


def test_thresholds_take_the_place_of_shares() -> None:
    options = PurificationOptions(discard_below=0.2, refine_below=0.6)

    found = outcomes([0.1, 0.19, 0.2, 0.59, 0.6], Said("0.9"), options)

    assert found == ["discarded", "discarded", "refined", "refined", "kept"]


def test_a_share_to_refine_counts_from_the_threshold_to_discard() -> None:
    options = PurificationOptions(discard_below=0.35, refine_share=0.2)

    found = outcomes([0.1, 0.2, 0.3, 0.4, 0.5], Said("0.9"), options)

    assert found == ["discarded", "discarded", "discarded", "refined", "kept"]


@pytest.mark.parametrize("text", [None, "0.2"])
def test_a_caption_that_is_not_refined_for_the_better_costs_the_pair(text: str | None) -> None:
    options = PurificationOptions(discard_share=0, refine_below=0.5)

    assert outcomes([0.4, 0.8], Said(text), options) == ["discarded", "kept"]


def test_nothing_is_touched_when_nothing_is_asked() -> None:
    said = Said("0.9")

    found = outcomes([-0.3, 0.2, 0.9], said, PurificationOptions(0, None, 0, None))

    assert found == ["kept"] * 3
    assert said.asked == []


def test_all_can_be_discarded() -> None:
    assert outcomes([0.1, 0.9], Said(None), PurificationOptions(1.0, None, 0.0, None)) == [
        "discarded",
        "discarded",
    ]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (PurificationOptions(discard_share=0.7, refine_share=0.7), "together at most 1"),
        (PurificationOptions(discard_share=-0.1), "0 or more"),
        (PurificationOptions(discard_below=1.5), "between -1 and 1"),
    ],
)
def test_options_out_of_range_are_refused(options: PurificationOptions, text: str) -> None:
    with pytest.raises(InvalidInputError, match=text):
        outcomes([0.1], Said(None), options)


def test_purified_pairs_carry_the_caption_that_they_are_trained_with() -> None:
    towers: Any = Letters()
    fates = purify(
        towers,
        scored([0.1, 0.4, 0.8]),
        Said("0.9"),
        PurificationOptions(discard_below=0.2, refine_below=0.5),
    )

    assert [(pair.index, pair.caption) for pair in purified_pairs(fates)] == [
        (1, "0.9"),
        (2, "0.8"),
    ]


def refiner(classes: tuple[str, ...] = ("Building", "Water")) -> MaskOrNeighbourRefiner:
    """Return a refiner that knows three trusted images in a plane, at 0, 10 and 90 degrees."""
    angles = np.deg2rad([0.0, 10.0, 90.0])
    images = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    texts = images[[1, 0, 2]]
    return MaskOrNeighbourRefiner(
        images, texts, ["first", "second", "third"], classes, neighbours=2
    )


def coarse_image(mask: np.ndarray[Any, Any] | None = None) -> CoarseImage:
    return CoarseImage("it", "something", np.array([1.0, 0.0], dtype=np.float32), mask)


def test_a_mask_is_described_and_beats_the_neighbours() -> None:
    caption = refiner().refine(coarse_image(np.ones((8, 8), dtype=np.uint8)))

    assert caption is not None
    assert "water" in caption or "sea" in caption


def test_without_a_mask_the_best_caption_of_the_closest_trusted_images_is_taken() -> None:
    # The first two images are closest; the second one's caption agrees best with the image.
    assert refiner().refine(coarse_image()) == "second"


def test_a_mask_that_says_little_leaves_it_to_the_neighbours() -> None:
    unlabelled = np.full((8, 8), 255, dtype=np.uint8)

    assert refiner().refine(coarse_image(unlabelled)) == "second"


def test_a_refiner_without_trusted_pairs_has_nothing_to_offer() -> None:
    nothing = np.zeros((0, 2), dtype=np.float32)

    assert MaskOrNeighbourRefiner(nothing, nothing, [], ()).refine(coarse_image()) is None


def test_embedding_leaves_out_what_cannot_be_decoded() -> None:
    source = ColourPairs(5, broken=[2])

    found = embed_pairs(tiny_towers(), pick([source], trusted=True), SIDE_PX)

    assert [pair.index for pair in found.pairs] == [0, 1, 3, 4]
    assert found.images.shape == found.texts.shape == (4, 8)
    assert np.allclose(np.linalg.norm(found.images, axis=1), 1, atol=1e-5)
    assert [each.name for each in found.left_out] == ["colour 2"]


def test_the_report_counts_bins_and_shows_examples() -> None:
    towers: Any = Letters()
    fates = purify(
        towers,
        scored([0.1, 0.11, 0.42, 0.8]),
        Said("0.9"),
        PurificationOptions(discard_below=0.105, refine_below=0.5),
    )

    report = json.loads(json.dumps(purification_report(fates, examples=1)))

    assert (report["coarse"], report["kept"], report["refined"], report["discarded"]) == (
        4,
        1,
        2,
        1,
    )
    assert report["similarity_histogram"] == [
        {"from": 0.1, "kept": 0, "refined": 1, "discarded": 1},
        {"from": 0.4, "kept": 0, "refined": 1, "discarded": 0},
        {"from": 0.8, "kept": 1, "refined": 0, "discarded": 0},
    ]
    assert [example["refined"] for example in report["examples"]["refined"]] == ["0.9"]
    assert len(report["examples"]["kept"]) == 1
    assert purification_report([])["coarse"] == 0


def test_corruption_made_on_purpose_is_counted_by_outcome() -> None:
    rng = np.random.default_rng(0)
    mask = rng.integers(0, 2, size=(64, 64)).astype(np.uint8)
    scene = LabelledScene(np.zeros((3, 64, 64), dtype=np.uint8), mask, "real")
    source = SceneCropPairs(
        [scene],
        ("Building", "Water"),
        SceneCropOptions(count=40, side_px=16, coarse_share=1.0, corrupted_share=0.5, seed=1),
    )
    pairs = pick([source], trusted=False)
    fates = [
        Fate(pair, "discarded" if source.corrupted[pair.index] else "kept", 0.0, pair.caption)
        for pair in pairs
    ]

    found = corruption_found(fates)

    wrong = int(source.corrupted.sum())
    assert found == {
        "corrupted": {"kept": 0, "refined": 0, "discarded": wrong},
        "intact": {"kept": 40 - wrong, "refined": 0, "discarded": 0},
    }
    assert corruption_found([Fate(pick([ColourPairs(1)], trusted=True)[0], "kept", 0, "")]) == {}

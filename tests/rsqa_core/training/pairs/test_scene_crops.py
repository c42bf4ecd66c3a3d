"""Pairs cut from labelled scenes, and captions exchanged on purpose."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rsqa_core.errors import InvalidInputError
from rsqa_core.records import VOID
from rsqa_core.training.crops import LabelledScene
from rsqa_core.training.pairs import pick
from rsqa_core.training.pairs.scene_crops import (
    SceneCropOptions,
    SceneCropPairs,
    exchange_captions,
)

CLASSES = ("Building", "Land", "Water")
OPTIONS = SceneCropOptions(count=60, side_px=16)


def scene(source: str, level: int, seed: int = 0) -> LabelledScene:
    """Return a scene whose first band is ``level``, its labels in blocks of 8 px."""
    rng = np.random.default_rng(seed)
    mask = np.kron(rng.integers(0, 3, size=(8, 8)), np.ones((8, 8))).astype(np.uint8)
    rgb = np.stack([np.full_like(mask, level), mask * 100, mask]).astype(np.uint8)
    return LabelledScene(rgb, mask, source)


def test_a_pair_is_cut_from_its_scene_with_its_mask() -> None:
    source = SceneCropPairs([scene("real", 7)], CLASSES, OPTIONS)

    rgb, mask = source.picture(3)

    assert rgb.shape == (3, 16, 16)
    assert mask is not None
    assert mask.shape == (16, 16)
    assert set(np.unique(rgb[0])) == {7}
    again = source.picture(3)[1]
    assert again is not None
    assert np.array_equal(mask, again)
    assert len(source.entries) == 60
    assert "real 0 at " in source.entries[0].key
    assert len({entry.caption for entry in source.entries}) > 5


def test_real_and_generated_scenes_get_their_shares() -> None:
    scenes = [scene("real", 1), *(scene("generated", 2, i) for i in range(5))]

    source = SceneCropPairs(scenes, CLASSES, replace(OPTIONS, count=400, real_share=0.75))

    real = sum(entry.key.startswith("real") for entry in source.entries)
    assert 260 < real < 340
    only = SceneCropPairs(scenes[1:], CLASSES, OPTIONS)
    assert all(entry.key.startswith("generated") for entry in only.entries)


def test_one_seed_gives_one_set() -> None:
    scenes = [scene("real", 1)]
    first, same, other = (
        SceneCropPairs(scenes, CLASSES, replace(OPTIONS, seed=seed)).entries for seed in (0, 0, 1)
    )

    assert first == same
    assert first != other


def test_only_coarse_pairs_are_corrupted_and_the_rest_is_as_without() -> None:
    scenes = [scene("real", 1)]
    clean = SceneCropPairs(scenes, CLASSES, replace(OPTIONS, coarse_share=0.5))
    source = SceneCropPairs(
        scenes, CLASSES, replace(OPTIONS, coarse_share=0.5, corrupted_share=0.4)
    )

    changed = np.array(
        [a.caption != b.caption for a, b in zip(clean.entries, source.entries, strict=True)]
    )
    coarse = np.array([not entry.trusted for entry in source.entries])
    assert np.array_equal(changed, source.corrupted)
    assert not (source.corrupted & ~coarse).any()
    assert 0 < source.corrupted.sum() < coarse.sum()
    assert len(pick([source], trusted=True)) == int((~coarse).sum())


def test_masks_can_be_kept_back() -> None:
    source = SceneCropPairs([scene("real", 1)], CLASSES, replace(OPTIONS, masks=False))

    assert source.picture(0)[1] is None


def test_a_scene_without_labels_is_refused() -> None:
    empty = scene("real", 1)
    empty.reference_mask[:] = VOID

    with pytest.raises(InvalidInputError, match="labelled on less than half"):
        SceneCropPairs([empty], CLASSES, OPTIONS)


def test_an_exchanged_caption_is_another_pairs_and_differs() -> None:
    captions = ["a", "b", "a", "c"]
    which = np.array([True, False, True, True])

    changed = exchange_captions(captions, which, np.random.default_rng(0))

    assert changed[1] == "b"
    assert all(changed[i] != captions[i] and changed[i] in captions for i in (0, 2, 3))
    assert exchange_captions(["a", "a"], np.array([True, True]), np.random.default_rng(0)) == [
        "a",
        "a",
    ]

"""No label of a predicted scene is learnt from, whatever the protocol."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.quality.splits import FEW_LABELS, PROTOCOLS
from rsqa_core.errors import InvalidInputError
from tests.benchmarks.quality.drawn import draw_candidates


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_predicted_rows_are_never_learnt_from(protocol: str) -> None:
    found = draw_candidates(images=30)

    splits = PROTOCOLS[protocol](found, 0)

    assert splits
    predicted = np.concatenate([split.test for split in splits])
    assert len(np.unique(predicted)) == len(predicted)
    for split in splits:
        assert not np.isin(split.test, split.train).any()
        assert not np.isin(found.image[split.test], found.image[split.train]).any()
        assert not np.isin(split.test, split.usual).any()


def test_scenes_are_held_out_whole_within_the_first_data_set() -> None:
    found = draw_candidates()

    splits = PROTOCOLS["leave_one_scene_out"](found, 0)

    assert [split.name for split in splits] == ["here/east", "here/north"]
    for split in splits:
        assert set(found.scene[split.test]) == {split.name}
        assert set(found.scene[split.train]) == {"here/east", "here/north"} - {split.name}


def test_a_held_out_segmenter_is_learnt_from_nowhere() -> None:
    found = draw_candidates()

    splits = PROTOCOLS["leave_one_segmenter_out"](found, 0)

    assert len(splits) == 2 * 3
    for split in splits:
        (held,) = set(found.segmenter[split.test])
        assert held not in found.segmenter[split.train]
        assert held in found.segmenter[split.usual]
        assert not set(found.scene[split.test]) & set(found.scene[split.train])
    predicted = np.concatenate([split.test for split in splits])
    assert len(predicted) == (found.dataset == "here").sum()


def test_few_labels_are_of_different_images_and_their_number_is_kept() -> None:
    found = draw_candidates(images=30)

    whole = PROTOCOLS["leave_one_dataset_out"](found, 0)
    few, other = (PROTOCOLS["leave_one_dataset_out_20_labels"](found, seed) for seed in (0, 1))

    for before, split, drawn in zip(whole, few, other, strict=True):
        labelled = np.setdiff1d(split.train, before.train)
        # There are 60 images here and 30 there, of which at most half are labelled.
        assert len(labelled) == min(FEW_LABELS, len(np.unique(found.image[before.test])) // 2)
        assert len(np.unique(found.image[labelled])) == len(labelled)
        assert set(found.dataset[labelled]) == {split.name}
        assert not np.array_equal(split.test, drawn.test)


def test_one_scene_or_one_data_set_is_not_enough() -> None:
    found = draw_candidates(scenes=("here/east",))

    assert PROTOCOLS["leave_one_dataset_out"](found, 0) == []
    with pytest.raises(InvalidInputError, match="only here/east"):
        PROTOCOLS["leave_one_scene_out"](found, 0)

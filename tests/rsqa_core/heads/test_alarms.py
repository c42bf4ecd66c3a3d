"""When a head says that it is out of its depth."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rsqa_core.heads.alarms import (
    UNKNOWN_CLASS,
    UNKNOWN_SEGMENTER,
    UNLIKE_TRAINING,
    WIDER_FOR_CLASS,
    WIDER_FOR_SEGMENTER,
    WIDEST_FOR_IMAGE,
    raise_alarms,
)
from rsqa_core.heads.head import QualityHead
from rsqa_core.training.head import HeadTraining, train_head
from rsqa_core.training.head_data import HeadData
from tests.rsqa_core.synthetic import head_data


@pytest.fixture(scope="module")
def data() -> HeadData:
    return head_data(images=9)


@pytest.fixture(scope="module")
def head(data: HeadData) -> QualityHead:
    return train_head(data, ("colours", "e" * 64), HeadTraining(epochs=1, seeds=1, width=4))


def test_candidates_of_the_training_raise_next_to_none(head: QualityHead, data: HeadData) -> None:
    codes, wider = raise_alarms(head, data.inputs, data.places, ["Land", "water"])

    alarmed = {int(image) for image, c in zip(data.image_of_row, codes, strict=True) if c}
    assert not alarmed
    assert (wider >= 1).all()


def test_an_image_far_out_is_unlike_the_training_and_widens_with_its_distance(
    head: QualityHead, data: HeadData
) -> None:
    semantic = data.inputs.semantic.copy()
    semantic[0] += 3.0
    semantic[1] += 300.0
    inputs = replace(data.inputs, semantic=semantic)

    codes, wider = raise_alarms(head, inputs, data.places, ["land"])

    assert codes[0] == codes[3] == (UNLIKE_TRAINING,)
    assert 1 < wider[0] <= wider[3] == WIDEST_FOR_IMAGE


def test_an_unknown_class_concerns_every_candidate(head: QualityHead, data: HeadData) -> None:
    codes, wider = raise_alarms(head, data.inputs, data.places, ["land", "Greenhouse"])

    assert all(UNKNOWN_CLASS in found for found in codes)
    assert wider.min() == WIDER_FOR_CLASS


def test_an_unknown_segmenter_concerns_its_own_candidates(
    head: QualityHead, data: HeadData
) -> None:
    names = ["theirs" if i == 4 else name for i, name in enumerate(data.places.segmenters)]
    places = replace(data.places, segmenters=tuple(names))

    codes, wider = raise_alarms(head, data.inputs, places, ["land"])

    assert [i for i, found in enumerate(codes) if UNKNOWN_SEGMENTER in found] == [4]
    others, _ = raise_alarms(head, data.inputs, data.places, ["land"])
    assert wider[4] / (wider[3] if not others[3] else 1.0) == pytest.approx(WIDER_FOR_SEGMENTER)

"""What qualifies a head's scores: offsets, interval, margin and targets, by hand and in loops."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rsqa_core.features.names import FEATURE_NAMES, GROUPS
from rsqa_core.heads.card import COVERAGE, RISK, HeadCard
from rsqa_core.heads.further_targets import BOUNDARY_F1, CLASS_IOU, MEAN_IOU
from rsqa_core.heads.head import QualityHead
from rsqa_core.heads.inputs import PLACES, HeadInputs
from rsqa_core.training.head import HeadTraining, train_head
from rsqa_core.training.head_data import HeadData
from rsqa_core.training.qualifying import (
    SHRINKAGE,
    best_margin,
    out_of_fold,
    qualified,
    segmenter_offsets,
    weighted_quantile,
)
from tests.rsqa_core.synthetic import FOLDS, head_data

FINGERPRINT = "e" * 64


def test_a_weighted_quantile_by_hand() -> None:
    values, weights = np.array([0.3, 0.1, 0.2, 0.4]), np.array([1.0, 4.0, 3.0, 2.0])

    # In order 0.1, 0.2, 0.3, 0.4 with 40, 70, 80 and 100 % of the weight reached.
    found = [weighted_quantile(values, weights, level) for level in (0.3, 0.4, 0.41, 0.7, 0.8, 1.0)]

    assert found == [0.1, 0.1, 0.2, 0.2, 0.3, 0.4]


def test_even_weights_give_the_smallest_value_that_covers_the_share() -> None:
    values = np.random.default_rng(0).permutation(10) / 10

    assert weighted_quantile(values, np.ones(10), 0.9) == 0.8
    assert weighted_quantile(values, np.full(10, 1 / 3), 0.9) == 0.8


def of_images(scores: list[list[float]], targets: list[list[float]]) -> tuple[Any, HeadData]:
    """One fold of images of two candidates each, with scores."""
    data = head_data(images=len(scores), per_image=2, folds=("north",))
    flat = np.array(targets, dtype=np.float32).ravel()
    return np.array(scores).ravel(), replace(data, targets=flat)


def test_the_margin_is_how_far_down_the_best_candidate_lies() -> None:
    # Nine images whose best candidate is scored best, and one that is 0.2 below.
    score, data = of_images([[0.8, 0.6]] * 9 + [[0.5, 0.7]], [[0.9, 0.7]] * 10)

    assert RISK == 0.1
    assert best_margin(score, data) == pytest.approx(0.0)
    score, data = of_images([[0.8, 0.6]] * 8 + [[0.6, 0.65]] + [[0.5, 0.7]], [[0.9, 0.7]] * 10)
    assert best_margin(score, data) == pytest.approx(0.05)


def test_candidates_that_are_nearly_as_good_are_best_too() -> None:
    score, data = of_images([[0.5, 0.7]] * 4, [[0.9, 0.897]] * 4)
    other, worse = of_images([[0.5, 0.7]] * 4, [[0.9, 0.89]] * 4)

    assert best_margin(score, data) == pytest.approx(0.0)
    assert best_margin(other, worse) == pytest.approx(0.2)


class FixedHead:
    """Says the same of every candidate; two members, one a fold."""

    def __init__(self, said: float, folds: tuple[str, ...]) -> None:
        self.card = HeadCard(
            "colours", FINGERPRINT, dict.fromkeys(folds, ()), tuple(range(len(folds)))
        )
        self._said = said

    def member_cells(self, inputs: HeadInputs) -> NDArray[np.float32]:
        shape = (len(self.card.member_fold), len(inputs), PLACES)
        return np.full(shape, self._said, dtype=np.float32)


def offsets_of(data: HeadData, said: float = 0.5) -> dict[str, dict[str, float]]:
    head: Any = FixedHead(said, tuple(sorted(set(data.fold_names) - {""})))
    return segmenter_offsets(head, data)


def better_by(amount: float, images: int = 8, folds: tuple[str, ...] = ("a", "b")) -> HeadData:
    """Two segmenters an image, of which number 0 is better by a constant."""
    data = head_data(images=images, per_image=2, folds=folds)
    level = np.repeat(np.linspace(0.3, 0.7, images), 2)
    targets = level + np.tile([amount, 0.0], images)
    return replace(data, targets=targets.astype(np.float32))


def test_a_segmenter_that_is_better_by_a_constant_gets_a_part_of_it() -> None:
    found = offsets_of(better_by(0.2))

    # Half of the constant is what it differs from its scene; two scenes count beside SHRINKAGE.
    assert SHRINKAGE == 2.0
    assert found[""] == pytest.approx({"segmenter 0": 2 * 0.1 / 4, "segmenter 1": -2 * 0.1 / 4})
    for fold in ("a", "b"):  # the other scene alone
        assert found[fold] == pytest.approx({"segmenter 0": 0.1 / 3, "segmenter 1": -0.1 / 3})


def test_more_scenes_leave_more_of_it() -> None:
    few, many = (
        offsets_of(better_by(0.2, images=len(folds), folds=folds))[""]["segmenter 0"]
        for folds in (("a", "b"), tuple("abcdefgh"))
    )

    assert 0 < few < many < 0.1


def test_how_good_scenes_are_and_how_wrong_the_head_is_does_not_matter() -> None:
    data = better_by(0.2)
    harder = np.where(np.array(data.fold_names)[data.image_of_row] == "a", 0.2, 0.0)

    moved = offsets_of(replace(data, targets=(data.targets - harder).astype(np.float32)), 0.9)

    for name, table in offsets_of(data).items():
        assert moved[name] == pytest.approx(table, abs=1e-6)


def test_no_label_of_a_fold_enters_its_own_offsets() -> None:
    data = better_by(0.2)
    inside = np.array(data.fold_names)[data.image_of_row] == "a"
    other = replace(data, targets=np.where(inside, 1 - data.targets, data.targets))

    before, after = offsets_of(data), offsets_of(other)

    assert before["a"] == after["a"]
    assert before["b"] != after["b"]
    assert before[""] != after[""]


def test_a_segmenter_of_one_fold_is_unknown_to_that_folds_members() -> None:
    data = better_by(0.2)
    inside = np.array(data.fold_names)[data.image_of_row] == "a"
    names = [
        "rare" if own and name == "segmenter 0" else name
        for own, name in zip(inside, data.places.segmenters, strict=True)
    ]
    data = replace(data, places=replace(data.places, segmenters=tuple(names)))

    found = offsets_of(data)

    assert "rare" not in found["a"]
    assert found["b"]["rare"] == pytest.approx(0.1 / 3)


@pytest.fixture(scope="module")
def data() -> HeadData:
    """Folds of six, three and three images; others belong to none."""
    return head_data(images=15, folds=("east", "north", "east", "south", ""))


@pytest.fixture(scope="module")
def head(data: HeadData) -> QualityHead:
    return train_head(data, ("colours", FINGERPRINT), HeadTraining(epochs=2, seeds=1, width=4))


def test_images_of_no_fold_are_not_predicted_out_of_fold(head: QualityHead, data: HeadData) -> None:
    rows, prediction = out_of_fold(head, data)

    folds = np.array(data.fold_names)[data.image_of_row]
    assert rows.tolist() == np.flatnonzero(folds != "").tolist()
    cells = head.with_card(offsets={}).member_cells(data.inputs)
    members = np.array(head.card.member_fold)
    for row, cell in zip(rows, prediction.cells, strict=True):
        own = cells[members == list(head.card.folds).index(str(folds[row])), row].mean(axis=0)
        assert cell == pytest.approx(own, abs=1e-6)


def test_the_interval_covers_its_share_with_folds_of_equal_say(
    head: QualityHead, data: HeadData
) -> None:
    # Labels as far off as can be in the two small folds, and right in the large one.
    rows, given = out_of_fold(head, data)
    folds = np.array(data.fold_names)[data.image_of_row]
    targets = data.targets.copy()
    gap = np.random.default_rng(0).uniform(0, 0.3, len(rows)) * (folds[rows] != "east")
    targets[rows] = np.clip(given.score - gap, 0, 1)

    again = qualified(head, replace(data, targets=targets))

    kept, said = out_of_fold(again, data)
    covered = dict.fromkeys(FOLDS, 0.0)
    inner = dict(covered)
    half = again.card.interval.factor * (
        again.card.interval.floor
        + again.card.interval.spread * said.spread
        + again.card.interval.doubt * (1 - said.score)
    )
    for row, score, width in zip(kept, said.score, half, strict=True):
        name = str(folds[row])
        say = 1 / (folds == name).sum()  # every image here has as many candidates
        off = abs(score - float(targets[row]))
        covered[name] += say * (off <= width * (1 + 1e-6))
        inner[name] += say * (off < width * (1 - 1e-6))
    assert np.mean(list(covered.values())) >= COVERAGE - 1e-9
    assert np.mean(list(inner.values())) < COVERAGE


def test_the_card_says_what_the_head_is_familiar_with(head: QualityHead, data: HeadData) -> None:
    familiar = head.card.familiar

    assert familiar.classes == data.class_names
    assert familiar.segmenters == ("segmenter 0", "segmenter 1", "segmenter 2")
    assert set(head.card.offsets) == {"", *FOLDS}
    assert head.card.best_margin >= 0
    assert {name: len(weights) for name, weights in head.card.targets.items()} == {
        MEAN_IOU: 4,
        BOUNDARY_F1: 4,
        CLASS_IOU: 3,
    }


def test_a_target_of_which_nothing_is_known_is_left_out(head: QualityHead, data: HeadData) -> None:
    """Lone candidates have no consensus, from which each target has a guess."""
    rows = data.inputs.rows.copy()
    rows[:, [FEATURE_NAMES.index(name) for name in GROUPS["consensus"]]] = np.nan
    lone = replace(
        data,
        inputs=replace(data.inputs, rows=rows),
        class_guess=np.full_like(data.class_guess, np.nan),
    )

    # The edges of the picture are still there, the certainty of the consensus is not.
    assert qualified(head, lone).card.targets == {}

"""A score taken apart: against terms worked out by hand, and against the head's own score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from math import exp

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from rsqa_core.errors import FingerprintError
from rsqa_core.features.names import CELL_NAMES, FEATURE_NAMES
from rsqa_core.heads.anchor import OF_CANDIDATE, OF_CELL, UNKNOWN, logit
from rsqa_core.heads.explaining import (
    ALL,
    HABIT,
    KINDS,
    LABELS,
    Combination,
    Evidence,
    likeness_to,
    shapley,
)
from rsqa_core.heads.gating import GatedHead
from rsqa_core.heads.head import QualityHead
from rsqa_core.heads.inputs import PLACES
from rsqa_core.heads.preparation import ROW_GROUPS, ROW_INPUTS, ROW_NAMES
from rsqa_core.heads.process import condition
from rsqa_core.heads.residual import Kernel
from rsqa_core.training.head import HeadTraining, train_head
from rsqa_core.training.head_data import HeadData
from tests.rsqa_core.synthetic import FOLDS, head_data

FINGERPRINT = "e" * 64
SEEDS = 2


@pytest.fixture(scope="module")
def data() -> HeadData:
    return head_data(images=9)


@pytest.fixture(scope="module")
def head(data: HeadData) -> QualityHead:
    return train_head(
        data,
        ("colours", FINGERPRINT),
        HeadTraining(epochs=2, seeds=SEEDS, width=4),
        trained_on=("a synthetic set",),
    )


def evidence_of(head: QualityHead, data: HeadData, row: int = 0) -> Evidence:
    return Evidence(head, data.inputs, data.places, row, FINGERPRINT)


def linear_head(head: QualityHead, **weights: float) -> QualityHead:
    """A head whose logit is a weighted sum of some numbers of the row, and nothing else."""
    network = GatedHead(
        len(head.card.member_fold), head.preparation.vector_inputs, width=4, anchored=False
    )
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        for name, weight in weights.items():
            network.linear_row.weight[:, ROW_NAMES.index(name)] = weight
    return QualityHead(network, head.preparation, replace(head.card, anchored=False, offsets={}))


def sigmoid(value: float) -> float:
    return 1 / (1 + exp(-value))


def test_every_number_that_the_head_takes_is_of_one_kind() -> None:
    rows = list(chain.from_iterable(kind.rows for kind in KINDS.values()))
    cells = list(chain.from_iterable(kind.cells for kind in KINDS.values()))
    assert sorted(rows) == sorted(ROW_GROUPS)
    assert sorted(cells) == sorted(CELL_NAMES)
    assert len(ROW_NAMES) + len(rows) == ROW_INPUTS


def test_players_that_only_add_get_what_they_add() -> None:
    worth = {"a": 3.0, "b": -1.0, "c": 0.0}

    def value(present: Sequence[Combination]) -> NDArray[np.float64]:
        return np.array([5.0 + sum(worth[name] for name in one) for one in present])

    assert shapley(value, tuple(worth)) == pytest.approx(worth)


def test_what_only_comes_of_two_together_is_shared_between_them() -> None:
    def value(present: Sequence[Combination]) -> NDArray[np.float64]:
        return np.array([6.0 * ({"a", "b"} <= one) for one in present])

    assert shapley(value, ("a", "b", "c")) == pytest.approx({"a": 3.0, "b": 3.0, "c": 0.0})


def test_shares_of_a_head_that_adds_two_numbers_are_those_worked_out_by_hand(
    head: QualityHead, data: HeadData
) -> None:
    two = linear_head(head, max_prob_mean=0.8, edge_on_boundary=-0.5)
    evidence = evidence_of(two, data)
    prepared = evidence.prepared.rows[:, 0].mean(dim=0)
    of_members = evidence.prepared.rows[:, 0]
    assert torch.allclose(of_members, prepared.expand_as(of_members))  # one preparation a fold
    a = 0.8 * float(prepared[ROW_NAMES.index("max_prob_mean")])
    b = -0.5 * float(prepared[ROW_NAMES.index("edge_on_boundary")])

    found = evidence.shares()

    assert found.base == pytest.approx(0.5)
    assert found.score == pytest.approx(sigmoid(a + b))
    assert found.added == pytest.approx(
        {
            "semantic": 0.0,
            "segmentation": (sigmoid(a) - 0.5 + sigmoid(a + b) - sigmoid(b)) / 2,
            "disagreement": 0.0,
            "shape": (sigmoid(b) - 0.5 + sigmoid(a + b) - sigmoid(a)) / 2,
            HABIT: 0.0,
            LABELS: 0.0,
        },
        abs=1e-6,
    )
    assert abs(found.added["segmentation"]) > 0.01  # the comparison is of something


def test_where_a_head_is_linear_a_share_is_its_term(head: QualityHead, data: HeadData) -> None:
    small = linear_head(head, max_prob_mean=0.008, edge_on_boundary=-0.005)
    evidence = evidence_of(small, data)
    number = float(evidence.prepared.rows[0, 0, ROW_NAMES.index("max_prob_mean")])

    share = evidence.shares().added["segmentation"]

    assert share == pytest.approx(0.008 * number / 4, rel=1e-2)  # a quarter: the sigmoid's slope


def guessing_head(head: QualityHead) -> QualityHead:
    """A head whose network says nothing: its scores are the first guess."""
    network = GatedHead(len(head.card.member_fold), head.preparation.vector_inputs, width=4)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.fill_(1.0 if name == "gain" else 0.0)
    return QualityHead(network, head.preparation, replace(head.card, anchored=True, offsets={}))


def test_a_kind_that_is_absent_leaves_the_first_guess(head: QualityHead, data: HeadData) -> None:
    evidence = evidence_of(guessing_head(head), data)
    of_cell = logit(data.inputs.cells[0, :, CELL_NAMES.index("region")])
    of_row = logit(data.inputs.rows[0, FEATURE_NAMES.index("region_agreement")])
    parts = OF_CELL["region"] * of_cell + OF_CANDIDATE["region_agreement"] * of_row
    guess = parts / (OF_CELL["region"] + OF_CANDIDATE["region_agreement"])

    only, nothing = evidence.with_kinds([frozenset({"semantic"}), frozenset()])

    assert only == pytest.approx(np.mean(1 / (1 + np.exp(-guess))), abs=1e-5)
    assert nothing == pytest.approx(UNKNOWN, abs=1e-5)


def test_cells_that_are_taken_away_leave_the_first_guess(head: QualityHead, data: HeadData) -> None:
    evidence = evidence_of(guessing_head(head), data)
    row = data.inputs.rows[0]
    parts = sum(
        weight * logit(row[FEATURE_NAMES.index(name)]) for name, weight in OF_CANDIDATE.items()
    )
    guess = float(parts) / sum(OF_CANDIDATE.values())

    found = float(evidence.with_cells(torch.zeros(1, PLACES))[0])

    assert found == pytest.approx(sigmoid(guess), abs=1e-5)
    assert found != pytest.approx(evidence.score, abs=1e-3)


@pytest.mark.parametrize("row", [0, 4, 20])
def test_shares_sum_to_the_score_that_the_head_gives(
    head: QualityHead, data: HeadData, row: int
) -> None:
    found = evidence_of(head, data, row).shares()
    said = head.predict(data.inputs, data.places, FINGERPRINT)

    assert found.score == pytest.approx(said.score[row], abs=1e-6)
    assert found.base + sum(found.added.values()) == pytest.approx(found.score, abs=1e-9)
    assert set(found.added) == {*KINDS, HABIT, LABELS}
    offset = head.offsets(data.places)[row]
    assert found.added[HABIT] == pytest.approx(offset, abs=1e-5)
    assert found.added[LABELS] == 0.0


def test_only_members_that_never_saw_the_image_are_asked(head: QualityHead, data: HeadData) -> None:
    seen = evidence_of(head, data)
    new = replace(data.places, sources=tuple(f"x{name}" for name in data.places.sources))
    unseen = Evidence(head, data.inputs, new, 0, FINGERPRINT)

    assert seen.network.out.weight.shape[0] == SEEDS
    assert unseen.network.out.weight.shape[0] == SEEDS * len(FOLDS)
    whole = [float(one.with_kinds([ALL])[0]) for one in (seen, unseen)]
    assert whole[0] != pytest.approx(whole[1], abs=1e-4)
    expected = head.network_says(data.inputs, data.places)[0, 0]
    assert whole[0] == pytest.approx(expected, abs=1e-5)


def test_what_labels_taught_is_a_share_of_its_own(head: QualityHead, data: HeadData) -> None:
    base = head.predict(data.inputs, data.places, FINGERPRINT)
    learnt = np.arange(6)
    points = head.points(data.inputs, data.places, base.base, base.spread).only(learnt)
    residual = condition(points, np.full(6, -0.1), np.zeros(6)).residual(head.card.interval.factor)
    taught = head.with_residual(residual)
    after = taught.predict(data.inputs, data.places, FINGERPRINT)

    before, found = evidence_of(head, data).shares(), evidence_of(taught, data).shares()

    assert found.added[LABELS] == pytest.approx(after.score[0] - base.score[0], abs=1e-6)
    assert found.added[LABELS] < -0.05
    kept = {name: value for name, value in found.added.items() if name != LABELS}
    assert kept == pytest.approx({name: before.added[name] for name in kept}, abs=1e-9)


def test_features_of_another_encoder_are_refused(head: QualityHead, data: HeadData) -> None:
    with pytest.raises(FingerprintError, match=r"Score the project again"):
        Evidence(head, data.inputs, data.places, 0, "f" * 64)


def test_likeness_is_one_at_the_same_place_and_falls_over_the_kernels_length() -> None:
    here = np.zeros(2, dtype=np.float32)
    others = np.array([[0, 0], [2, 0], [6, 8]], dtype=np.float32)

    found = likeness_to(Kernel(alike_length=2.0), here, others)

    assert found == pytest.approx([1.0, exp(-0.5), exp(-12.5)])

"""What candidates say together: the product of experts and what it expects, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from rsqa_core.features.consensus import (
    DOUBT,
    SHARPNESS,
    Consensus,
    consensus_of,
    describe_consensus,
)
from rsqa_core.features.grids import CELL_SIDE, SOFT_SIDE
from rsqa_core.features.names import GROUPS
from rsqa_core.records import VOID

Mask = NDArray[np.uint8]
Array = NDArray[np.float32]
ONE = np.zeros((4, 4), dtype=np.uint8)
"""A tiny mask of class 0 only; each pixel fills cells of its own."""


def even(*probs: float) -> Array:
    """The same probabilities everywhere, (K, SOFT_SIDE, SOFT_SIDE)."""
    ones = np.ones((SOFT_SIDE, SOFT_SIDE))
    return np.stack([p * ones for p in probs]).astype(np.float32)


def normed(*values: float) -> NDArray[np.float64]:
    return np.array(values) / np.sum(values)


def everywhere(cells: Array) -> NDArray[np.float64]:
    """The value of each class, which has to be the same in all cells."""
    flat = cells.reshape(len(cells), -1)
    assert np.ptp(flat, axis=1) == pytest.approx(0.0, abs=1e-6)
    return flat[:, 0].astype(np.float64)


def test_two_candidates_multiply_their_probabilities() -> None:
    consensus = consensus_of([ONE, ONE], [even(0.8, 0.2), even(0.6, 0.4)], 2)

    assert SHARPNESS == 2.0  # so that each of two counts in full
    assert everywhere(consensus.together) == pytest.approx(normed(0.48, 0.08), abs=1e-5)
    # Without one of them the other stands alone, to the power of two.
    assert everywhere(consensus.others[0]) == pytest.approx(normed(0.36, 0.16), abs=1e-5)
    assert everywhere(consensus.others[1]) == pytest.approx(normed(0.64, 0.04), abs=1e-5)
    assert everywhere(consensus.shares[0]) == pytest.approx([1.0, 0.0])


def test_of_four_each_counts_by_half() -> None:
    soft: list[Array | None] = [even(0.9, 0.1), even(0.9, 0.1), even(0.4, 0.6), even(0.5, 0.5)]

    consensus = consensus_of([ONE] * 4, soft, 2)

    product = np.array([0.9 * 0.9 * 0.4 * 0.5, 0.1 * 0.1 * 0.6 * 0.5]) ** (2 / 4)
    assert everywhere(consensus.together) == pytest.approx(normed(*product), abs=1e-5)
    without = np.array([0.9 * 0.9 * 0.4, 0.1 * 0.1 * 0.6]) ** (2 / 3)
    assert everywhere(consensus.others[3]) == pytest.approx(normed(*without), abs=1e-5)


def test_a_bare_mask_takes_part_by_its_shares_held_back_by_doubt() -> None:
    mask = np.kron(np.array([[0, 1]], np.uint8), np.ones((2 * SOFT_SIDE, SOFT_SIDE), np.uint8))
    mask[::2] = 1 - mask[::2]  # each cell of 2 x 2 pixels is half of each class
    probs = even(0.7, 0.3)

    fair = consensus_of([mask, ONE], [None, probs], 2)
    whole = consensus_of([ONE, ONE], [None, probs], 2)

    assert everywhere(fair.together) == pytest.approx(normed(0.5 * 0.7, 0.5 * 0.3), abs=1e-5)
    assert everywhere(whole.together) == pytest.approx(
        normed((1 - DOUBT / 2) * 0.7, DOUBT / 2 * 0.3), abs=1e-5
    )


def test_a_void_part_of_a_bare_mask_says_nothing() -> None:
    void = np.full((4, 4), VOID, dtype=np.uint8)

    consensus = consensus_of([void, ONE], [None, even(0.7, 0.3)], 2)

    assert everywhere(consensus.together) == pytest.approx([0.7, 0.3], abs=1e-5)
    assert consensus.own()[0] == pytest.approx(0.0)


def test_a_certain_no_of_one_candidate_is_no_veto() -> None:
    sure = even(0.0, 1.0)

    consensus = consensus_of([ONE] * 3, [sure, even(0.99, 0.01), even(0.99, 0.01)], 2)

    assert np.isfinite(consensus.together).all()
    product = np.array([0.01 * 0.99**2, 1.0 * 0.01**2]) ** (2 / 3)
    assert everywhere(consensus.together) == pytest.approx(normed(*product), abs=1e-5)


def test_a_lone_candidate_has_no_consensus() -> None:
    consensus = consensus_of([ONE], [even(0.8, 0.2)], 2)

    assert consensus.others.shape == (0, 2, SOFT_SIDE, SOFT_SIDE)
    assert describe_consensus(consensus) == [({}, {})]


def test_together_is_a_probability_in_every_cell() -> None:
    rng = np.random.default_rng(0)
    masks = [rng.integers(0, 3, size=(40, 50)).astype(np.uint8) for _ in range(3)]
    soft: list[Array | None] = [
        None,
        rng.dirichlet(np.ones(3), (SOFT_SIDE, SOFT_SIDE)).transpose(2, 0, 1).astype(np.float32),
        None,
    ]

    consensus = consensus_of(masks, soft, 3)

    for values in (consensus.together, *consensus.others):
        assert values.sum(axis=0) == pytest.approx(np.ones((SOFT_SIDE, SOFT_SIDE)), abs=1e-5)
    assert (consensus.top() >= 1 / 3 - 1e-6).all()
    assert (consensus.own() <= consensus.top() + 1e-6).all()


def small() -> Consensus:
    """Two masks of one row of two cells and three classes, of which the last is nowhere."""
    shares = np.zeros((2, 3, 1, 2), dtype=np.float32)
    shares[0, 0] = 1.0  # class 0 in both cells
    shares[1, 0, 0, 0] = shares[1, 1, 0, 1] = 1.0
    together = np.array([[[0.9, 0.4]], [[0.1, 0.6]], [[0.0, 0.0]]], dtype=np.float32)
    return Consensus(shares, together, np.stack([together, together]))


def test_expected_iou_by_hand_and_none_for_an_absent_class() -> None:
    ious = small().expected_iou()

    assert ious[0, 0] == pytest.approx((0.9 + 0.4) / (2.0 + 1.3 - 1.3))
    assert ious[0, 1] == 0.0  # the consensus sees it, the mask does not
    assert ious[1, 0] == pytest.approx(0.9 / (1.0 + 1.3 - 0.9))
    assert ious[1, 1] == pytest.approx(0.6 / (1.0 + 0.7 - 0.6))
    assert np.isnan(ious[:, 2]).all()


def test_expected_accuracy_of_each_place_by_hand() -> None:
    consensus = small()

    assert consensus.own()[:, 0].tolist() == [pytest.approx([0.9, 0.4]), pytest.approx([0.9, 0.6])]
    assert consensus.by_others()[1, 0].tolist() == pytest.approx([0.9, 0.6])
    assert consensus.top()[0].tolist() == pytest.approx([0.9, 0.6])


def test_where_the_consensus_is_the_truth_accuracy_and_iou_are_those_of_the_mask() -> None:
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 2, size=(SOFT_SIDE, SOFT_SIDE))
    mask = np.where(rng.random(truth.shape) < 0.3, 1 - truth, truth)
    one_hot = np.stack([np.stack([m == k for k in range(2)]) for m in (mask, truth)])
    shares = one_hot.astype(np.float32)

    consensus = Consensus(shares, shares[1], shares)

    assert consensus.own()[0].mean() == pytest.approx((mask == truth).mean())
    expected = [
        ((mask == k) & (truth == k)).sum() / ((mask == k) | (truth == k)).sum() for k in (0, 1)
    ]
    assert consensus.expected_iou()[0] == pytest.approx(expected, rel=1e-5)
    assert consensus.expected_iou()[1] == pytest.approx([1.0, 1.0])


def test_who_agrees_with_everybody_is_expected_to_be_better() -> None:
    other = np.ones((4, 4), dtype=np.uint8)
    masks = [ONE, ONE, ONE, other]

    own = consensus_of(masks, [None] * 4, 2).own().mean(axis=(1, 2))

    assert own[0] == pytest.approx(own[1])
    assert own[0] > 0.8 > 0.2 > own[3]


def test_numbers_and_cells_say_the_same() -> None:
    rng = np.random.default_rng(2)
    masks = [rng.integers(0, 3, size=(64, 64)).astype(np.uint8) for _ in range(3)]
    consensus = consensus_of(masks, [None] * 3, 3)

    described = describe_consensus(consensus)

    assert len(described) == 3
    for index, (values, cells) in enumerate(described):
        assert values.keys() == set(GROUPS["consensus"])
        assert values["consensus_accuracy"] == pytest.approx(float(consensus.own()[index].mean()))
        ious = consensus.expected_iou()[index]
        assert values["consensus_miou"] == pytest.approx(float(ious.mean()))
        assert values["consensus_iou_min"] == pytest.approx(float(ious.min()))
        assert values["consensus_gap"] == pytest.approx(
            values["consensus_top"] - values["consensus_accuracy"]
        )
        assert {name: cell.shape for name, cell in cells.items()} == dict.fromkeys(
            ("consensus", "consensus_others", "consensus_top"), (CELL_SIDE, CELL_SIDE)
        )
        for name, number in (
            ("consensus", "consensus_accuracy"),
            ("consensus_others", "consensus_others"),
            ("consensus_top", "consensus_top"),
        ):
            assert float(cells[name].mean()) == pytest.approx(values[number], abs=1e-5)

"""Training the base head: the loss against plain loops, what members may see, calibration."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats

from rsqa_core.errors import CancelledError, InvalidInputError
from rsqa_core.features.names import (
    CELL_NAMES,
    FEATURE_NAMES,
    GROUPS,
    SEGMENTER_CELLS,
    SEGMENTER_GROUPS,
)
from rsqa_core.heads.anchor import anchor
from rsqa_core.heads.head import COVERAGE, Prediction, QualityHead
from rsqa_core.heads.preparation import fit_preparation
from rsqa_core.training.head import HeadTraining, _hidden, head_loss, train_head
from rsqa_core.training.head_data import HeadData
from tests.rsqa_core.synthetic import FOLDS, head_data

ENCODER = ("colours", "e" * 64)
QUICK = HeadTraining(epochs=2, seeds=1, width=4, weight_decay=0.5)


def predicted(head: QualityHead, data: HeadData) -> Prediction:
    return head.predict(data.inputs, data.places, ENCODER[1])


def smooth(gap: float, beta: float) -> float:
    gap = abs(gap)
    return 0.5 * gap * gap / beta if gap < beta else gap - beta / 2


def plain_loss(
    cells: list[list[float]],
    cell_targets: list[list[float]],
    cell_valid: list[list[float]],
    targets: list[float],
    weights: list[float],
    images: int,
    options: HeadTraining,
) -> float:
    """One member's loss in plain loops: candidates, cells, correlation, pairs of an image."""
    total = sum(weights)
    regression = by_cell = 0.0
    scores = []
    for own, truth, valid, t, w in zip(
        cells, cell_targets, cell_valid, targets, weights, strict=True
    ):
        area = sum(valid)
        scores.append(sum(c * v for c, v in zip(own, valid, strict=True)) / area)
        regression += w * smooth(scores[-1] - t, 0.05) / total
        for c, q, v in zip(own, truth, valid, strict=True):
            by_cell += w * v / area * smooth(c - q, 0.2) / total

    def mean(values: list[float]) -> float:
        return sum(v * w for v, w in zip(values, weights, strict=True)) / total

    centred_s = [s - mean(scores) for s in scores]
    centred_t = [t - mean(targets) for t in targets]
    covariance = mean([a * b for a, b in zip(centred_s, centred_t, strict=True)])
    spread = math.sqrt(mean([a * a for a in centred_s]) * mean([b * b for b in centred_t]) + 1e-8)
    size = len(scores) // images
    hinge = pairs = 0.0
    for image in range(images):
        members = range(image * size, (image + 1) * size)
        for better in members:
            for worse in members:
                gap = targets[better] - targets[worse]
                if gap > 0.01:
                    weight = weights[better] * weights[worse]
                    hinge += weight * max(0.0, 0.5 * gap - (scores[better] - scores[worse]))
                    pairs += weight
    return (
        regression
        + options.cells * by_cell
        + options.correlation * (1 - covariance / spread) / 2
        + options.ranking * hinge / max(pairs, 1e-6)
    )


@pytest.mark.parametrize(
    ("cells", "correlation", "ranking"),
    [(0.0, 0.0, 0.0), (0.8, 0.0, 0.0), (0.0, 0.7, 0.0), (0.0, 0.0, 0.9), (0.5, 0.3, 0.2)],
    ids=["regression", "cells", "correlation", "ranking", "all"],
)
def test_the_loss_equals_plain_loops(cells: float, correlation: float, ranking: float) -> None:
    options = HeadTraining(cells=cells, correlation=correlation, ranking=ranking)
    torch.manual_seed(0)
    members, images, size, places = 3, 4, 5, 6
    logits = torch.randn(members, images * size, places)
    cell_targets, cell_valid = torch.rand(images * size, places), torch.rand(images * size, places)
    cell_valid[2, :4] = 0.0  # mostly without a label
    targets = torch.rand(images * size)
    targets[1] = targets[0] + 0.005  # nearly equal ones are no pair
    weights = torch.rand(members, images * size)
    weights[:, [3, 4, 9]] = 0.0  # padding

    loss = head_loss(logits, cell_targets, cell_valid, targets, weights, images, options)

    expected = [
        plain_loss(
            torch.sigmoid(logits[m]).tolist(),
            cell_targets.tolist(),
            cell_valid.tolist(),
            targets.tolist(),
            weights[m].tolist(),
            images,
            options,
        )
        for m in range(members)
    ]
    assert float(loss) == pytest.approx(sum(expected), rel=1e-4)


ALL_TERMS = HeadTraining(cells=0.4, correlation=0.3, ranking=0.2)


def test_padding_and_hidden_rows_are_ignored() -> None:
    torch.manual_seed(1)
    weights = torch.ones(2, 8)
    weights[:, 3] = 0.0
    weights[1, 4:] = 0.0
    targets, cell_targets, valid = torch.rand(8), torch.rand(8, 3), torch.ones(8, 3)
    logits = torch.randn(2, 8, 3, requires_grad=True)
    other = logits.detach().clone()
    other[:, 3], other[1, 4:] = 9.0, -9.0

    loss = head_loss(logits, cell_targets, valid, targets, weights, 2, ALL_TERMS)
    loss.backward()  # type: ignore[no-untyped-call]

    again = head_loss(other, cell_targets, valid, targets, weights, 2, ALL_TERMS)
    assert torch.equal(loss.detach(), again)
    assert logits.grad is not None
    assert (logits.grad[weights == 0] == 0).all()
    assert (logits.grad[weights == 1] != 0).all()


def test_cells_without_a_label_are_ignored() -> None:
    torch.manual_seed(2)
    targets, cell_targets, valid = torch.rand(4), torch.rand(4, 3), torch.ones(4, 3)
    valid[1, 2] = 0.0
    logits = torch.randn(1, 4, 3)
    other, other_targets = logits.clone(), cell_targets.clone()
    other[:, 1, 2], other_targets[1, 2] = 5.0, 0.5

    first, second = (
        head_loss(given, truth, valid, targets, torch.ones(1, 4), 2, ALL_TERMS)
        for given, truth in ((logits, cell_targets), (other, other_targets))
    )

    assert torch.equal(first, second)


def test_a_member_that_sees_nothing_in_a_batch_adds_no_gradient() -> None:
    logits = torch.randn(2, 4, 3, requires_grad=True)
    weights = torch.tensor([[1.0] * 4, [0.0] * 4])

    head_loss(
        logits, torch.rand(4, 3), torch.ones(4, 3), torch.rand(4), weights, 1, ALL_TERMS
    ).backward()  # type: ignore[no-untyped-call]

    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()
    assert (logits.grad[1] == 0).all()


def test_a_member_learns_the_same_whoever_trains_beside_it() -> None:
    torch.manual_seed(3)
    logits, weights = torch.randn(3, 4, 3), torch.rand(3, 4)
    rest = (torch.rand(4, 3), torch.ones(4, 3), torch.rand(4))

    whole = head_loss(logits, *rest, weights, 2, ALL_TERMS)
    alone = [head_loss(logits[[m]], *rest, weights[[m]], 2, ALL_TERMS).item() for m in range(3)]

    assert float(whole) == pytest.approx(sum(alone), rel=1e-5)


@pytest.fixture(scope="module")
def data() -> HeadData:
    return head_data(images=18, seed=1)


@pytest.fixture(scope="module")
def learnt(data: HeadData) -> QualityHead:
    options = replace(QUICK, epochs=15, seeds=2, learning_rate=2e-2)
    return train_head(data, ENCODER, options, trained_on=("made up",))


@pytest.fixture(scope="module")
def clean(data: HeadData) -> QualityHead:
    """What a quick training on the data as they are gives."""
    return train_head(data, ENCODER, QUICK)


def test_training_learns_what_the_first_guess_does_not_say(learnt: QualityHead) -> None:
    unseen = head_data(images=20, seed=2)
    logits = anchor(unseen.inputs.rows, unseen.inputs.cells)
    guess = (1 / (1 + np.exp(-logits.astype(np.float64)))).mean(axis=1)

    after = predicted(learnt, unseen)

    error, without = (np.abs(each - unseen.targets).mean() for each in (after.score, guess))
    assert error < 0.75 * without
    assert stats.spearmanr(after.score, unseen.targets).statistic > 0.8
    off = np.abs(after.cells - unseen.cell_targets).mean()
    assert off < np.abs(1 / (1 + np.exp(-logits)) - unseen.cell_targets).mean()


def test_scores_of_training_images_are_honest(learnt: QualityHead, data: HeadData) -> None:
    given = predicted(learnt, data)

    assert stats.spearmanr(given.score, data.targets).statistic > 0.7


def test_a_member_a_fold_and_seed(data: HeadData, learnt: QualityHead) -> None:
    assert learnt.card.member_fold == (0, 0, 1, 1, 2, 2)
    assert tuple(learnt.card.folds) == tuple(sorted(FOLDS))
    assert learnt.card.trained_on == ("made up",)
    assert (learnt.card.encoder_name, learnt.card.encoder_fingerprint) == ENCODER
    assert not learnt.network.training


def poisoned(data: HeadData, fold: str) -> HeadData:
    """The same with everything that is known of one fold turned upside down."""
    images = np.array([name == fold for name in data.fold_names])
    rows = images[data.image_of_row]
    semantic, tokens = data.inputs.semantic.copy(), data.inputs.tokens.copy()
    numbers, cells = data.inputs.rows.copy(), data.inputs.cells.copy()
    targets, cell_targets = data.targets.copy(), data.cell_targets.copy()
    semantic[images] *= -3.0
    tokens[images] *= -3.0
    numbers[rows] = 7.0 - numbers[rows]
    cells[rows] = 7.0 - cells[rows]
    targets[rows] = 1.0 - targets[rows]
    cell_targets[rows] = 1.0 - cell_targets[rows]
    inputs = replace(data.inputs, semantic=semantic, tokens=tokens, rows=numbers, cells=cells)
    return replace(data, inputs=inputs, targets=targets, cell_targets=cell_targets)


@pytest.mark.parametrize("fold", sorted(FOLDS))
def test_a_member_never_sees_its_fold(data: HeadData, clean: QualityHead, fold: str) -> None:
    changed = train_head(poisoned(data, fold), ENCODER, QUICK)
    own = np.array(clean.card.member_fold) == sorted(FOLDS).index(fold)

    for name, before in clean.network.named_parameters():
        after = changed.network.get_parameter(name)
        assert torch.equal(before[own], after[own]), name
    assert not torch.equal(clean.network.w1.weight[~own], changed.network.w1.weight[~own])
    for name, before in clean.preparation.tensors().items():
        assert torch.equal(before[own], changed.preparation.tensors()[name][own]), name
    assert clean.card.offsets[fold] == pytest.approx(changed.card.offsets[fold], abs=1e-6)


def test_images_of_no_fold_teach_every_member(data: HeadData) -> None:
    loose = replace(
        data, fold_names=tuple("" if i < 6 else n for i, n in enumerate(data.fold_names))
    )
    clean = train_head(loose, ENCODER, QUICK)
    changed = train_head(poisoned(loose, ""), ENCODER, QUICK)

    assert "" not in clean.card.folds
    for member in range(len(clean.card.member_fold)):
        before, after = clean.network.w1.weight[member], changed.network.w1.weight[member]
        assert not torch.equal(before, after)


def test_a_label_of_no_weight_teaches_nothing(data: HeadData) -> None:
    weights = data.weights.copy()
    weights[::5] = 0.0
    targets, cells = data.targets.copy(), data.cell_targets.copy()
    targets[::5] = cells[::5] = 0.5
    unsure = replace(data, weights=weights)

    clean = train_head(unsure, ENCODER, QUICK)
    changed = train_head(replace(unsure, targets=targets, cell_targets=cells), ENCODER, QUICK)

    assert torch.equal(clean.network.w1.weight, changed.network.w1.weight)


def test_one_seed_gives_one_head(data: HeadData) -> None:
    first, second, other = (
        train_head(data, ENCODER, replace(QUICK, seed=seed)).to_bytes() for seed in (3, 3, 4)
    )

    assert first == second
    assert first != other


@pytest.mark.parametrize("epochs", [1, 2, 10])
def test_any_number_of_epochs_can_be_asked_for(data: HeadData, epochs: int) -> None:
    head = train_head(data, ENCODER, replace(QUICK, epochs=epochs, seeds=1))

    assert np.isfinite(predicted(head, data).score).all()


def test_images_of_different_numbers_of_candidates_train_together() -> None:
    data = head_data(images=12)
    kept = np.array([row for row in range(36) if row % 3 <= data.image_of_row[row] % 3])
    uneven = data.only(kept)

    calm = replace(QUICK, hidden=0.0)  # which rows are hidden goes by their place

    head = train_head(uneven, ENCODER, calm)

    assert np.isfinite(predicted(head, uneven).score).all()
    # Rows in another order, so that what fills up short images is another candidate.
    order = np.roll(np.arange(len(kept)), -int((uneven.image_of_row == 0).sum()))
    after = train_head(uneven.only(order), ENCODER, calm)
    assert predicted(after, uneven).score == pytest.approx(predicted(head, uneven).score, abs=1e-4)


@pytest.mark.parametrize("names", [("north",), ("", "north")])
def test_one_fold_is_too_few(names: tuple[str, ...]) -> None:
    with pytest.raises(InvalidInputError, match=r"two folds, but got \['north'\]"):
        train_head(head_data(images=6, folds=names), ENCODER, QUICK)


def test_training_reports_and_can_be_stopped(data: HeadData) -> None:
    seen = []

    def stopping(step: str, done: int, total: int) -> None:
        seen.append((done, total))
        if done == 2:
            raise CancelledError("stop")

    with pytest.raises(CancelledError):
        train_head(data, ENCODER, QUICK, progress=stopping)
    assert seen == [(1, 2), (2, 2)]


def test_the_interval_covers_its_share_of_honest_errors(
    data: HeadData, learnt: QualityHead
) -> None:
    given = predicted(learnt, data)
    inside = (given.low <= data.targets) & (data.targets <= given.high)

    assert inside.mean() == pytest.approx(COVERAGE, abs=0.04)
    unseen = head_data(images=20, seed=9)
    given = predicted(learnt, unseen)
    inside = (given.low <= unseen.targets) & (unseen.targets <= given.high)
    assert inside.mean() > COVERAGE - 0.12


def test_hidden_rows_lose_what_only_a_segmenter_says() -> None:
    data = head_data(images=4)
    preparation = fit_preparation(data.inputs, np.ones((2, 4), dtype=bool))
    prepared = preparation.prepared(data.inputs)
    hide = torch.zeros(len(data.inputs), dtype=torch.bool)
    hide[[2, 7]] = True
    bare = data.inputs.rows.copy(), data.inputs.cells.copy()
    names = [name for group in SEGMENTER_GROUPS for name in GROUPS[group]]
    bare[0][:, [FEATURE_NAMES.index(name) for name in names]] = np.nan
    bare[1][:, :, [CELL_NAMES.index(name) for name in SEGMENTER_CELLS]] = np.nan
    expected = preparation.prepared(replace(data.inputs, rows=bare[0], cells=bare[1]))

    found = _hidden(prepared, hide)

    assert torch.equal(found.rows[:, hide], expected.rows[:, hide])
    assert torch.equal(found.cells[:, hide], expected.cells[:, hide])
    assert torch.equal(found.rows[:, ~hide], prepared.rows[:, ~hide])
    assert torch.equal(found.cells[:, ~hide], prepared.cells[:, ~hide])
    assert not torch.equal(prepared.rows[:, hide], expected.rows[:, hide])  # left as it was
    assert _hidden(prepared, torch.zeros_like(hide)) is prepared

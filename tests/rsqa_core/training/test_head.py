"""Training the base head: the loss against plain loops, what members may see, calibration."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats

from rsqa_core.errors import CancelledError, InvalidInputError
from rsqa_core.features.names import FEATURE_NAMES, GROUPS
from rsqa_core.heads.head import COVERAGE, Prediction, QualityHead
from rsqa_core.training.head import (
    HeadData,
    HeadTraining,
    _drop_groups,
    calibrated,
    head_loss,
    train_head,
)
from tests.rsqa_core.synthetic import FOLDS, head_data

ENCODER = ("colours", "e" * 64)
QUICK = HeadTraining(epochs=3, seeds=2, width=8, weight_decay=0.5)


def predicted(head: QualityHead, data: HeadData) -> Prediction:
    return head.predict(
        data.semantic[data.image_of_row],
        data.rows,
        [data.sources[i] for i in data.image_of_row],
        ENCODER[1],
    )


def plain_loss(
    scores: list[float],
    targets: list[float],
    weights: list[float],
    images: int,
    options: HeadTraining,
) -> float:
    """One member's loss in plain loops: SmoothL1, correlation, pairs within each image."""
    total = sum(weights)
    regression = 0.0
    for s, t, w in zip(scores, targets, weights, strict=True):
        gap = abs(s - t)
        regression += w * (0.5 * gap * gap / 0.05 if gap < 0.05 else gap - 0.025) / total

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
        + options.correlation * (1 - covariance / spread) / 2
        + options.ranking * hinge / max(pairs, 1e-6)
    )


@pytest.mark.parametrize(
    ("correlation", "ranking"),
    [(0.0, 0.0), (0.7, 0.0), (0.0, 0.9), (0.3, 0.2)],
    ids=["regression", "correlation", "ranking", "all"],
)
def test_the_loss_equals_plain_loops(correlation: float, ranking: float) -> None:
    options = HeadTraining(correlation=correlation, ranking=ranking)
    torch.manual_seed(0)
    members, images, size = 3, 4, 5
    logits = torch.randn(members, images * size)
    targets = torch.rand(images * size)
    targets[1] = targets[0] + 0.005  # nearly equal ones are no pair
    weights = torch.rand(members, images * size)
    weights[:, [3, 4, 9]] = 0.0  # padding

    loss = head_loss(logits, targets, weights, images, options)

    scores = torch.sigmoid(logits)
    expected = [
        plain_loss(scores[m].tolist(), targets.tolist(), weights[m].tolist(), images, options)
        for m in range(members)
    ]
    assert float(loss) == pytest.approx(np.mean(expected), rel=1e-4)


def test_padding_and_hidden_rows_are_ignored() -> None:
    options = HeadTraining(correlation=0.3, ranking=0.2)
    torch.manual_seed(1)
    weights = torch.ones(2, 8)
    weights[:, 3] = 0.0
    weights[1, 4:] = 0.0
    targets = torch.rand(8)
    logits = torch.randn(2, 8, requires_grad=True)
    other = logits.detach().clone()
    other[:, 3], other[1, 4:] = 9.0, -9.0

    loss = head_loss(logits, targets, weights, 2, options)
    loss.backward()  # type: ignore[no-untyped-call]

    assert torch.equal(loss.detach(), head_loss(other, targets, weights, 2, options))
    assert logits.grad is not None
    assert torch.equal(logits.grad[weights == 0], torch.zeros(int((weights == 0).sum())))
    assert (logits.grad[weights == 1] != 0).all()


def test_a_member_that_sees_nothing_in_a_batch_adds_no_gradient() -> None:
    logits = torch.randn(2, 4, requires_grad=True)
    weights = torch.tensor([[1.0] * 4, [0.0] * 4])

    head_loss(logits, torch.rand(4), weights, 1, HeadTraining(correlation=0.3)).backward()  # type: ignore[no-untyped-call]

    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()
    assert torch.equal(logits.grad[1], torch.zeros(4))


@pytest.fixture(scope="module")
def data() -> HeadData:
    return head_data(images=36, seed=1)


@pytest.fixture(scope="module")
def learnt(data: HeadData) -> QualityHead:
    return train_head(data, ENCODER, replace(QUICK, epochs=30), trained_on=("made up",))


def test_training_learns_what_holds_on_images_it_never_saw(learnt: QualityHead) -> None:
    unseen = head_data(images=30, seed=2)
    untrained = train_head(unseen, ENCODER, replace(QUICK, epochs=1, learning_rate=1e-9))

    after = predicted(learnt, unseen).score
    before = predicted(untrained, unseen).score

    assert stats.spearmanr(after, unseen.targets).statistic > 0.9
    assert np.abs(after - unseen.targets).mean() < 0.08
    assert np.abs(after - unseen.targets).mean() < 0.7 * np.abs(before - unseen.targets).mean()


def test_scores_of_training_images_are_honest(learnt: QualityHead, data: HeadData) -> None:
    given = predicted(learnt, data)

    assert stats.spearmanr(given.score, data.targets).statistic > 0.8


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
    semantic, numbers, targets = data.semantic.copy(), data.rows.copy(), data.targets.copy()
    semantic[images] *= -3.0
    numbers[rows] = 7.0 - numbers[rows]
    targets[rows] = 1.0 - targets[rows]
    return replace(data, semantic=semantic, rows=numbers, targets=targets)


@pytest.mark.parametrize("fold", sorted(FOLDS))
def test_a_member_never_sees_its_fold(data: HeadData, fold: str) -> None:
    clean = train_head(data, ENCODER, QUICK)
    changed = train_head(poisoned(data, fold), ENCODER, QUICK)
    own = np.array(clean.card.member_fold) == sorted(FOLDS).index(fold)

    for name, before in clean.network.named_parameters():
        after = changed.network.get_parameter(name)
        assert torch.equal(before[own], after[own]), name
    assert not torch.equal(clean.network.w1.weight[~own], changed.network.w1.weight[~own])
    for name in ("embedding_mean", "basis", "semantic_scale", "feature_mean", "feature_scale"):
        before, after = getattr(clean.preparation, name), getattr(changed.preparation, name)
        assert torch.equal(before[own], after[own]), name


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
    targets = data.targets.copy()
    targets[::5] = 0.5

    clean = train_head(replace(data, weights=weights), ENCODER, QUICK)
    changed = train_head(replace(data, weights=weights, targets=targets), ENCODER, QUICK)

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
    kept = np.array([row for row in range(48) if row % 4 <= data.image_of_row[row] % 4])
    uneven = replace(
        data,
        rows=data.rows[kept],
        image_of_row=data.image_of_row[kept],
        targets=data.targets[kept],
        weights=data.weights[kept],
    )

    head = train_head(uneven, ENCODER, QUICK)

    assert np.isfinite(predicted(head, uneven).score).all()
    # Rows in another order, so that what fills up short images is another candidate.
    order = np.roll(np.arange(len(kept)), -int((uneven.image_of_row == 0).sum()))
    moved = replace(
        uneven,
        rows=uneven.rows[order],
        image_of_row=uneven.image_of_row[order],
        targets=uneven.targets[order],
        weights=uneven.weights[order],
    )
    after = train_head(moved, ENCODER, QUICK)
    assert predicted(after, uneven).score == pytest.approx(predicted(head, uneven).score, abs=1e-4)


@pytest.mark.parametrize("names", [("north",), ("", "north")])
def test_one_fold_is_too_few(names: tuple[str, ...]) -> None:
    with pytest.raises(InvalidInputError, match=r"two folds, but got \['north'\]"):
        train_head(head_data(images=6, folds=names), ENCODER, QUICK)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: {"targets": d.targets[:-1]}, "one length"),
        (lambda d: {"weights": d.weights[:-1]}, "one length"),
        (lambda d: {"targets": np.where(d.targets > 0.5, np.nan, d.targets)}, r"\[0, 1\]"),
        (lambda d: {"targets": d.targets + 0.9}, r"\[0, 1\]"),
    ],
    ids=["targets", "weights", "NaN", "beyond 1"],
)
def test_data_that_does_not_fit_is_refused(
    change: Callable[[HeadData], dict[str, object]], message: str
) -> None:
    data = head_data(images=6)

    with pytest.raises(InvalidInputError, match=message):
        replace(data, **change(data))


def test_training_reports_and_can_be_stopped(data: HeadData) -> None:
    seen = []

    def stopping(step: str, done: int, total: int) -> None:
        seen.append((done, total))
        if done == 2:
            raise CancelledError("stop")

    with pytest.raises(CancelledError):
        train_head(data, ENCODER, QUICK, progress=stopping)
    assert seen == [(1, 3), (2, 3)]


def test_the_interval_covers_its_share_of_honest_errors(
    data: HeadData, learnt: QualityHead
) -> None:
    given = predicted(learnt, data)
    inside = (given.low <= data.targets) & (data.targets <= given.high)

    assert inside.mean() == pytest.approx(COVERAGE, abs=0.02)
    unseen = head_data(images=40, seed=9)
    given = predicted(learnt, unseen)
    inside = (given.low <= unseen.targets) & (unseen.targets <= given.high)
    assert inside.mean() > COVERAGE - 0.1  # more, as all members share in these scores


def test_every_image_has_the_same_say_in_calibration(learnt: QualityHead) -> None:
    # Ten images of one candidate each, and one of forty that are far off.
    data = head_data(images=11, per_image=40, seed=5)
    rows = np.concatenate([np.arange(10) * 40, np.arange(400, 440)])
    honest = predicted(learnt, data).score[rows]
    targets = np.clip(honest + np.where(np.arange(50) < 10, 0.01, 0.4), 0, 1)
    uneven = replace(
        data,
        rows=data.rows[rows],
        image_of_row=data.image_of_row[rows],
        targets=targets.astype(np.float32),
        weights=data.weights[rows],
    )

    floor, times = calibrated(learnt, uneven).card.interval

    assert times == pytest.approx(floor / 0.03)
    assert floor < 0.011  # nine of eleven images are right within 0.01


def test_groups_are_dropped_as_if_they_were_missing() -> None:
    features = torch.randn(2, 400, len(FEATURE_NAMES) + len(GROUPS))
    features[..., len(FEATURE_NAMES) :] = 0.0
    before = features.clone()

    dropped = _drop_groups(features, 0.3, np.random.default_rng(0))

    assert torch.equal(features, before)
    for group, (name, names) in enumerate(GROUPS.items()):
        flag = dropped[0, :, len(FEATURE_NAMES) + group] == 1
        columns = [FEATURE_NAMES.index(n) for n in names]
        assert float(flag.float().mean()) == pytest.approx(0.3, abs=0.08), name
        assert torch.equal(
            dropped[:, flag][:, :, columns], torch.zeros(2, int(flag.sum()), len(names))
        )
        assert torch.equal(dropped[:, ~flag][:, :, columns], features[:, ~flag][:, :, columns])
    assert torch.equal(_drop_groups(features, 0.0, np.random.default_rng(0)), features)

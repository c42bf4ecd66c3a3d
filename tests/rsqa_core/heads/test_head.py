"""A quality head as others use it: honest members, bounded scores, refusals, files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from rsqa_core.errors import FingerprintError, InvalidInputError, UnreadableFileError
from rsqa_core.features.names import FEATURE_NAMES, VERSION
from rsqa_core.heads.head import Prediction, QualityHead, load_head
from rsqa_core.training.head import HeadData, HeadTraining, train_head
from tests.rsqa_core.synthetic import FOLDS, head_data

FINGERPRINT = "e" * 64
SEEDS = 2


@pytest.fixture(scope="module")
def data() -> HeadData:
    return head_data(images=12)


@pytest.fixture(scope="module")
def head(data: HeadData) -> QualityHead:
    return train_head(
        data,
        ("colours", FINGERPRINT),
        HeadTraining(epochs=3, seeds=SEEDS, width=8),
        trained_on=("a synthetic set",),
    )


def predicted(
    head: QualityHead, data: HeadData, rows: NDArray[np.float32] | None = None
) -> Prediction:
    return head.predict(
        data.semantic[data.image_of_row],
        data.rows if rows is None else rows,
        [data.sources[i] for i in data.image_of_row],
        FINGERPRINT,
    )


def test_the_card_says_what_the_head_is(head: QualityHead, data: HeadData) -> None:
    assert head.card.encoder_name == "colours"
    assert head.card.encoder_fingerprint == FINGERPRINT
    assert head.card.features_version == VERSION
    assert head.card.trained_on == ("a synthetic set",)
    assert list(head.card.folds) == sorted(FOLDS)
    assert head.card.folds["north"] == tuple(
        sorted(s for s, n in zip(data.sources, data.fold_names, strict=True) if n == "north")
    )


def test_a_known_source_is_scored_by_the_members_that_never_saw_it(
    head: QualityHead, data: HeadData
) -> None:
    known = data.sources[data.fold_names.index("north")]

    weights = head.members_for([known, "never seen"])

    fold = list(head.card.folds).index("north")
    own = np.array(head.card.member_fold) == fold
    assert own.sum() == SEEDS
    assert weights[:, 0] == pytest.approx(own / SEEDS)
    assert weights[:, 1] == pytest.approx(np.full(len(own), 1 / len(own)))
    assert head.fold_of(known) == fold
    assert head.fold_of("never seen") is None


def test_a_score_is_the_mean_over_those_members(head: QualityHead, data: HeadData) -> None:
    chances = 1 / (1 + np.exp(-head.logits(data.semantic[data.image_of_row], data.rows)))
    folds = np.array(head.card.member_fold)
    first = list(head.card.folds).index(data.fold_names[0])
    expected = chances[folds == first, 0]

    given = predicted(head, data)

    assert given.score[0] == pytest.approx(expected.mean(), abs=1e-6)
    assert given.spread[0] == pytest.approx(expected.std(), abs=1e-6)
    foreign = predicted(head, replace(data, sources=tuple(f"x{s}" for s in data.sources)))
    assert foreign.score == pytest.approx(chances.mean(axis=0), abs=1e-6)


def test_scores_and_their_interval_stay_in_order_and_in_range(
    head: QualityHead, data: HeadData
) -> None:
    wild = np.random.default_rng(0).normal(scale=100, size=data.rows.shape).astype(np.float32)

    for rows in (data.rows, wild):
        given = predicted(head, data, rows)
        assert (given.low >= 0).all()
        assert (given.low <= given.score).all()
        assert (given.score <= given.high).all()
        assert (given.high <= 1).all()


@pytest.mark.parametrize("members", [1, 3, 6])
@pytest.mark.parametrize("logit", [60.0, -60.0])
def test_the_surest_scores_are_0_and_1_and_not_beyond(
    head: QualityHead, data: HeadData, members: int, logit: float
) -> None:
    network = type(head.network)(
        6, head.preparation.semantic_inputs, head.network.linear.weight.shape[1], 8
    )
    with torch.no_grad():
        network.out.bias.fill_(logit)
    folds = {name: (f"{name} source",) for name in FOLDS}
    card = replace(head.card, folds=folds, member_fold=(0,) * members + (1,) * (6 - members))
    sure = QualityHead(network, head.preparation, card)

    given = predicted(sure, replace(data, sources=("east source",) * len(data.sources)))

    assert given.score == pytest.approx(np.full(len(data.rows), float(logit > 0)))
    assert given.score.max() <= 1.0
    assert given.score.min() >= 0.0
    assert (given.low <= given.score).all()
    assert (given.score <= given.high).all()


def test_the_interval_is_a_floor_and_times_the_spread(head: QualityHead, data: HeadData) -> None:
    wider = QualityHead(head.network, head.preparation, replace(head.card, interval=(0.02, 3.0)))

    given = predicted(wider, data)

    half = 0.02 + 3.0 * given.spread
    assert given.low == pytest.approx(np.clip(given.score - half, 0, 1))
    assert given.high == pytest.approx(np.clip(given.score + half, 0, 1))


def test_features_of_another_encoder_are_refused(head: QualityHead, data: HeadData) -> None:
    with pytest.raises(FingerprintError, match=r"encoder eeeeeeeeeeee, but.*from ffffffffffff"):
        head.predict(data.semantic[:1], data.rows[:1], ["x"], "f" * 64)


def test_missing_numbers_are_fine(head: QualityHead, data: HeadData) -> None:
    bare = np.full_like(data.rows, np.nan)

    given = predicted(head, data, bare)

    assert np.isfinite(given.score).all()
    assert np.isfinite(given.high).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_semantic_vector_must_be_finite(head: QualityHead, data: HeadData, bad: float) -> None:
    vectors = data.semantic[:2].copy()
    vectors[1, 3] = bad

    with pytest.raises(InvalidInputError, match="finite semantic vectors"):
        head.predict(vectors, data.rows[:2], ["x", "y"], FINGERPRINT)


def test_arrays_of_other_lengths_are_refused(head: QualityHead, data: HeadData) -> None:
    length = data.semantic.shape[1]

    with pytest.raises(InvalidInputError, match=rf"`semantic` to be \(N, {length}\)"):
        head.logits(data.semantic[:2, :-1], data.rows[:2])
    with pytest.raises(InvalidInputError, match=rf"`rows` to be \(2, {len(FEATURE_NAMES)}\)"):
        head.logits(data.semantic[:2], data.rows[:3])
    with pytest.raises(InvalidInputError, match=r"`rows`"):
        head.logits(data.semantic[:2], data.rows[:2, 1:])


def test_a_file_gives_the_same_head_back(tmp_path: Path, head: QualityHead, data: HeadData) -> None:
    path = tmp_path / "head.safetensors"
    digest = head.save(path)

    loaded = load_head(path)

    assert loaded.card == head.card
    before, after = predicted(head, data), predicted(loaded, data)
    assert np.array_equal(before.score, after.score)
    assert np.array_equal(before.low, after.low)
    assert np.array_equal(before.high, after.high)
    assert head.save(tmp_path / "again.safetensors") == digest
    assert loaded.save(tmp_path / "third.safetensors") == digest


def test_folds_keep_their_order_in_a_file(tmp_path: Path, head: QualityHead) -> None:
    folds = {"west": ("w",), "east": ("e",)}  # not in alphabetical order
    card = replace(head.card, folds=folds, member_fold=(0, 0, 0, 1, 1, 1))
    mixed = QualityHead(head.network, head.preparation, card)
    mixed.save(tmp_path / "head.safetensors")

    loaded = load_head(tmp_path / "head.safetensors")

    assert np.array_equal(loaded.members_for(["w", "e"]), mixed.members_for(["w", "e"]))


def test_a_head_of_older_numbers_is_refused(tmp_path: Path, head: QualityHead) -> None:
    path = tmp_path / "old.safetensors"
    card = replace(head.card, features_version=VERSION - 1)
    QualityHead(head.network, head.preparation, card).save(path)

    with pytest.raises(UnreadableFileError, match=rf"version {VERSION - 1}.*version {VERSION}"):
        load_head(path)


def resaved(path: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    with safe_open(path, framework="pt") as stream:
        metadata = stream.metadata()
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path, metadata=metadata)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda t: t["preparation.basis"].view(-1)[0].fill_(float("inf")),
            "not finite, in 'preparation.basis'",
        ),
        (lambda t: t["network.w1.weight"].view(-1)[0].fill_(float("nan")), "not finite"),
        (lambda t: t.pop("network.w1.weight"), r"not whole.*w1\.weight"),
        (lambda t: t.pop("preparation.basis"), r"not whole.*basis"),
        (lambda t: t.update({"network.w1.weight": torch.ones(1)}), r"not whole.*w1\.weight"),
    ],
    ids=["infinite preparation", "NaN weight", "weight missing", "basis missing", "shape"],
)
def test_a_damaged_head_is_refused(
    tmp_path: Path,
    head: QualityHead,
    change: Callable[[dict[str, torch.Tensor]], object],
    message: str,
) -> None:
    path = tmp_path / "head.safetensors"
    head.save(path)
    resaved(path, change)

    with pytest.raises(UnreadableFileError, match=message):
        load_head(path)


def test_what_is_no_head_is_refused(tmp_path: Path) -> None:
    text, other = tmp_path / "text.safetensors", tmp_path / "other.safetensors"
    text.write_text("a head")
    save_file({"a": torch.ones(1)}, other)

    for path in (text, other, tmp_path / "absent.safetensors"):
        with pytest.raises(UnreadableFileError, match=rf"{path.stem}.*rsqa train-head"):
            load_head(path)

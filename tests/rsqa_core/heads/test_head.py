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

from rsqa_core.errors import FingerprintError, UnreadableFileError
from rsqa_core.features.names import VERSION
from rsqa_core.heads import head as head_module
from rsqa_core.heads.anchor import anchor
from rsqa_core.heads.card import Interval
from rsqa_core.heads.gating import GatedHead
from rsqa_core.heads.head import (
    LEAST_CONFIDENCE,
    Prediction,
    QualityHead,
    is_outdated,
    load_head,
)
from rsqa_core.heads.inputs import PLACES
from rsqa_core.heads.process import condition
from rsqa_core.heads.residual import USUAL_HALF_WIDTH
from rsqa_core.training.head import HeadTraining, train_head
from rsqa_core.training.head_data import HeadData
from tests.rsqa_core.synthetic import FOLDS, head_data

FINGERPRINT = "e" * 64
SEEDS = 2
MEMBERS = SEEDS * len(FOLDS)


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


def predicted(head: QualityHead, data: HeadData) -> Prediction:
    return head.predict(data.inputs, data.places, FINGERPRINT)


def elsewhere(data: HeadData, source: str | None = None) -> HeadData:
    """The same candidates, cut from other source images."""
    sources = tuple(source or f"x{name}" for name in data.places.sources)
    return replace(data, places=replace(data.places, sources=sources))


def folds_of(data: HeadData) -> NDArray[np.str_]:
    return np.array(data.fold_names)[data.image_of_row]


def test_the_card_says_what_the_head_is(head: QualityHead, data: HeadData) -> None:
    assert head.card.encoder_name == "colours"
    assert head.card.encoder_fingerprint == FINGERPRINT
    assert head.card.features_version == VERSION
    assert head.card.trained_on == ("a synthetic set",)
    assert list(head.card.folds) == sorted(FOLDS)
    north = np.array(data.places.sources)[folds_of(data) == "north"]
    assert head.card.folds["north"] == tuple(sorted(set(north.tolist())))


def test_a_known_source_is_scored_by_the_members_that_never_saw_it(
    head: QualityHead, data: HeadData
) -> None:
    known = str(np.array(data.places.sources)[folds_of(data) == "north"][0])

    fold = list(head.card.folds).index("north")
    own = np.array(head.card.member_fold) == fold
    assert own.sum() == SEEDS
    cells = head.member_cells(data.inputs)
    assert head.members_of(fold).member_cells(data.inputs) == pytest.approx(cells[own], abs=1e-6)
    assert head.members_of(None) is head
    assert head.fold_of(known) == fold
    assert head.fold_of("never seen") is None


def test_a_score_is_the_mean_over_those_members_and_over_the_cells(
    head: QualityHead, data: HeadData
) -> None:
    plain = head.with_card(offsets={})
    cells = plain.member_cells(data.inputs)
    assert cells.shape == (MEMBERS, len(data.inputs), PLACES)
    folds = np.array(head.card.member_fold)
    first = cells[folds == list(head.card.folds).index(data.fold_names[0]), 0]

    given = predicted(plain, data)

    assert given.score[0] == pytest.approx(first.mean(), abs=1e-6)
    assert given.spread[0] == pytest.approx(first.mean(axis=1).std(), abs=1e-6)
    assert given.cells[0] == pytest.approx(first.mean(axis=0), abs=1e-6)
    foreign = predicted(plain, elsewhere(data))
    assert foreign.score == pytest.approx(cells.mean(axis=(0, 2)), abs=1e-6)
    # A new scene is as doubtful as its members of one fold are apart, as a training scene is.
    by_fold = [cells[folds == fold].mean(axis=2).std(axis=0) for fold in range(len(FOLDS))]
    assert foreign.spread == pytest.approx(np.mean(by_fold, axis=0), abs=1e-6)


def test_cells_are_an_error_map_whose_mean_is_the_score_before_the_offset(
    head: QualityHead, data: HeadData
) -> None:
    moved = head.with_card(offsets={name: {"segmenter 1": 0.01} for name in ("", *FOLDS)})

    for asked in (data, elsewhere(data)):
        given = predicted(moved, asked)
        plain = given.cells.mean(axis=1)
        added = [0.01 * (name == "segmenter 1") for name in data.places.segmenters]
        assert given.score == pytest.approx(plain + added, abs=1e-6)
        assert given.cells.shape == (len(data.inputs), PLACES)
        assert np.ptp(given.cells, axis=1).min() > 0


def test_offsets_are_those_of_the_images_fold(head: QualityHead, data: HeadData) -> None:
    tables = {"": {"segmenter 0": 0.05}, "north": {"segmenter 0": -0.04, "segmenter 2": 0.03}}
    moved = head.with_card(offsets=tables)
    plain = head.with_card(offsets={})

    known = predicted(moved, data).score - predicted(plain, data).score
    foreign = predicted(moved, elsewhere(data)).score - predicted(plain, elsewhere(data)).score

    for row, (fold, name) in enumerate(zip(folds_of(data), data.places.segmenters, strict=True)):
        assert known[row] == pytest.approx(tables.get(str(fold), {}).get(name, 0.0))
        assert foreign[row] == pytest.approx(0.05 if name == "segmenter 0" else 0.0)


def taught_by(
    head: QualityHead, data: HeadData, rows: NDArray[np.int64], errors: NDArray[np.float64]
) -> QualityHead:
    said = predicted(head, data)
    points = head.points(data.inputs, data.places, said.score, said.spread).only(rows)
    process = condition(points, errors, np.zeros(len(rows)))
    return head.with_residual(process.residual(head.card.interval.factor))


def test_many_candidates_are_predicted_in_parts(
    head: QualityHead, data: HeadData, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = np.arange(4)
    taught = taught_by(head, data, labels, np.array([0.1, 0.1, -0.1, 0.2]))
    whole = predicted(taught, data)
    monkeypatch.setattr(head_module, "ROWS_AT_ONCE", 5)

    parts = predicted(taught, data)

    for name in ("score", "low", "high", "spread", "cells"):
        assert getattr(parts, name) == pytest.approx(getattr(whole, name), abs=1e-6), name


def test_some_candidates_are_scored_as_all_of_them_are(head: QualityHead, data: HeadData) -> None:
    rows = np.array([20, 3, 26])

    given = predicted(head, data.only(rows))

    assert given.score == pytest.approx(predicted(head, data).score[rows], abs=1e-6)


def test_no_candidate_has_no_score(head: QualityHead, data: HeadData) -> None:
    given = predicted(head, data.only(np.array([], dtype=np.int64)))

    assert len(given.score) == len(given.low) == len(given.high) == len(given.cells) == 0


def test_scores_and_their_interval_stay_in_order_and_in_range(
    head: QualityHead, data: HeadData
) -> None:
    rng = np.random.default_rng(0)
    inputs = data.inputs
    wild = replace(
        inputs,
        rows=rng.normal(scale=100, size=inputs.rows.shape).astype(np.float32),
        cells=rng.normal(scale=100, size=inputs.cells.shape).astype(np.float32),
    )
    bare = replace(
        inputs,
        rows=np.full_like(inputs.rows, np.nan),
        cells=np.full_like(inputs.cells, np.nan),
    )

    for given in (predicted(head, replace(data, inputs=asked)) for asked in (inputs, wild, bare)):
        assert (given.low >= 0).all()  # False for NaN too
        assert (given.low <= given.score).all()
        assert (given.score <= given.high).all()
        assert (given.high <= 1).all()


@pytest.mark.parametrize("members", [1, 3, 6])
@pytest.mark.parametrize("logit", [60.0, -60.0])
def test_the_surest_scores_are_0_and_1_and_not_beyond(
    head: QualityHead, data: HeadData, members: int, logit: float
) -> None:
    network = GatedHead(MEMBERS, head.preparation.vector_inputs, 4)
    with torch.no_grad():
        network.out.bias.fill_(logit)
    sure = QualityHead(network, head.preparation, head.card).with_card(
        offsets={},
        folds={name: (f"{name} source",) for name in FOLDS},
        member_fold=(0,) * members + (1,) * (MEMBERS - members),
    )

    given = predicted(sure, elsewhere(data, "east source"))

    assert given.score == pytest.approx(np.full(len(data.inputs), float(logit > 0)))
    assert given.score.max() <= 1.0
    assert given.score.min() >= 0.0
    assert (given.low <= given.score).all()
    assert (given.score <= given.high).all()


def test_the_interval_is_a_floor_with_spread_and_doubt(head: QualityHead, data: HeadData) -> None:
    wider = head.with_card(interval=Interval(floor=0.02, spread=3.0, doubt=0.05, factor=1.5))

    given = predicted(wider, data)

    half = 1.5 * (0.02 + 3.0 * given.spread + 0.05 * (1 - given.score))
    assert given.low == pytest.approx(np.clip(given.score - half, 0, 1))
    assert given.high == pytest.approx(np.clip(given.score + half, 0, 1))


def test_an_image_unlike_those_of_the_training_is_farther_away(
    head: QualityHead, data: HeadData
) -> None:
    semantic = data.inputs.semantic
    near = head.unfamiliarity(semantic)
    somewhat, far = (head.unfamiliarity(semantic + shift) for shift in (2.0, 8.0))

    assert near.shape == (len(semantic),)
    assert (near < 1).all()
    assert near.mean() < somewhat.mean() < far.mean()
    assert (far > np.maximum(near, 1)).all()


def test_far_from_the_training_the_first_guess_counts_for_more(
    head: QualityHead, data: HeadData, monkeypatch: pytest.MonkeyPatch
) -> None:
    far = replace(data.inputs, semantic=data.inputs.semantic + np.float32(100.0))
    guess = 1 / (1 + np.exp(-anchor(data.inputs.rows, data.inputs.cells).astype(np.float64)))

    there = np.abs(head.member_cells(far) - guess).mean()

    assert head.confidence(data.inputs.semantic).min() > 0.8
    least = np.float32(LEAST_CONFIDENCE)
    assert head.confidence(far.semantic).numpy() == pytest.approx(least)
    assert there > 0
    monkeypatch.setattr(head_module, "LEAST_CONFIDENCE", 0.0)
    assert head.member_cells(far)[0] == pytest.approx(guess, abs=1e-5)


def test_features_of_another_encoder_are_refused(head: QualityHead, data: HeadData) -> None:
    with pytest.raises(FingerprintError, match=r"encoder eeeeeeeeeeee, but.*from ffffffffffff"):
        head.predict(data.inputs, data.places, "f" * 64)


@pytest.mark.parametrize("taught", [False, True], ids=["base", "with a residual"])
def test_a_file_gives_the_same_head_back(
    tmp_path: Path, head: QualityHead, data: HeadData, taught: bool
) -> None:
    if taught:
        head = taught_by(head, data, np.arange(27), data.targets - 0.5)
    path = tmp_path / "head.safetensors"
    digest = head.save(path)

    loaded = load_head(path)

    assert loaded.card == head.card
    assert (loaded.residual is not None) == taught
    before, after = predicted(head, data), predicted(loaded, data)
    for name in ("score", "low", "high", "spread", "cells"):
        assert np.array_equal(getattr(before, name), getattr(after, name)), name
    for _ in range(8):  # the order of a hash map would change sooner or later
        assert head.save(tmp_path / "again.safetensors") == digest
    assert loaded.save(tmp_path / "third.safetensors") == digest


@pytest.mark.parametrize("gate", ["one-way", "none"])
@pytest.mark.parametrize("branch", ["semantic", "segmentation"])
def test_gate_and_branch_are_in_the_file(
    tmp_path: Path, head: QualityHead, data: HeadData, gate: str, branch: str
) -> None:
    network = GatedHead(MEMBERS, head.preparation.vector_inputs, 4, gate, branch=branch)
    other = QualityHead(network, head.preparation, head.card).with_card(gate=gate, branch=branch)
    other.save(tmp_path / "head.safetensors")

    loaded = load_head(tmp_path / "head.safetensors")

    assert (loaded.network.gate, loaded.network.branch) == (gate, branch)
    assert np.array_equal(predicted(loaded, data).score, predicted(other, data).score)


def test_folds_keep_their_order_in_a_file(tmp_path: Path, head: QualityHead) -> None:
    folds = {"west": ("w",), "east": ("e",)}  # not in alphabetical order
    mixed = head.with_card(folds=folds, member_fold=(0, 0, 0, 1, 1, 1))
    mixed.save(tmp_path / "head.safetensors")

    loaded = load_head(tmp_path / "head.safetensors")

    assert [loaded.fold_of("w"), loaded.fold_of("e")] == [0, 1]
    assert loaded.card.member_fold == mixed.card.member_fold


def test_a_head_of_older_numbers_is_refused(tmp_path: Path, head: QualityHead) -> None:
    path = tmp_path / "old.safetensors"
    head.with_card(features_version=VERSION - 1).save(path)

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


def test_a_head_retrained_by_an_earlier_release_is_outdated_and_refused(
    tmp_path: Path, head: QualityHead, data: HeadData
) -> None:
    path = tmp_path / "head.safetensors"
    taught_by(head, data, np.arange(4), np.full(4, 0.1)).save(path)
    assert not is_outdated(path)
    resaved(path, lambda tensors: tensors.pop("preparation.seen_basis"))

    assert is_outdated(path)
    with pytest.raises(UnreadableFileError, match=r"by an earlier RSQA.*labels are still there"):
        load_head(path)


def test_errors_are_thought_to_be_as_large_as_the_interval_of_the_base(
    head: QualityHead, data: HeadData
) -> None:
    said = predicted(head, data)
    points = head.points(data.inputs, data.places, said.score, said.spread)
    half = head.card.interval.half_width(said.spread, said.score)
    assert points.size == pytest.approx(half / USUAL_HALF_WIDTH)

    # Labels that measure the interval anew do not change what the process was fitted with.
    taught = taught_by(head, data, np.arange(4), np.full(4, 0.1))
    wider = taught.with_card(interval=replace(head.card.interval, factor=9.0))
    again = wider.points(data.inputs, data.places, said.score, said.spread)
    assert again.size == pytest.approx(points.size)
    assert predicted(wider, data).score == pytest.approx(predicted(taught, data).score)

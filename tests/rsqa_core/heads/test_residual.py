"""What labels teach: the Gaussian process against plain loops, and how far a label reaches."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from rsqa_core.errors import InvalidInputError
from rsqa_core.heads import residual as residual_module
from rsqa_core.heads.head import QualityHead, load_head
from rsqa_core.heads.residual import Kernel, Residual, fit_residual
from rsqa_core.training.head import HeadData, HeadTraining, train_head
from tests.rsqa_core.synthetic import head_data

KERNEL = Kernel()
SHARED = ("everywhere", "alike", "image", "image_alike", "source")


def drawn(
    count: int, seed: int = 0
) -> tuple[NDArray[np.float32], list[str], list[str], NDArray[np.float64]]:
    """Candidates, three an image and two images a source, with errors."""
    rng = np.random.default_rng(seed)
    inputs = rng.normal(scale=0.7, size=(count, 4)).astype(np.float32)
    images = [f"image {i // 3}" for i in range(count)]
    sources = [f"source {i // 6}" for i in range(count)]
    return inputs, images, sources, rng.normal(scale=0.1, size=count)


def covariance(kernel: Kernel, a: int, b: int, drawn_: tuple) -> float:  # type: ignore[type-arg]
    """The terms of Kernel's docstring, written out for two candidates."""
    inputs, images, sources, _ = drawn_
    square = sum((float(x) - float(y)) ** 2 for x, y in zip(inputs[a], inputs[b], strict=True))
    value = kernel.everywhere**2
    value += kernel.alike**2 * math.exp(-square / (2 * kernel.alike_length**2))
    if images[a] == images[b]:
        value += kernel.image**2
        value += kernel.image_alike**2 * math.exp(-square / (2 * kernel.image_length**2))
    if sources[a] == sources[b]:
        value += kernel.source**2
    return value


def test_corrections_are_those_of_a_gaussian_process_written_out() -> None:
    every = inputs, images, sources, errors = drawn(18)
    noise = np.linspace(0, 0.1, 12)
    fitted = fit_residual(inputs[:12], images[:12], sources[:12], errors[:12], noise)
    known = [[covariance(KERNEL, a, b, every) for b in range(12)] for a in range(12)]
    matrix = np.array(known) + np.diag(KERNEL.noise**2 + noise**2)
    weights = np.linalg.inv(matrix) @ errors[:12]
    asked = np.array([[covariance(KERNEL, a, b, every) for b in range(12)] for a in range(18)])

    correction, closeness = fitted.correction(inputs, images, sources)

    assert correction == pytest.approx(asked @ weights, abs=1e-6)
    variance = covariance(KERNEL, 0, 0, every)
    assert KERNEL.variance == pytest.approx(variance)
    assert closeness == pytest.approx(asked.max(axis=1) / variance, abs=1e-6)


def test_many_candidates_are_corrected_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs, images, sources, errors = drawn(18)
    fitted = fit_residual(inputs, images, sources, errors, np.zeros(18))
    whole = fitted.correction(inputs, images, sources)
    monkeypatch.setattr(residual_module, "_ROWS_AT_ONCE", 5)

    parts = fitted.correction(inputs, images, sources)

    assert parts[0] == pytest.approx(whole[0])
    assert parts[1] == pytest.approx(whole[1])


def one_label(error: float, noise: float = 0.0, kernel: Kernel = KERNEL) -> Residual:
    at_zero = np.zeros((1, 4), dtype=np.float32)
    return fit_residual(
        at_zero, ["image"], ["source"], np.array([error]), np.array([noise]), kernel
    )


def correction_at(fitted: Residual, distance: float, image: str, source: str) -> float:
    inputs = np.array([[distance, 0, 0, 0]], dtype=np.float32)
    return float(fitted.correction(inputs, [image], [source])[0][0])


def test_a_label_says_most_of_itself_then_of_its_image_then_of_its_source() -> None:
    fitted = one_label(0.1)
    itself = correction_at(fitted, 0, "image", "source")
    sibling = correction_at(fitted, 2, "image", "source")
    neighbour = correction_at(fitted, 2, "other", "source")
    stranger = correction_at(fitted, 2, "other", "elsewhere")
    twin = correction_at(fitted, 0, "other", "elsewhere")

    assert 0.09 < itself < 0.1
    assert itself > sibling > neighbour > stranger > 0
    assert itself > twin > stranger


def test_far_from_every_label_nothing_is_added_but_what_all_share() -> None:
    apart = Kernel(everywhere=0.0)

    assert correction_at(one_label(0.1, kernel=apart), 50, "other", "elsewhere") == 0.0
    assert 0 < correction_at(one_label(0.1), 50, "other", "elsewhere") < 0.005


def test_an_unsure_label_counts_for_less() -> None:
    sure, unsure = (
        correction_at(one_label(0.1, noise), 0, "image", "source") for noise in (0.0, 0.2)
    )

    assert 0 < unsure < 0.6 * sure


def test_closeness_is_1_at_a_label_and_falls_with_the_distance() -> None:
    fitted = one_label(0.1)
    inputs = np.array([[d, 0, 0, 0] for d in (0, 1, 2, 50)], dtype=np.float32)

    _, closeness = fitted.correction(inputs, ["image"] * 4, ["source"] * 4)
    _, elsewhere = fitted.correction(inputs, ["other"] * 4, ["elsewhere"] * 4)

    assert closeness[0] == pytest.approx(1.0)
    assert (np.diff(closeness) < 0).all()
    assert (elsewhere < closeness).all()
    assert elsewhere[-1] < 0.05


def test_of_too_many_labels_a_seeded_choice_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs, images, sources, errors = drawn(18)
    monkeypatch.setattr(residual_module, "MAX_POINTS", 7)

    fitted, again, other = (
        fit_residual(inputs, images, sources, errors, np.zeros(18), seed=seed) for seed in (1, 1, 2)
    )

    assert len(fitted.inputs) == len(fitted.images) == len(fitted.sources) == len(fitted.alpha) == 7
    rows = [int(np.flatnonzero((inputs == point).all(axis=1))[0]) for point in fitted.inputs]
    assert fitted.images == tuple(images[row] for row in rows)
    assert fitted.sources == tuple(sources[row] for row in rows)
    assert np.array_equal(fitted.alpha, again.alpha)
    assert not np.array_equal(fitted.inputs, other.inputs)


def test_an_error_must_be_finite() -> None:
    with pytest.raises(InvalidInputError, match="finite labels"):
        one_label(float("nan"))


@pytest.fixture(scope="module")
def data() -> HeadData:
    return head_data(images=12)


@pytest.fixture(scope="module")
def base(data: HeadData) -> QualityHead:
    return train_head(data, ("colours", "e" * 64), HeadTraining(epochs=2, seeds=1, width=8))


@pytest.fixture(scope="module")
def taught(base: QualityHead, data: HeadData) -> QualityHead:
    """The base head that was told that image 0, candidates 0 and 1, are much better."""
    semantic, rows = data.semantic[data.image_of_row], data.rows
    residual = fit_residual(
        base.residual_inputs(semantic, rows)[:2],
        [data.sources[0]] * 2,
        ["a scene"] * 2,
        np.array([0.2, 0.2]),
        np.zeros(2),
    )
    return QualityHead(base.network, base.preparation, base.card, residual)


def scores_of(head: QualityHead, data: HeadData, *, named: bool = True):  # type: ignore[no-untyped-def]
    names = [data.sources[i] for i in data.image_of_row]
    return head.predict(
        data.semantic[data.image_of_row],
        data.rows,
        names,
        "e" * 64,
        names if named else None,
    )


def test_a_head_adds_what_it_was_taught(
    base: QualityHead, taught: QualityHead, data: HeadData
) -> None:
    names = [data.sources[i] for i in data.image_of_row]
    assert taught.residual is not None
    inputs = base.residual_inputs(data.semantic[data.image_of_row], data.rows)
    correction, _ = taught.residual.correction(inputs, names, names)

    before, after = scores_of(base, data), scores_of(taught, data)

    assert correction[:2].min() > 0.1
    assert after.score == pytest.approx(np.clip(before.score + correction, 0, 1))
    assert after.score[:4] == pytest.approx(after.score[:4].clip(min=before.score[:4] + 0.02))


def test_close_to_a_label_a_head_is_surer(
    base: QualityHead, taught: QualityHead, data: HeadData
) -> None:
    def half(head: QualityHead) -> NDArray[np.float64]:
        wide = QualityHead(head.network, head.preparation, base.card, head.residual)
        given = scores_of(wide, data)
        return np.maximum(given.high - given.score, given.score - given.low)

    narrowing = half(taught) / half(base)

    assert narrowing[:2].max() < 0.5
    assert narrowing[:2].min() > 0.0  # a label is not the truth
    assert narrowing[4:].min() > narrowing[:2].max()
    given = scores_of(taught, data)
    assert (given.low <= given.score).all()
    assert (given.score <= given.high).all()


def test_without_image_names_siblings_are_not_recognised(
    taught: QualityHead, data: HeadData
) -> None:
    named, anonymous = scores_of(taught, data), scores_of(taught, data, named=False)

    assert (named.score[:2] > anonymous.score[:2]).all()
    assert named.score[4:] == pytest.approx(anonymous.score[4:])


def test_scores_stay_in_range_whatever_was_taught(base: QualityHead, data: HeadData) -> None:
    semantic, names = data.semantic[data.image_of_row], [data.sources[i] for i in data.image_of_row]
    for error in (3.0, -3.0):
        residual = fit_residual(
            base.residual_inputs(semantic, data.rows),
            names,
            names,
            np.full(len(names), error),
            np.zeros(len(names)),
        )
        given = scores_of(QualityHead(base.network, base.preparation, base.card, residual), data)
        assert given.score == pytest.approx(np.full(len(names), float(error > 0)))
        assert (given.low >= 0).all()
        assert (given.high <= 1).all()


def test_what_was_taught_is_in_the_file(
    tmp_path: Path, taught: QualityHead, data: HeadData
) -> None:
    taught.save(tmp_path / "head.safetensors")

    loaded = load_head(tmp_path / "head.safetensors")

    assert loaded.residual is not None
    assert loaded.residual.kernel == Kernel()
    before, after = scores_of(taught, data), scores_of(loaded, data)
    assert np.array_equal(before.score, after.score)
    assert np.array_equal(before.low, after.low)

"""What labels teach: the Gaussian process against plain loops, and how far a label reaches."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from rsqa_core.errors import InvalidInputError
from rsqa_core.heads import residual as residual_module
from rsqa_core.heads.head import Prediction, QualityHead, load_head
from rsqa_core.heads.inputs import Places
from rsqa_core.heads.residual import Kernel, Residual, fit_residual
from rsqa_core.heads.residual import covariance as kernel_matrix
from rsqa_core.training.head import HeadTraining, train_head
from rsqa_core.training.head_data import HeadData
from tests.rsqa_core.synthetic import head_data

KERNEL = Kernel()
Drawn = tuple[NDArray[np.float32], Places, NDArray[np.float64]]


def drawn(count: int, seed: int = 0) -> Drawn:
    """Candidates, three an image and two images a source, with errors."""
    rng = np.random.default_rng(seed)
    inputs = rng.normal(scale=0.7, size=(count, 4)).astype(np.float32)
    places = Places(
        images=tuple(f"image {i // 3}" for i in range(count)),
        sources=tuple(f"source {i // 6}" for i in range(count)),
        centres_px=np.repeat(rng.uniform(0, 1500, size=(-(-count // 3), 2)), 3, axis=0)[:count],
        segmenters=("bands",) * count,
    )
    return inputs, places, rng.normal(scale=0.1, size=count)


def covariance(kernel: Kernel, a: int, b: int, drawn_: Drawn) -> float:
    """The terms of Kernel's docstring, written out for two candidates."""
    inputs, places, _ = drawn_
    square = sum((float(x) - float(y)) ** 2 for x, y in zip(inputs[a], inputs[b], strict=True))
    alike = math.exp(-square / (2 * kernel.alike_length**2))
    value = kernel.everywhere**2 + kernel.alike**2 * alike
    if places.images[a] == places.images[b]:
        value += kernel.image**2
        value += kernel.image_alike**2 * math.exp(-square / (2 * kernel.image_length**2))
    if places.sources[a] == places.sources[b]:
        (x, y), (u, v) = places.centres_px[a], places.centres_px[b]
        apart = (x - u) ** 2 + (y - v) ** 2
        value += kernel.source**2
        value += kernel.near**2 * alike * math.exp(-apart / (2 * kernel.near_px**2))
    return value


def test_corrections_are_those_of_a_gaussian_process_written_out() -> None:
    every = inputs, places, errors = drawn(18)
    noise = np.linspace(0, 0.1, 12)
    fitted = fit_residual(inputs[:12], places.only(np.arange(12)), errors[:12], noise)
    known = [[covariance(KERNEL, a, b, every) for b in range(12)] for a in range(12)]
    matrix = np.array(known) + np.diag(KERNEL.noise**2 + noise**2)
    weights = np.linalg.inv(matrix) @ errors[:12]
    asked = np.array([[covariance(KERNEL, a, b, every) for b in range(12)] for a in range(18)])

    correction, closeness = fitted.correction(inputs, places)

    assert correction == pytest.approx(asked @ weights, abs=1e-6)
    variance = covariance(KERNEL, 0, 0, every)
    assert KERNEL.variance == pytest.approx(variance)
    assert closeness == pytest.approx(asked.max(axis=1) / variance, abs=1e-6)


@pytest.mark.parametrize("part", ["alike", "image", "image_alike", "source", "near"])
def test_every_term_alone_is_a_covariance(part: str) -> None:
    inputs, places, _ = drawn(60, seed=3)
    names = ("everywhere", "alike", "image", "image_alike", "source", "near")
    kernel = Kernel(**{name: 1.0 if name == part else 0.0 for name in names})

    matrix = kernel_matrix(kernel, inputs, places, inputs, places)

    assert np.array_equal(matrix, matrix.T)
    assert np.diag(matrix) == pytest.approx(np.ones(60))
    assert np.linalg.eigvalsh(matrix).min() > -1e-5  # inputs are of single precision


def test_the_matrix_of_a_fit_is_positive_definite() -> None:
    inputs, places, _ = drawn(60, seed=4)
    inputs = np.repeat(inputs[:20], 3, axis=0)  # candidates that look the same

    matrix = kernel_matrix(KERNEL, inputs, places, inputs, places)

    np.linalg.cholesky(matrix + KERNEL.noise**2 * np.eye(60))


def test_many_candidates_are_corrected_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs, places, errors = drawn(18)
    fitted = fit_residual(inputs, places, errors, np.zeros(18))
    whole = fitted.correction(inputs, places)
    monkeypatch.setattr(residual_module, "_ROWS_AT_ONCE", 5)

    parts = fitted.correction(inputs, places)

    assert parts[0] == pytest.approx(whole[0])
    assert parts[1] == pytest.approx(whole[1])


def at(image: str, source: str, x_px: float = 0.0, count: int = 1) -> Places:
    centres = np.tile([x_px, 0.0], (count, 1))
    return Places((image,) * count, (source,) * count, centres, ("bands",) * count)


def one_label(error: float, noise: float = 0.0, kernel: Kernel = KERNEL) -> Residual:
    at_zero = np.zeros((1, 4), dtype=np.float32)
    return fit_residual(
        at_zero, at("image", "source"), np.array([error]), np.array([noise]), kernel
    )


def correction_at(
    fitted: Residual, distance: float, image: str, source: str, x_px: float = 0.0
) -> float:
    inputs = np.array([[distance, 0, 0, 0]], dtype=np.float32)
    return float(fitted.correction(inputs, at(image, source, x_px))[0][0])


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


def test_a_label_helps_a_close_tile_of_its_source_more_than_a_far_one() -> None:
    fitted = one_label(0.1)
    close, next_but_one, far = (
        correction_at(fitted, 0.2, "other", "source", x_px) for x_px in (512, 1024, 20_000)
    )

    assert close > next_but_one > far > 0
    without = one_label(0.1, kernel=replace(KERNEL, near=0.0))
    assert correction_at(without, 0.2, "other", "source", 512) == pytest.approx(
        correction_at(without, 0.2, "other", "source", 20_000)
    )


def test_closeness_in_pixels_counts_within_one_source_only() -> None:
    fitted = one_label(0.1)
    here, there = (correction_at(fitted, 0.2, "other", "elsewhere", x) for x in (0, 20_000))

    assert here == there


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

    _, closeness = fitted.correction(inputs, at("image", "source", count=4))
    _, elsewhere = fitted.correction(inputs, at("other", "elsewhere", count=4))

    assert closeness[0] == pytest.approx(1.0)
    assert (np.diff(closeness) < 0).all()
    assert (elsewhere < closeness).all()
    assert elsewhere[-1] < 0.05


def test_of_too_many_labels_a_seeded_choice_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs, places, errors = drawn(18)
    monkeypatch.setattr(residual_module, "MAX_POINTS", 7)

    fitted, again, other = (
        fit_residual(inputs, places, errors, np.zeros(18), seed=seed) for seed in (1, 1, 2)
    )

    assert len(fitted.inputs) == len(fitted.places) == len(fitted.alpha) == 7
    rows = [int(np.flatnonzero((inputs == point).all(axis=1))[0]) for point in fitted.inputs]
    assert fitted.places.images == tuple(places.images[row] for row in rows)
    assert fitted.places.sources == tuple(places.sources[row] for row in rows)
    assert np.array_equal(fitted.places.centres_px, places.centres_px[rows])
    assert np.array_equal(fitted.alpha, again.alpha)
    assert not np.array_equal(fitted.inputs, other.inputs)


def test_an_error_must_be_finite() -> None:
    with pytest.raises(InvalidInputError, match="finite labels"):
        one_label(float("nan"))


@pytest.fixture(scope="module")
def data() -> HeadData:
    return head_data(images=9)


@pytest.fixture(scope="module")
def base(data: HeadData) -> QualityHead:
    return train_head(data, ("colours", "e" * 64), HeadTraining(epochs=1, seeds=1, width=4))


@pytest.fixture(scope="module")
def taught(base: QualityHead, data: HeadData) -> QualityHead:
    """The base head that was told that candidates 0 and 1 of image 0 are much better."""
    told = np.arange(2)
    return told_of(base, data, told, np.array([0.2, 0.2]))


def told_of(
    base: QualityHead, data: HeadData, rows: NDArray[np.int64], errors: NDArray[np.float64]
) -> QualityHead:
    residual = fit_residual(
        base.residual_inputs(data.inputs)[rows],
        data.places.only(rows),
        errors,
        np.zeros(len(rows)),
    )
    return QualityHead(base.network, base.preparation, base.card, residual)


def scores_of(head: QualityHead, data: HeadData) -> Prediction:
    return head.predict(data.inputs, data.places, "e" * 64)


def test_a_head_adds_what_it_was_taught(
    base: QualityHead, taught: QualityHead, data: HeadData
) -> None:
    assert taught.residual is not None
    correction, _ = taught.residual.correction(base.residual_inputs(data.inputs), data.places)

    before, after = scores_of(base, data), scores_of(taught, data)

    assert correction[:2].min() > 0.1
    assert after.score == pytest.approx(np.clip(before.score + correction, 0, 1))
    assert (after.score[:3] > before.score[:3] + 0.02).all()
    assert np.array_equal(after.cells, before.cells)  # a label says nothing of a place


def test_close_to_a_label_a_head_is_surer(
    base: QualityHead, taught: QualityHead, data: HeadData
) -> None:
    def half(head: QualityHead) -> NDArray[np.float64]:
        given = scores_of(head, data)
        return np.maximum(given.high - given.score, given.score - given.low)

    narrowing = half(taught) / half(base)

    assert narrowing[:2].max() < 0.5
    assert narrowing[:2].min() > 0.0  # a label is not the truth
    assert narrowing[4:].min() > narrowing[:2].max()
    given = scores_of(taught, data)
    assert (given.low <= given.score).all()
    assert (given.score <= given.high).all()


def test_without_names_siblings_are_not_recognised(taught: QualityHead, data: HeadData) -> None:
    nameless = ("",) * len(data.places)
    unknown = replace(data.places, images=nameless, sources=nameless)

    named, anonymous = scores_of(taught, data), scores_of(taught, replace(data, places=unknown))

    assert taught.residual is not None
    inputs = taught.residual_inputs(data.inputs)
    known, _ = taught.residual.correction(inputs, data.places)
    alone, _ = taught.residual.correction(inputs, unknown)
    assert (known[:3] > alone[:3]).all()
    assert known[3:] == pytest.approx(alone[3:])
    assert not np.allclose(named.score[:3], anonymous.score[:3])


def test_candidates_without_a_name_are_not_of_one_image() -> None:
    inputs, places, _ = drawn(2)
    nameless = replace(places, images=("", ""), sources=("", ""))

    shared = kernel_matrix(KERNEL, inputs, nameless, inputs, nameless)[0, 1]

    strangers = replace(places, images=("a", "b"), sources=("c", "d"))
    assert shared == kernel_matrix(KERNEL, inputs, strangers, inputs, strangers)[0, 1]


def test_scores_stay_in_range_whatever_was_taught(base: QualityHead, data: HeadData) -> None:
    everything = np.arange(len(data.inputs))
    for error in (3.0, -3.0):
        head = told_of(base, data, everything, np.full(len(everything), error))
        given = scores_of(head, data)
        assert given.score == pytest.approx(np.full(len(everything), float(error > 0)))
        assert (given.low >= 0).all()
        assert (given.high <= 1).all()


def test_what_was_taught_is_in_the_file(
    tmp_path: Path, taught: QualityHead, data: HeadData
) -> None:
    taught.save(tmp_path / "head.safetensors")

    loaded = load_head(tmp_path / "head.safetensors")

    assert loaded.residual is not None
    assert taught.residual is not None
    assert loaded.residual.kernel == Kernel()
    assert loaded.residual.places.images == taught.residual.places.images
    assert loaded.residual.places.segmenters == taught.residual.places.segmenters
    before, after = scores_of(taught, data), scores_of(loaded, data)
    assert np.array_equal(before.score, after.score)
    assert np.array_equal(before.low, after.low)

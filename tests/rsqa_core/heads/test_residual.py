"""What labels teach: the Gaussian process against plain loops, and how far a label reaches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from rsqa_core.heads import residual as residual_module
from rsqa_core.heads.head import Prediction, QualityHead, load_head
from rsqa_core.heads.inputs import Places
from rsqa_core.heads.process import condition
from rsqa_core.heads.residual import Kernel, Points, Residual
from rsqa_core.heads.residual import covariance as kernel_matrix
from rsqa_core.training.head import HeadTraining, train_head
from rsqa_core.training.head_data import HeadData
from tests.rsqa_core.synthetic import head_data

KERNEL = Kernel()
Drawn = tuple[Points, NDArray[np.float64]]


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
    score, size = rng.uniform(0.2, 0.9, count), rng.uniform(0.5, 2.0, count)
    return Points(inputs, places, score, size), rng.normal(scale=0.1, size=count)


def fit_residual(points: Points, errors: NDArray[np.float64], noise: float = 0.0) -> Residual:
    """What labels teach, taken at their word."""
    process = condition(points, errors, np.full(len(points), noise))
    return replace(process.residual(1.0), trust=1.0)


def covariance(kernel: Kernel, a: int, b: int, points: Points) -> float:
    """The terms of Kernel's docstring, written out for two candidates."""
    inputs, places = points.inputs, points.places
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
    apart = (points.score[a] - points.score[b]) ** 2
    value *= math.exp(-apart / (2 * kernel.score_length**2))
    return float(value * points.size[a] * points.size[b])


def test_corrections_are_those_of_a_gaussian_process_written_out() -> None:
    points, errors = drawn(18)
    noise = np.linspace(0, 0.1, 12)
    fitted = condition(points.only(np.arange(12)), errors[:12], noise).residual(1.0)
    known = [[covariance(KERNEL, a, b, points) for b in range(12)] for a in range(12)]
    matrix = np.array(known) + np.diag(KERNEL.noise**2 + noise**2)
    weights = np.linalg.inv(matrix) @ errors[:12]
    asked = np.array([[covariance(KERNEL, a, b, points) for b in range(12)] for a in range(18)])

    correction, explained = fitted.correction(points)

    prior = np.array([covariance(KERNEL, a, a, points) for a in range(18)])
    assert prior == pytest.approx(KERNEL.variance * points.size**2)
    nearest = (asked**2 / (prior[:12] + KERNEL.noise**2)).max(axis=1) / prior
    share = fitted.trust + (1 - fitted.trust) * np.sqrt(nearest)
    assert 0 < fitted.trust < 1
    assert correction == pytest.approx(share * (asked @ weights), abs=1e-6)
    assert explained == pytest.approx(share * nearest, abs=1e-6)


@pytest.mark.parametrize("part", ["alike", "image", "image_alike", "source", "near"])
def test_every_term_alone_is_a_covariance(part: str) -> None:
    points, _ = drawn(60, seed=3)
    names = ("everywhere", "alike", "image", "image_alike", "source", "near")
    kernel = Kernel(**{name: 1.0 if name == part else 0.0 for name in names})

    matrix = kernel_matrix(kernel, points, points)

    assert matrix == pytest.approx(matrix.T)
    assert np.diag(matrix) == pytest.approx(points.size**2)
    assert np.linalg.eigvalsh(matrix).min() > -1e-5  # inputs are of single precision


def test_the_matrix_of_a_fit_is_positive_definite() -> None:
    points, _ = drawn(60, seed=4)
    inputs = np.repeat(points.inputs[:20], 3, axis=0)  # candidates that look the same
    points = replace(points, inputs=inputs, score=np.repeat(points.score[:20], 3))

    matrix = kernel_matrix(KERNEL, points, points)

    np.linalg.cholesky(matrix + KERNEL.noise**2 * np.eye(60))


def test_many_candidates_are_corrected_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    points, errors = drawn(18)
    fitted = fit_residual(points, errors)
    whole = fitted.correction(points)
    monkeypatch.setattr(residual_module, "_ROWS_AT_ONCE", 5)

    parts = fitted.correction(points)

    assert parts[0] == pytest.approx(whole[0])
    assert parts[1] == pytest.approx(whole[1])


def at(image: str, source: str, x_px: float = 0.0, count: int = 1) -> Places:
    centres = np.tile([x_px, 0.0], (count, 1))
    return Places((image,) * count, (source,) * count, centres, ("bands",) * count)


def one_label(error: float, noise: float = 0.0, kernel: Kernel = KERNEL) -> Residual:
    at_zero = placed([0.0], at("image", "source"))
    return condition(at_zero, np.array([error]), np.array([noise]), kernel).residual(1.0)


def placed(
    distances: Sequence[float], places: Places, score: float = 0.6, size: float = 1.0
) -> Points:
    """Candidates at some distances from the label of `one_label`."""
    inputs = np.array([[d, 0, 0, 0] for d in distances], dtype=np.float32)
    return Points(inputs, places, np.full(len(distances), score), np.full(len(distances), size))


def correction_at(
    fitted: Residual,
    distance: float,
    image: str,
    source: str,
    x_px: float = 0.0,
    *,
    score: float = 0.6,
    size: float = 1.0,
) -> float:
    asked = placed([distance], at(image, source, x_px), score, size)
    return float(fitted.correction(asked)[0][0])


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


def test_a_label_explains_most_of_its_own_error_and_less_with_the_distance() -> None:
    fitted = one_label(0.1)
    distances = (0, 1, 2, 50)

    _, explained = fitted.correction(placed(distances, at("image", "source", count=4)))
    _, elsewhere = fitted.correction(placed(distances, at("other", "elsewhere", count=4)))

    whole = KERNEL.variance / (KERNEL.variance + KERNEL.noise**2)
    assert explained[0] == pytest.approx(whole)
    assert (np.diff(explained) < 0).all()
    assert (elsewhere < explained).all()
    assert elsewhere[-1] < 0.05


def test_without_trust_a_label_holds_where_it_is_and_not_far_away() -> None:
    whole = one_label(0.1)
    doubted = replace(whole, trust=0.0)

    assert correction_at(doubted, 0, "image", "source") > 0.99 * correction_at(
        whole, 0, "image", "source"
    )
    far = correction_at(doubted, 2, "other", "elsewhere")
    assert 0 < far < 0.2 * correction_at(whole, 2, "other", "elsewhere")


def test_a_label_says_more_where_the_head_is_less_sure() -> None:
    fitted = one_label(0.1)
    surer, as_sure, less_sure = (
        correction_at(fitted, 1, "other", "source", size=size) for size in (0.5, 1.0, 2.0)
    )

    assert surer == pytest.approx(as_sure / 2)
    assert less_sure == pytest.approx(as_sure * 2)


def test_a_label_says_little_of_candidates_that_are_predicted_otherwise() -> None:
    fitted = one_label(0.1)
    alike, unlike = (
        correction_at(fitted, 1, "image", "source", score=score) for score in (0.6, 0.1)
    )

    assert 0 < unlike < 0.3 * alike


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
    residual = fit_residual(points_of(base, data).only(rows), errors)
    return base.with_residual(replace(residual, factor=base.card.interval.factor))


def points_of(head: QualityHead, data: HeadData) -> Points:
    said = scores_of(head.without_residual(), data)
    return head.points(data.inputs, data.places, said.score, said.spread)


def scores_of(head: QualityHead, data: HeadData) -> Prediction:
    return head.predict(data.inputs, data.places, "e" * 64)


def test_a_head_adds_what_it_was_taught(
    base: QualityHead, taught: QualityHead, data: HeadData
) -> None:
    assert taught.residual is not None
    correction, _ = taught.residual.correction(points_of(base, data))

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
    points = points_of(taught, data)
    known, _ = taught.residual.correction(points)
    alone, _ = taught.residual.correction(replace(points, places=unknown))
    assert (known[:3] > alone[:3]).all()
    assert known[3:] == pytest.approx(alone[3:])
    assert not np.allclose(named.score[:3], anonymous.score[:3])


def test_candidates_without_a_name_are_not_of_one_image() -> None:
    points, _ = drawn(2)
    places = points.places
    nameless = replace(points, places=replace(places, images=("", ""), sources=("", "")))

    shared = kernel_matrix(KERNEL, nameless, nameless)[0, 1]

    strangers = replace(points, places=replace(places, images=("a", "b"), sources=("c", "d")))
    assert shared == kernel_matrix(KERNEL, strangers, strangers)[0, 1]


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
    assert loaded.residual.points.places.images == taught.residual.points.places.images
    assert loaded.residual.points.places.segmenters == taught.residual.points.places.segmenters
    before, after = scores_of(taught, data), scores_of(loaded, data)
    assert np.array_equal(before.score, after.score)
    assert np.array_equal(before.low, after.low)

"""The process on a head's errors: labels taken back, and how far its corrections are trusted."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from rsqa_core.errors import InvalidInputError
from rsqa_core.heads import process as process_module
from rsqa_core.heads.inputs import Places
from rsqa_core.heads.process import TRUST_DEVIATION, condition
from rsqa_core.heads.residual import Kernel, Points, covariance

Values = NDArray[np.float64]


def drawn(count: int, seed: int = 0, an_image: int = 2) -> Points:
    rng = np.random.default_rng(seed)
    places = Places(
        images=tuple(f"image {i // an_image}" for i in range(count)),
        sources=tuple(f"source {i // 6}" for i in range(count)),
        centres_px=rng.uniform(0, 1500, size=(count, 2)),
        segmenters=("bands",) * count,
    )
    inputs = rng.normal(scale=0.7, size=(count, 4)).astype(np.float32)
    return Points(inputs, places, rng.uniform(0.4, 0.7, count), rng.uniform(0.8, 1.5, count))


def errors_of(points: Points, seed: int = 0) -> Values:
    """Errors as the kernel says that they are."""
    matrix = covariance(Kernel(), points, points) + 1e-4 * np.eye(len(points))
    rng = np.random.default_rng(seed)
    drawn_errors: Values = np.linalg.cholesky(matrix) @ rng.normal(size=len(points))
    return drawn_errors


def none(count: int) -> Values:
    return np.zeros(count)


def test_labels_taken_back_were_never_there() -> None:
    points = drawn(20)
    errors, noise = errors_of(points), np.linspace(0, 0.1, 20)
    rows = np.arange(12)

    left = condition(points, errors, noise).residual(2.0, without=np.arange(12, 20))

    fresh = condition(points.only(rows), errors[rows], noise[rows]).residual(2.0)
    assert left.weights == pytest.approx(fresh.weights, rel=1e-6)
    assert left.trust == pytest.approx(fresh.trust)
    assert left.points.places.images == fresh.points.places.images
    assert np.array_equal(left.points.inputs, fresh.points.inputs)


def test_labels_are_taken_back_by_the_numbers_that_they_were_given() -> None:
    points = drawn(6)
    process = condition(points, errors_of(points), none(6), names=np.arange(10, 16))

    left = process.residual(1.0, without=np.array([3, 12, 15]))
    whole = process.residual(1.0, without=np.array([3]))

    assert np.array_equal(left.points.score, points.score[[0, 1, 3, 4]])
    assert np.array_equal(whole.weights, process.residual(1.0).weights)
    assert not len(process.residual(1.0, without=process.names).points)


def test_labels_that_agree_are_trusted_and_such_that_contradict_are_not() -> None:
    points = drawn(80, an_image=1)
    alike = points.inputs.copy()
    alike[1::2] = alike[::2]  # pairs that look the same, of two images
    score = np.repeat(points.score[::2], 2)
    points = Points(alike, points.places, score, np.ones(80))
    agreeing = np.repeat(np.random.default_rng(1).normal(scale=0.1, size=40), 2)
    contradicting = agreeing * np.tile([1, -1], 40)

    assert condition(points, agreeing, none(80)).residual(1.0).trust > 0.9
    assert condition(points, contradicting, none(80)).residual(1.0).trust < 0.1


def test_the_trust_is_the_slope_of_errors_over_what_others_say() -> None:
    points = drawn(30, seed=2)
    errors = np.random.default_rng(2).normal(scale=0.1, size=30)  # of no pattern
    said = np.empty(30)
    for name in set(points.places.images):
        own = np.array([i for i, other in enumerate(points.places.images) if other == name])
        rest = np.setdiff1d(np.arange(30), own)
        others = condition(points.only(rest), errors[rest], none(28))
        said[own] = covariance(Kernel(), points.only(own), others.points) @ others.weights

    residual = condition(points, errors, none(30)).residual(2.0)

    scatter = np.mean((errors - said) ** 2)
    prior = scatter / TRUST_DEVIATION**2
    slope = (said @ errors + prior) / (said @ said + prior)
    assert residual.trust == pytest.approx(slope, abs=1e-4)  # inputs are of single precision
    assert 0 < residual.trust < 0.9
    assert residual.factor == 2.0


@pytest.mark.parametrize("error", [0.0, 0.3])
def test_one_image_says_nothing_against_itself(error: float) -> None:
    assert condition(drawn(2), np.full(2, error), none(2)).residual(1.0).trust == 1.0


def test_of_too_many_labels_a_seeded_choice_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    points = drawn(18)
    errors = errors_of(points)
    monkeypatch.setattr(process_module, "MAX_POINTS", 7)

    kept, again, other = (condition(points, errors, none(18), seed=seed) for seed in (1, 1, 2))

    assert len(kept.points) == len(kept.weights) == len(kept.names) == 7
    assert kept.points.places.images == points.places.only(kept.names).images
    assert np.array_equal(kept.points.inputs, points.inputs[kept.names])
    assert np.array_equal(kept.errors, errors[kept.names])
    assert np.array_equal(kept.weights, again.weights)
    assert not np.array_equal(kept.names, other.names)


def test_an_error_must_be_finite() -> None:
    with pytest.raises(InvalidInputError, match="finite labels"):
        condition(drawn(1), np.array([np.nan]), none(1))

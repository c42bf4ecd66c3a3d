"""Figures of weighted resamples beside plain functions on copied rows."""

from __future__ import annotations

import time

import numpy as np
import pytest
from scipy import stats

from rsqa_core.evaluation.agreement import image_groups, pooled, within_image
from rsqa_core.evaluation.resampling import (
    POOLED_FIGURES,
    WITHIN_FIGURES,
    cluster_counts,
    differences,
    fit_logistic,
    interval,
    logistic,
    pooled_draws,
    within_draws,
)


class Drawn:
    """Candidates of images of clusters, with ties in everything."""

    def __init__(self, seed: int, images: int = 24, each: int = 5, clusters: int = 8) -> None:
        rng = np.random.default_rng(seed)
        self.image = np.repeat(np.arange(images), each)
        self.cluster = (self.image * clusters) // images
        self.target = rng.random(images * each).round(2)
        self.predicted = (0.6 * self.target + 0.4 * rng.random(images * each)).round(2)
        self.usual = np.tile(rng.random(each), images)
        self.counts = cluster_counts(clusters, 12, seed)


def copies(data: Drawn, drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of one resample, and an image number that differs for every copy."""
    rows, images, next_image = [], [], 0
    for cluster, times in enumerate(drawn):
        for _ in range(times):
            own = np.flatnonzero(data.cluster == cluster)
            rows.append(own)
            number = np.unique(data.image[own], return_inverse=True)[1]
            images.append(number + next_image)
            next_image += int(number.max()) + 1
    return np.concatenate(rows), np.concatenate(images)


def test_counts_draw_as_many_clusters_as_there_are() -> None:
    counts = cluster_counts(7, 50, 3)

    assert counts.shape == (51, 7)
    assert (counts[0] == 1).all()
    assert (counts.sum(axis=1) == 7).all()
    assert np.array_equal(counts, cluster_counts(7, 50, 3))
    assert not np.array_equal(counts, cluster_counts(7, 50, 4))


def test_every_resample_has_the_figures_of_its_copied_rows() -> None:
    data = Drawn(0)

    pool = pooled_draws(data.predicted, data.target, data.cluster, data.counts)
    within = within_draws(
        data.predicted, data.target, data.image, data.usual, data.cluster, data.counts
    )

    assert tuple(pool) == POOLED_FIGURES
    assert tuple(within) == WITHIN_FIGURES
    for b, drawn in enumerate(data.counts):
        rows, image = copies(data, drawn)
        guess, truth = data.predicted[rows], data.target[rows]
        expected = pooled(guess, truth)
        assert expected is not None
        for name in ("srcc", "krcc", "plcc", "mae", "rmse"):
            assert pool[name][b] == pytest.approx(getattr(expected, name)), name
        found = within_image(guess, truth, image, data.usual[rows])
        assert found is not None
        for name in ("top1", "regret_mean", "regret_p95", "gap_closed"):
            assert within[name][b] == pytest.approx(getattr(found, name)), name
        taus = [stats.kendalltau(guess[g], truth[g]).statistic for g in image_groups(image)]
        assert within["within_krcc"][b] == pytest.approx(np.nanmean(taus))


def test_candidates_without_a_prediction_are_left_out_and_never_taken() -> None:
    data = Drawn(1)
    data.predicted[::4] = np.nan
    known = np.isfinite(data.predicted)

    pool = pooled_draws(data.predicted, data.target, data.cluster, data.counts)
    within = within_draws(
        data.predicted, data.target, data.image, data.usual, data.cluster, data.counts
    )

    expected = pooled(data.predicted[known], data.target[known])
    assert expected is not None
    assert pool["srcc"][0] == pytest.approx(expected.srcc)
    regrets = []
    for rows in image_groups(data.image):
        scored = [r for r in rows if known[r]]
        taken = max(scored, key=lambda r: data.predicted[r])
        regrets.append(data.target[rows].max() - data.target[taken])
    assert within["regret_mean"][0] == pytest.approx(np.mean(regrets))
    nothing = np.full(len(data.target), np.nan)
    assert np.isnan(pooled_draws(nothing, data.target, data.cluster, data.counts)["mae"]).all()
    empty = within_draws(nothing, data.target, data.image, data.usual, data.cluster, data.counts)
    assert np.isnan(empty["top1"]).all()


def test_a_constant_prediction_has_no_correlation_but_an_error() -> None:
    data = Drawn(2)

    found = pooled_draws(np.full(120, 0.5), data.target, data.cluster, data.counts)

    for name in ("srcc", "krcc", "plcc"):
        assert np.isnan(found[name]).all()
        assert interval(found[name]) is None
    assert np.isfinite(found["mae"]).all()


def test_an_interval_holds_its_figure_and_joins_seeds() -> None:
    data = Drawn(3)
    counts = cluster_counts(8, 400, 0)
    draws = pooled_draws(data.predicted, data.target, data.cluster, counts)["srcc"]

    value, low, high = interval(draws) or (0.0, 0.0, 0.0)

    assert low < value < high
    assert value == draws[0]
    assert (low, high) == pytest.approx(tuple(np.quantile(draws[1:], (0.025, 0.975))))
    joined = interval(np.stack([draws, draws - 0.2])) or (0.0, 0.0, 0.0)
    assert joined[0] == pytest.approx(value - 0.1)
    assert joined[1] < low - 0.1


def test_differences_are_better_above_zero() -> None:
    better = {"srcc": np.array([0.9]), "mae": np.array([0.05]), "regret_p95": np.array([0.1])}
    worse = {"srcc": np.array([0.8]), "mae": np.array([0.07]), "regret_p95": np.array([0.3])}

    found = differences(better, worse)

    assert {name: float(values[0]) for name, values in found.items()} == pytest.approx(
        {"srcc": 0.1, "mae": 0.02, "regret_p95": 0.2}
    )


def test_the_logistic_is_found_again() -> None:
    x = np.linspace(0, 1, 60)
    truth = logistic(x, 0.9, 0.2, 0.5, 0.1)

    fitted = fit_logistic(x, truth)

    assert fitted is not None
    assert logistic(x, *fitted) == pytest.approx(truth, abs=1e-4)
    assert fit_logistic(x[:4], truth[:4]) is None
    assert fit_logistic(np.full(20, 0.5), truth[:20]) is None


def test_a_thousand_resamples_of_many_candidates_take_seconds() -> None:
    """The whole of ten methods on 5,000 candidates shall stay under a minute."""
    data = Drawn(4, images=300, each=8, clusters=60)
    counts = cluster_counts(60, 200, 0)

    start = time.perf_counter()
    pooled_draws(data.predicted, data.target, data.cluster, counts)

    assert time.perf_counter() - start < 5.0

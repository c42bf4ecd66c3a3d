"""Figures of weighted resamples beside plain functions on copied rows."""

from __future__ import annotations

import time

import numpy as np
import pytest
from scipy import stats

from rsqa_core.errors import InvalidInputError
from rsqa_core.evaluation.agreement import image_groups, pooled, within_image
from rsqa_core.evaluation.resampling import (
    POOLED_FIGURES,
    WITHIN_FIGURES,
    cluster_counts,
    differences,
    fit_logistic,
    interval,
    logistic,
    paired_change,
    paired_mae_change,
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


def test_a_lower_error_is_a_negative_change() -> None:
    rng = np.random.default_rng(2)
    target, image = rng.uniform(0.2, 0.8, 80), np.repeat(np.arange(20), 4)
    before = target + rng.choice([-0.2, 0.2], 80)
    after = target + rng.choice([-0.1, 0.1], 80)

    low, high = paired_mae_change(before, after, target, image)

    assert (low, high) == (pytest.approx(-0.1), pytest.approx(-0.1))
    assert paired_mae_change(after, before, target, image) == (
        pytest.approx(0.1),
        pytest.approx(0.1),
    )


def test_the_interval_resamples_whole_images() -> None:
    # Every candidate of an image changes alike, so 200 rows hold no more than 4 opinions.
    target, image = np.full(200, 0.5), np.repeat(np.arange(4), 50)
    before = np.full(200, 0.7)
    after = 0.5 + np.repeat(np.array([0.0, 0.1, 0.3, 0.4]), 50)

    low, high = paired_mae_change(before, after, target, image)
    by_row = paired_mae_change(before, after, target, np.arange(200))

    # Of the 256 draws of four images 5 have a mean below -0.15, that is 2.0 %, and 11 up to it.
    assert low == pytest.approx(-0.15)
    assert high == pytest.approx(0.15)
    assert by_row[1] - by_row[0] < 0.1


def test_larger_images_weigh_more_in_the_interval() -> None:
    target, image = np.zeros(10), np.array([0, 0, 0, 0, 0, 0, 0, 0, 0, 1])
    before, after = np.zeros(10), np.array([0, 0, 0, 0, 0, 0, 0, 0, 0, 1])

    low, high = paired_mae_change(before, after, target, image)

    # Draws: image 0 twice gives 0, both give 1/10, image 1 twice gives 1.
    assert (low, high) == (0.0, 1.0)
    assert paired_mae_change(before, after, target, image) == (low, high)  # seeded


def test_a_change_needs_predictions_before_and_after() -> None:
    for before, after in (
        (np.array([0.1]), np.array([0.1, 0.2])),
        (np.array([0.1, 0.2]), np.array([0.1])),
    ):
        with pytest.raises(InvalidInputError, match="one length"):
            paired_mae_change(before, after, np.array([0.3, 0.4]), np.array([0, 1]))


def test_a_change_without_noise_has_an_interval_of_one_point() -> None:
    target = np.tile(np.array([0.2, 0.4, 0.6, 0.8]), 5)
    change = paired_change(1 - target, target + 0.1, target, np.repeat(np.arange(5), 4))

    assert change["srcc"] == (pytest.approx(2.0), pytest.approx(2.0))  # from -1 to 1
    # Errors of before: 0.6, 0.2, 0.2, 0.6; of after: 0.1 everywhere.
    assert change["mae"] == (pytest.approx(-0.3), pytest.approx(-0.3))


def test_a_gain_is_certain_where_it_is_real_and_not_where_it_is_noise() -> None:
    rng = np.random.default_rng(3)
    target, cluster = rng.random(400), np.repeat(np.arange(40), 10)
    rough, fine = (target + rng.normal(0, s, 400) for s in (0.3, 0.1))
    alike = target + rng.normal(0, 0.3, 400)

    real, noise = (paired_change(rough, after, target, cluster) for after in (fine, alike))

    assert real["srcc"][0] > 0.1
    assert real["mae"][1] < -0.1
    assert noise["srcc"][0] < 0 < noise["srcc"][1]
    assert noise["mae"][0] < 0 < noise["mae"][1]


def test_whole_clusters_are_drawn_so_copies_add_no_certainty() -> None:
    rng = np.random.default_rng(5)
    target = rng.random(12)
    before, after = (target + rng.normal(0, s, 12) for s in (0.2, 0.15))
    once = paired_change(before, after, target, np.arange(12))

    copied = paired_change(
        *(np.repeat(v, 9) for v in (before, after, target)), np.repeat(np.arange(12), 9)
    )

    assert copied["mae"] == pytest.approx(once["mae"])
    assert copied["srcc"] == pytest.approx(once["srcc"])


def test_rows_that_a_method_cannot_predict_do_not_count() -> None:
    target, cluster = np.array([0.1, 0.5, 0.9, 0.3]), np.array([0, 1, 2, 3])
    before = np.array([0.2, 0.6, 1.0, np.nan])

    change = paired_change(before, target, target, cluster)

    assert change["mae"] == (pytest.approx(-0.1), pytest.approx(-0.1))
    assert paired_change(np.full(4, np.nan), target, target, cluster) == {}
    assert paired_change(np.full(4, 0.5), target, target, cluster).keys() == {"mae"}

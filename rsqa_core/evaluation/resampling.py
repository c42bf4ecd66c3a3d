"""Figures of a method under an image-cluster bootstrap, all resamples at once.

A resample is a row of counts: how often each cluster (source image) was drawn. Rows of a cluster
share its count, so errors and correlations come from sums over clusters; Kendall's tau-b from a
matrix of concordant pairs between clusters; Spearman's from ranks in the weighted sample. The first
row of counts is all ones, so that the figure itself takes the same way. The tests compare with the
plain functions of ``agreement`` on copied rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from rsqa_core.errors import InvalidInputError
from rsqa_core.evaluation.agreement import TIE, image_groups, require_pairs

Values = NDArray[np.float64]
Index = NDArray[np.int64]

POOLED_FIGURES = ("srcc", "krcc", "plcc", "plcc_fitted", "mae", "rmse")
WITHIN_FIGURES = ("top1", "regret_mean", "regret_p95", "gap_closed", "within_krcc")
LOWER_IS_BETTER = frozenset({"mae", "rmse", "regret_mean", "regret_p95"})

_CHUNK = 64


def cluster_counts(clusters: int, repeats: int, seed: int = 0) -> Index:
    """Draw ``clusters`` of them with replacement, ``repeats`` times.

    Returns:
        (repeats + 1, clusters) int64; the first row is all ones, every row sums to ``clusters``.
    """
    rng = np.random.default_rng(seed)
    counts = np.ones((repeats + 1, clusters), dtype=np.int64)
    for row in counts[1:]:
        row[:] = np.bincount(rng.integers(clusters, size=clusters), minlength=clusters)
    return counts


def pooled_draws(
    predicted: Values, target: Values, cluster: Index, counts: Index, fitted: Values | None = None
) -> dict[str, Values]:
    """Return POOLED_FIGURES of every resample, (B,) each, NaN where one is undefined.

    Args:
        predicted: (N,) predictions; NaN ones are left out.
        target: (N,) measured quality.
        cluster: (N,) column of ``counts``.
        counts: (B, C) from ``cluster_counts``.
        fitted: (N,) predictions after a mapping to the target's scale, for ``plcc_fitted``.
    """
    known = np.isfinite(predicted)
    if not known.any():
        return {name: np.full(len(counts), np.nan) for name in POOLED_FIGURES}
    x, y, group = predicted[known], target[known], cluster[known]
    mapped = x if fitted is None else fitted[known]
    total = _sums(np.ones(len(x)), group, counts)
    return {
        "srcc": _spearman(x, y, group, counts),
        "krcc": _kendall(x, y, group, counts),
        "plcc": _pearson(x, y, group, counts),
        "plcc_fitted": _pearson(mapped, y, group, counts),
        "mae": _mae(x, y, group, counts),
        "rmse": np.sqrt(_ratio(_sums((x - y) ** 2, group, counts), total)),
    }


def within_draws(
    predicted: Values, target: Values, image: Index, usual: Values, cluster: Index, counts: Index
) -> dict[str, Values]:
    """Return WITHIN_FIGURES of every resample, (B,) each, NaN where one is undefined.

    A candidate without a prediction is never recommended, but may be the best of its image. Images
    of one candidate, or without any prediction, do not count.

    Args:
        predicted: (N,) predictions.
        image: (N,) image of each candidate.
        usual: (N,) prediction of the constant-best segmenter, where ``gap_closed`` is 0.
    """
    rows = []
    for group in image_groups(image):
        scored = group[np.isfinite(predicted[group])]
        if len(group) < 2 or not scored.size:
            continue
        best = float(target[group].max())
        taken = float(target[scored[np.argmax(predicted[scored])]])
        constant = float(target[group[np.argmax(usual[group])]])
        tau = _tau(predicted[scored], target[scored])
        rows.append((int(cluster[group[0]]), best - taken, best - constant, taken - constant, tau))
    if not rows:
        return {name: np.full(len(counts), np.nan) for name in WITHIN_FIGURES}
    table = np.array(rows)
    owner, regret, gap, gain, tau_of = table[:, 0].astype(np.int64), *table[:, 1:].T
    total = _sums(np.ones(len(owner)), owner, counts)
    reachable = _sums(gap, owner, counts)
    ranked = np.isfinite(tau_of)
    return {
        "top1": _ratio(_sums((regret <= TIE).astype(np.float64), owner, counts), total),
        "regret_mean": _ratio(_sums(regret, owner, counts), total),
        "regret_p95": _quantile(regret, owner, counts, 0.95),
        "gap_closed": _ratio(_sums(gain, owner, counts), reachable, floor=1e-9),
        "within_krcc": _ratio(
            _sums(tau_of[ranked], owner[ranked], counts),
            _sums(np.ones(int(ranked.sum())), owner[ranked], counts),
        ),
    }


def paired_mae_change(
    before: Values,
    after: Values,
    target: Values,
    image: Index,
    *,
    repeats: int = 2000,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of MAE(after) - MAE(before), negative is better.

    Whole images, (N,), are resampled, both predictions with the same ones.

    Raises:
        InvalidInputError: shapes differ or a target is not finite.
    """
    require_pairs(before, target)
    require_pairs(after, target)
    group, counts = _resamples(image, repeats, seed)
    change = _mae(after, target, group, counts) - _mae(before, target, group, counts)
    low, high = np.quantile(change[1:], (0.025, 0.975))
    return float(low), float(high)


def paired_change(
    before: Values,
    after: Values,
    target: Values,
    cluster: Index,
    *,
    repeats: int = 1000,
    seed: int = 0,
) -> dict[str, tuple[float, float]]:
    """Return 95 % bootstrap intervals of what ``after`` gains over ``before``.

    Whole clusters are resampled, both predictions with the same clusters, so that what the two
    share cancels out. Rows where either is NaN are left out.

    Args:
        cluster: (N,) what is drawn as one, e.g. the source image of each candidate.

    Returns:
        ``srcc``: SRCC(after) - SRCC(before), positive is better; left out where predictions or
        targets do not vary. ``mae``: MAE(after) - MAE(before), negative is better.

    Raises:
        InvalidInputError: shapes differ or a target is not finite.
    """
    require_pairs(before, target)
    require_pairs(after, target)
    known = np.isfinite(before) & np.isfinite(after)
    if not known.any():
        return {}
    before, after, target = before[known], after[known], target[known]
    group, counts = _resamples(cluster[known], repeats, seed)
    mae, srcc = (
        [figure(values, target, group, counts) for values in (before, after)]
        for figure in (_mae, _spearman)
    )
    changes = {"mae": interval(mae[1] - mae[0]), "srcc": interval(srcc[1] - srcc[0])}
    return {name: found[1:] for name, found in changes.items() if found}


def interval(draws: Values, level: float = 0.95) -> tuple[float, float, float] | None:
    """Return (value, low, high): the first draw and the central interval of the others.

    None where the figure is undefined. With draws of several seeds, (S, B), the value is the mean
    of the seeds' figures and the interval spans the draws of all.
    """
    table = np.atleast_2d(draws)
    values, others = table[:, 0], table[:, 1:]
    if not np.isfinite(values).all() or not np.isfinite(others).any():
        return None
    low, high = np.nanquantile(others, ((1 - level) / 2, (1 + level) / 2))
    return float(values.mean()), float(low), float(high)


def logistic(x: Values, top: float, bottom: float, centre: float, width: float) -> Values:
    """Return the 4-parameter logistic by which quality predictors are mapped before PLCC (VQEG)."""
    scaled = np.clip((x - centre) / (abs(width) + 1e-9), -60, 60)
    return bottom + (top - bottom) / (1 + np.exp(-scaled))


def fit_logistic(predicted: Values, target: Values) -> tuple[float, float, float, float] | None:
    """Fit ``logistic`` by least squares; None where that finds nothing (too few, no spread)."""
    known = np.isfinite(predicted) & np.isfinite(target)
    x, y = predicted[known], target[known]
    if len(x) < 8 or np.ptp(x) == 0:
        return None
    start = (float(y.max()), float(y.min()), float(x.mean()), float(x.std()))

    def error(parameters: Values) -> Values:
        return logistic(x, *parameters.tolist()) - y

    found = least_squares(error, start, max_nfev=60, xtol=1e-6, ftol=1e-6).x
    top, bottom, centre, width = (float(value) for value in found)
    return (top, bottom, centre, width) if np.isfinite(found).all() else None


def differences(method: Mapping[str, Values], baseline: Mapping[str, Values]) -> dict[str, Values]:
    """Return how much better ``method`` is in each draw; above zero is better, errors included."""
    return {
        name: (baseline[name] - values) if name in LOWER_IS_BETTER else (values - baseline[name])
        for name, values in method.items()
    }


def _resamples(cluster: Index, repeats: int, seed: int) -> tuple[Index, Index]:
    names, group = np.unique(cluster, return_inverse=True)
    return group, cluster_counts(len(names), repeats, seed)


def _mae(x: Values, y: Values, cluster: Index, counts: Index) -> Values:
    total = _sums(np.ones(len(x)), cluster, counts)
    return _ratio(_sums(np.abs(x - y), cluster, counts), total)


def _sums(values: Values, cluster: Index, counts: Index) -> Values:
    by_cluster: NDArray[Any] = np.bincount(cluster, weights=values, minlength=counts.shape[1])
    if len(by_cluster) > counts.shape[1]:
        raise InvalidInputError(
            f"Expected clusters below {counts.shape[1]}, but got {int(cluster.max())}."
        )
    summed: Values = counts @ by_cluster
    return summed


def _ratio(above: Values, below: Values, floor: float = 0.0) -> Values:
    found = np.full(len(above), np.nan)
    np.divide(above, below, out=found, where=below > floor)
    return found


def _pearson(x: Values, y: Values, cluster: Index, counts: Index) -> Values:
    x, y = x - x.mean(), y - y.mean()  # keeps the sums of squares small
    total = _sums(np.ones(len(x)), cluster, counts)
    mean_x, mean_y = (_ratio(_sums(v, cluster, counts), total) for v in (x, y))
    xy = _ratio(_sums(x * y, cluster, counts), total) - mean_x * mean_y
    xx = _ratio(_sums(x * x, cluster, counts), total) - mean_x**2
    yy = _ratio(_sums(y * y, cluster, counts), total) - mean_y**2
    return _ratio(xy, np.sqrt(np.maximum(xx, 0) * np.maximum(yy, 0)), floor=1e-12)


def _spearman(x: Values, y: Values, cluster: Index, counts: Index) -> Values:
    places = [_Places(values) for values in (x, y)]
    found = np.empty(len(counts))
    for start in range(0, len(counts), _CHUNK):
        weights = counts[start : start + _CHUNK][:, cluster].astype(np.float64)
        total = weights.sum(axis=1, keepdims=True)
        ranks = []
        for place in places:
            rank = place.ranks(weights)
            # The mean rank of a sample is half its size, however its values are tied.
            rank -= total / 2
            ranks.append(rank)
        xy = np.einsum("bn,bn,bn->b", weights, *ranks)
        xx, yy = (np.einsum("bn,bn,bn->b", weights, r, r) for r in ranks)
        found[start : start + _CHUNK] = _ratio(xy, np.sqrt(xx * yy), floor=1e-9)
    return found


class _Places:
    """Where each value stands among all, so that ranks in any weighted sample are sums."""

    def __init__(self, values: Values) -> None:
        self._order = np.argsort(values, kind="stable")
        ranked = values[self._order]
        new = np.append(True, ranked[1:] != ranked[:-1])
        self._starts = np.flatnonzero(new)
        self._level = np.empty(len(values), dtype=np.int64)
        self._level[self._order] = np.cumsum(new) - 1

    def ranks(self, weights: Values) -> Values:
        """Return middle ranks, ties sharing theirs, counted from one half, (B, N)."""
        at_level = np.add.reduceat(weights[:, self._order], self._starts, axis=1)
        ranks: Values = (np.cumsum(at_level, axis=1) - at_level / 2)[:, self._level]
        return ranks


def _kendall(x: Values, y: Values, cluster: Index, counts: Index) -> Values:
    """Tau-b: pairs ordered alike minus otherwise, over the pairs that are not tied."""
    order = np.argsort(cluster, kind="stable")
    x, y, cluster = x[order], y[order], cluster[order]
    starts = np.flatnonzero(np.append(True, cluster[1:] != cluster[:-1]))
    present = cluster[starts]
    pairs = np.zeros((3, len(present), len(present)))
    row_cluster = np.searchsorted(present, cluster)
    for first in range(0, len(x), 256):
        rows = slice(first, first + 256)
        sign_x = np.sign(x[rows, None] - x[None]).astype(np.int8)
        sign_y = np.sign(y[rows, None] - y[None]).astype(np.int8)
        for kind, product in enumerate((sign_x * sign_y, sign_x * sign_x, sign_y * sign_y)):
            sums = np.add.reduceat(product, starts, axis=1, dtype=np.int64)
            np.add.at(pairs[kind], row_cluster[rows], sums)
    drawn = counts[:, present].astype(np.float64)
    same, varied_x, varied_y = (((drawn @ matrix) * drawn).sum(axis=1) for matrix in pairs)
    return _ratio(same, np.sqrt(varied_x * varied_y), floor=1e-9)


def _tau(x: Values, y: Values) -> float:
    sign_x, sign_y = np.sign(x[:, None] - x), np.sign(y[:, None] - y)
    varied = float(np.sqrt(np.abs(sign_x).sum() * np.abs(sign_y).sum()))
    return float((sign_x * sign_y).sum()) / varied if varied else float("nan")


def _quantile(values: Values, cluster: Index, counts: Index, share: float) -> Values:
    """Quantile of each weighted sample, linear between its neighbours as numpy's default is."""
    order = np.argsort(values, kind="stable")
    ranked = values[order]
    reached = np.cumsum(counts[:, cluster[order]], axis=1)
    position = share * (reached[:, -1] - 1)
    below = np.floor(position)
    at = [
        ranked[np.minimum((reached > place[:, None]).argmax(axis=1), len(ranked) - 1)]
        for place in (below, np.minimum(below + 1, reached[:, -1] - 1))
    ]
    found = at[0] + (position - below) * (at[1] - at[0])
    return np.where(reached[:, -1] > 0, found, np.nan)

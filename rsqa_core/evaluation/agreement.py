"""Pooled and within-image figures of one method's predicted quality."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from rsqa_core.errors import InvalidInputError

Values = NDArray[np.float64]

TIE = 0.005
"""Overall accuracies this close count as equally good: half a point."""


@dataclass(frozen=True, slots=True)
class Pooled:
    """Agreement over all candidates of all images.

    Attributes:
        srcc, krcc, plcc: Spearman, Kendall (tau-b) and Pearson correlation in -1..1, higher is
            better; None where predictions or targets do not vary.
        mae, rmse: error in units of quality, lower is better.
        n: candidates counted.
    """

    srcc: float | None
    krcc: float | None
    plcc: float | None
    mae: float
    rmse: float
    n: int


@dataclass(frozen=True, slots=True)
class WithinImage:
    """How good the recommended candidate of each image is.

    Attributes:
        top1: share of images whose recommended candidate is within TIE of the best, higher better.
        regret_mean, regret_p95: best minus recommended overall accuracy, lower is better.
        gap_closed: share of the way from the constant-best segmenter to the oracle; 1 is the
            oracle, negative is worse than always taking the same segmenter; None without a gap.
        n: images with at least two candidates.
    """

    top1: float
    regret_mean: float
    regret_p95: float
    gap_closed: float | None
    n: int


def pooled(predicted: Values, target: Values) -> Pooled | None:
    """Compare (N,) predictions with (N,) targets; NaN predictions are left out, None if all are.

    Raises:
        InvalidInputError: shapes differ or a target is not finite.
    """
    require_pairs(predicted, target)
    known = np.isfinite(predicted)
    if not known.any():
        return None
    guess, truth = predicted[known], target[known]
    error = guess - truth
    return Pooled(
        srcc=_correlation(stats.spearmanr, guess, truth),
        krcc=_correlation(stats.kendalltau, guess, truth),
        plcc=_correlation(stats.pearsonr, guess, truth),
        mae=float(np.abs(error).mean()),
        rmse=float(np.sqrt((error**2).mean())),
        n=int(known.sum()),
    )


def within_image(
    predicted: Values, target: Values, image: NDArray[np.int64], constant: Values
) -> WithinImage | None:
    """Compare what a method recommends per image with the best candidate.

    Args:
        predicted: (N,) predictions; an image with a NaN among them is left out.
        target: (N,) measured quality.
        image: (N,) image of each candidate.
        constant: (N,) prediction of the constant-best segmenter, the start of ``gap_closed``.

    Returns:
        None when no image has two candidates with predictions.
    """
    require_pairs(predicted, target)
    hits, regrets, gaps = [], [], []
    for rows in image_groups(image):
        if len(rows) < 2 or not np.isfinite(predicted[rows]).all():
            continue
        best = float(target[rows].max())
        taken = float(target[rows][np.argmax(predicted[rows])])
        usual = float(target[rows][np.argmax(constant[rows])])
        regrets.append(best - taken)
        hits.append(best - taken <= TIE)
        gaps.append((best - usual, taken - usual))
    if not regrets:
        return None
    reachable = float(np.mean([gap for gap, _ in gaps]))
    gained = float(np.mean([gain for _, gain in gaps]))
    return WithinImage(
        top1=float(np.mean(hits)),
        regret_mean=float(np.mean(regrets)),
        regret_p95=float(np.quantile(regrets, 0.95)),
        gap_closed=gained / reachable if reachable > 1e-9 else None,
        n=len(regrets),
    )


def constant_best(
    target: Values, segmenter: NDArray[np.str_], scene: NDArray[np.str_], image: NDArray[np.int64]
) -> Values:
    """Predict each candidate by how its segmenter did elsewhere, (N,).

    Elsewhere means other scenes or, where there is only one, other images. A segmenter unknown
    elsewhere gets the mean of all.
    """
    groups = scene if len(set(scene.tolist())) > 1 else image.astype(str)
    predicted = np.empty(len(target))
    for group in np.unique(groups):
        inside = groups == group
        outside = ~inside
        fallback = float(target[outside].mean()) if outside.any() else float(target.mean())
        for name in np.unique(segmenter[inside]):
            rows = outside & (segmenter == name)
            value = float(target[rows].mean()) if rows.any() else fallback
            predicted[inside & (segmenter == name)] = value
    return predicted


def image_groups(image: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Return the rows of each image."""
    order = np.argsort(image, kind="stable")
    cuts = np.flatnonzero(np.diff(image[order])) + 1
    return [rows for rows in np.split(order, cuts) if rows.size]


def require_pairs(predicted: Values, target: Values) -> None:
    """Raise InvalidInputError unless both are (N,) and the targets are finite."""
    if predicted.shape != target.shape or predicted.ndim != 1:
        raise InvalidInputError(
            f"Expected predictions and targets of one length, but got {predicted.shape} and "
            f"{target.shape}."
        )
    if not np.isfinite(target).all():
        raise InvalidInputError("Expected finite targets, but got NaN or infinity.")


def _correlation(measure: object, guess: Values, truth: Values) -> float | None:
    if len(guess) < 2 or np.ptp(guess) == 0 or np.ptp(truth) == 0:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value = float(measure(guess, truth).statistic)  # type: ignore[operator]
    return value if np.isfinite(value) else None

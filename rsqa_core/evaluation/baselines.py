"""Label-free predictions of quality, and the baselines that are fitted on labelled candidates.

Raw ones are numbers of a candidate's description (``rsqa_core.features``), so that each is defined
once. Fitted ones take labelled training candidates and predict others; they never see a label of
what they predict. All are (N,) float64, NaN where a candidate lacks the input.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rsqa_core.errors import InvalidInputError
from rsqa_core.features.names import FEATURE_NAMES

Values = NDArray[np.float64]
Labels = NDArray[np.str_]

BINS = 512
"""Cells of a histogram of confidence over [0, 1]."""


def label_free(rows: NDArray[np.floating]) -> dict[str, Values]:
    """Return the baselines that need no label, each higher for a better candidate.

    Args:
        rows: (N, F) description rows in FEATURE_NAMES order, NaN where missing.

    Returns:
        ``ac`` mean max-probability (average confidence); ``entropy`` one minus mean normalised
        entropy; ``margin`` mean gap between the two largest probabilities; ``agreement`` mean
        share of pixels on which the other candidates agree; ``vote`` share of pixels where the
        candidate says what most others say. In 0..1.
    """

    def column(name: str) -> Values:
        return rows[:, FEATURE_NAMES.index(name)].astype(np.float64)

    return {
        "ac": column("max_prob_mean"),
        "entropy": 1.0 - column("entropy_mean"),
        "margin": column("margin_mean"),
        "agreement": column("peer_mean"),
        "vote": column("peer_majority"),
    }


def recalibrated(
    train: Values, accuracy: Values, test: Values, kind: Literal["linear", "isotonic"]
) -> Values:
    """Map a raw score to units of accuracy by what it meant on labelled candidates, into 0..1.

    Args:
        train, accuracy: (T,) raw scores and measured quality of the training candidates.
        test: (N,) raw scores to map.
        kind: a least-squares line that does not fall, or an isotonic step function with lines
            between its steps: a higher raw score never means a worse candidate.
    """
    known = np.isfinite(train) & np.isfinite(accuracy)
    mapped = np.full(len(test), np.nan)
    found = np.isfinite(test)
    if not known.any() or not found.any():
        return mapped
    x, y = train[known], accuracy[known]
    if np.ptp(x) == 0:
        mapped[found] = y.mean()
    elif kind == "linear":
        slope = max(float(np.polyfit(x, y, 1)[0]), 0.0)
        mapped[found] = slope * (test[found] - x.mean()) + y.mean()
    else:
        from sklearn.isotonic import IsotonicRegression  # `rsqa evaluate` does without

        steps = IsotonicRegression(out_of_bounds="clip").fit(x, y)
        mapped[found] = steps.predict(test[found])
    clipped: Values = np.clip(mapped, 0.0, 1.0)
    return clipped


def confidence_histogram(confidence: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return the share of pixels in each of BINS equal cells of [0, 1], (BINS,) float32, sum 1.

    Args:
        confidence: any shape, in 0..1, higher is surer.
    """
    cell = np.minimum((confidence.ravel() * BINS).astype(np.int64), BINS - 1)
    counts = np.bincount(cell, minlength=BINS)
    return (counts / max(confidence.size, 1)).astype(np.float32)


def atc(
    train: NDArray[np.float32],
    accuracy: Values,
    train_group: Labels,
    test: NDArray[np.float32],
    test_group: Labels,
) -> Values:
    """Average thresholded confidence: the share of pixels surer than a learnt threshold.

    Garg et al., "Leveraging unlabeled data to predict out-of-distribution performance", ICLR 2022:
    the threshold is the one above which lies, on labelled source data, as large a share as is
    right. Each group (segmenter) has its own; an unknown group takes that of all.

    Args:
        train, test: (T, BINS) and (N, BINS) histograms of confidence, NaN rows where missing.
        accuracy: (T,) measured quality.
    """
    known = np.isfinite(train[:, 0])
    predicted = np.full(len(test), np.nan)
    for group in np.unique(test_group):
        rows = (test_group == group) & np.isfinite(test[:, 0])
        source = known & (train_group == group)
        source = source if source.any() else known
        if source.any() and rows.any():
            threshold = _threshold(train[source].mean(axis=0), float(accuracy[source].mean()))
            predicted[rows] = [_share_above(histogram, threshold) for histogram in test[rows]]
    return predicted


def doc(
    train: Values, accuracy: Values, train_group: Labels, test: Values, test_group: Labels
) -> Values:
    """Regress the change of accuracy on the difference of confidences, and add it to the source's.

    Guillory et al., "Predicting with confidence on unseen distributions", ICCV 2021. A group's
    (segmenter's) source is the mean over its training candidates, an unknown group's that of all;
    one line through all training candidates says how much accuracy a difference costs.

    Args:
        train, test: (T,) and (N,) average confidence.
        accuracy: (T,) measured quality.
    """
    known = np.isfinite(train)
    predicted = np.full(len(test), np.nan)
    if not known.any():
        return predicted
    drop, change = np.full(len(train), np.nan), np.full(len(train), np.nan)
    for group in np.unique(train_group[known]):
        own = known & (train_group == group)
        drop[own] = train[own].mean() - train[own]
        change[own] = accuracy[own].mean() - accuracy[own]
    if np.ptp(drop[known]) > 0:
        slope, level = np.polyfit(drop[known], change[known], 1)
    else:
        slope, level = 0.0, 0.0
    for group in np.unique(test_group):
        rows = (test_group == group) & np.isfinite(test)
        source = known & (train_group == group)
        source = source if source.any() else known
        difference = train[source].mean() - test[rows]
        predicted[rows] = accuracy[source].mean() - (slope * difference + level)
    clipped: Values = np.clip(predicted, 0.0, 1.0)
    return clipped


def group_means(accuracy: Values, train_group: Labels, test_group: Labels) -> Values:
    """Predict every candidate by the mean of its group's (segmenter's) training candidates.

    Its best in an image is the constant-best segmenter. An unknown group gets the mean of all.
    """
    if not len(accuracy):
        raise InvalidInputError("Expected at least one training candidate, but got none.")
    predicted = np.full(len(test_group), float(accuracy.mean()))
    for group in np.unique(test_group):
        own = train_group == group
        if own.any():
            predicted[test_group == group] = float(accuracy[own].mean())
    return predicted


def _threshold(histogram: NDArray[np.floating], share: float) -> float:
    """Return the confidence above which ``share`` of a histogram lies, linear within a cell."""
    above = np.append(np.cumsum(histogram[::-1].astype(np.float64))[::-1], 0.0)
    edges = np.linspace(0.0, 1.0, BINS + 1)
    # From the top, so that the shares rise; a stretch of empty cells leaves its upper end.
    return float(np.interp(share * above[0], above[::-1], edges[::-1]))


def _share_above(histogram: NDArray[np.floating], threshold: float) -> float:
    above = np.append(np.cumsum(histogram[::-1].astype(np.float64))[::-1], 0.0)
    return float(np.interp(threshold, np.linspace(0.0, 1.0, BINS + 1), above))

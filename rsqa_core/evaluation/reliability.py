"""Whether stated intervals hold, and what predicted quality finds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

QUALITY_EDGES = (0.0, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
ERROR_BINS = 256
"""Cells in which pixel scores are counted for the area under precision and recall."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """How often an interval holds the measured quality, and how wide it is, both in 0..1."""

    coverage: float
    width: float
    n: int


def coverage(low: Values, high: Values, target: Values) -> Coverage | None:
    """Count (N,) intervals that hold their targets; NaN ones are left out, None if all are."""
    known = np.isfinite(low) & np.isfinite(high)
    if not known.any():
        return None
    inside = (low[known] <= target[known]) & (target[known] <= high[known])
    width = float((high[known] - low[known]).mean())
    return Coverage(float(inside.mean()), width, int(known.sum()))


def coverage_by_group(
    low: Values, high: Values, target: Values, group: NDArray[np.str_]
) -> dict[str, Coverage]:
    """Return the coverage of every group, by name."""
    found = {}
    for name in np.unique(group):
        rows = group == name
        own = coverage(low[rows], high[rows], target[rows])
        if own is not None:
            found[str(name)] = own
    return found


def worst_group(
    groups: Mapping[str, Coverage], *, at_least: int = 30
) -> tuple[str, Coverage] | None:
    """Return the group of the lowest coverage among those of ``at_least`` candidates."""
    large = {name: found for name, found in groups.items() if found.n >= at_least}
    if not large:
        return None
    name = min(large, key=lambda each: large[each].coverage)
    return name, large[name]


def quality_bins(predicted: Values) -> NDArray[np.str_]:
    """Name the bin of QUALITY_EDGES that holds each prediction, (N,)."""
    cell = np.clip(np.searchsorted(QUALITY_EDGES, predicted, side="right") - 1, 0, None)
    cell = np.minimum(cell, len(QUALITY_EDGES) - 2)
    names = [f"{a:.1f}-{b:.1f}" for a, b in pairwise(QUALITY_EDGES)]
    return np.array(names)[cell]


def found_against_reviewed(predicted: Values, bad: NDArray[np.bool_]) -> tuple[Values, Values]:
    """Return the share reviewed and the share of bad ones found, worst predicted first.

    Candidates of one prediction are reviewed in random order, so they count by their mean.

    Returns:
        two (n + 1,) curves from 0 to 1 over the candidates with a prediction; the second is NaN
        when none is bad.
    """
    known = np.isfinite(predicted)
    score, flag = predicted[known], bad[known].astype(np.float64)
    level = np.unique(score, return_inverse=True)[1]
    counts = np.bincount(level)
    mean = np.bincount(level, weights=flag) / np.maximum(counts, 1)
    found = np.append(0.0, np.cumsum(mean[np.sort(level)]))
    reviewed = np.linspace(0.0, 1.0, len(found))
    return reviewed, found / flag.sum() if flag.sum() else np.full(len(found), np.nan)


def error_histogram(
    score: NDArray[np.floating], wrong: NDArray[np.bool_], valid: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Count valid pixels by score cell, right ones and wrong ones apart.

    Args:
        score: (H, W) in 0..1, higher where an error is likelier.

    Returns:
        (2, ERROR_BINS) int64: right pixels, wrong pixels.
    """
    cell = np.clip((score * (ERROR_BINS - 1) + 0.5).astype(np.int64), 0, ERROR_BINS - 1)
    return np.stack(
        [
            np.bincount(cell[valid & ~wrong], minlength=ERROR_BINS),
            np.bincount(cell[valid & wrong], minlength=ERROR_BINS),
        ]
    )


def average_precision(histograms: NDArray[np.integer | np.floating]) -> Values:
    """Return the area under precision over recall, as a step function, of counts of scores.

    Args:
        histograms: (B, 2, cells) negatives and positives by rising score.

    Returns:
        (B,), NaN without a positive.
    """
    falling = histograms[:, :, ::-1].astype(np.float64)
    false, true = np.cumsum(falling, axis=2).transpose(1, 0, 2)
    precision = np.divide(true, true + false, out=np.zeros_like(true), where=true + false > 0)
    positives = true[:, -1]
    area = (precision * falling[:, 1]).sum(axis=1)
    found: Values = np.full(len(area), np.nan)
    np.divide(area, positives, out=found, where=positives > 0)
    return found

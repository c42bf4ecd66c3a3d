"""Areas and accuracies of a map from points whose true class somebody looked up.

The strata are the classes of the map; points of a stratum were drawn at random. Rows of every
matrix are map classes, columns reference classes.

References:
    Olofsson et al. 2014, Good practices for estimating area and assessing accuracy of land change,
    Remote Sensing of Environment 148, equations 1 to 13.
    Cochran 1977, Sampling Techniques, 5.25 and 5.35: size and allocation of a stratified sample.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from rsqa_core.errors import InvalidInputError

CONFIDENCE = 0.95
FEWEST = 2
"""Answers that a stratum needs before its variance can be estimated."""

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Measured:
    """An estimate with its standard error, in the units of the estimate.

    Both are NaN where there is nothing to estimate from, as the producer's accuracy of a class that
    no answer names.
    """

    value: float
    error: float

    @property
    def half(self) -> float:
        """Half the width of the interval of CONFIDENCE by the normal distribution."""
        return float(stats.norm.ppf((1 + CONFIDENCE) / 2)) * self.error

    @property
    def known(self) -> bool:
        return math.isfinite(self.value) and math.isfinite(self.error)


@dataclass(frozen=True, slots=True)
class AreaEstimate:
    """What the answers say of the whole map.

    Attributes:
        counts: (K, K) int64 answered points by map and reference class.
        shares: (K, K) estimated share of the map's area in each cell; all sum to 1.
        overall: overall accuracy.
        users: by class, of what the map calls so, the share that is so.
        producers: by class, of what is so, the share that the map calls so.
        mapped: by class, the area that the map gives it.
        areas: by class, the estimated true area, in the same unit.
    """

    counts: NDArray[np.int64]
    shares: Values
    overall: Measured
    users: tuple[Measured, ...]
    producers: tuple[Measured, ...]
    mapped: tuple[float, ...]
    areas: tuple[Measured, ...]


def estimate_areas(counts: NDArray[np.int64], mapped: Sequence[float]) -> AreaEstimate | None:
    """Return estimates of areas and accuracies, None where a stratum has fewer than FEWEST answers.

    Args:
        counts: (K, K) answered points: row the map's class, column the class that was looked up.
        mapped: (K,) area of each map class, in any unit; a class that the map does not have is 0.

    Raises:
        InvalidInputError: shapes differ, an area or count is negative or not finite, or points lie
            in a class without area.

    Example:
        >>> found = estimate_areas(np.array([[9, 1], [2, 18]]), [10.0, 90.0])
        >>> round(found.overall.value, 3), round(found.areas[0].value, 2)
        (0.9, 18.0)
    """
    matrix = np.asarray(counts, dtype=np.int64)
    area = np.asarray(mapped, dtype=np.float64)
    _require_sound(matrix, area)
    there = area > 0
    asked = matrix.sum(axis=1)
    if not there.any() or (asked[there] < FEWEST).any():
        return None
    weight = area / area.sum()
    size = np.maximum(asked, 1)[:, None]
    within = matrix / size
    shares = weight[:, None] * within
    # No correction for a finite population: points are few beside the pixels of a class.
    spread = within * (1 - within) / np.maximum(size - 1, 1)
    right = np.diag(within)
    overall = Measured(float(np.diag(shares).sum()), _root((weight**2 * np.diag(spread)).sum()))
    users = tuple(
        Measured(float(right[k]), _root(spread[k, k])) if there[k] else _NOTHING
        for k in range(len(area))
    )
    total = float(area.sum())
    sums = shares.sum(axis=0)
    errors = np.sqrt((weight[:, None] ** 2 * spread).sum(axis=0))
    return AreaEstimate(
        matrix,
        shares,
        overall,
        users,
        tuple(_producers(k, within, spread, area) for k in range(len(area))),
        tuple(float(value) for value in area),
        tuple(
            Measured(total * float(share), total * float(error))
            for share, error in zip(sums, errors, strict=True)
        ),
    )


_NOTHING = Measured(math.nan, math.nan)


def _producers(k: int, within: Values, spread: Values, area: Values) -> Measured:
    """Return the producer's accuracy of class ``k`` (equations 3 and 7)."""
    total = float((area * within[:, k]).sum())
    if total <= 0:
        return _NOTHING
    value = float(area[k] * within[k, k] / total)
    others = np.arange(len(area)) != k
    variance = (
        area[k] ** 2 * (1 - value) ** 2 * spread[k, k]
        + value**2 * (area[others] ** 2 * spread[others, k]).sum()
    ) / total**2
    return Measured(value, _root(variance))


def points_needed(mapped: Sequence[float], users: Sequence[float], half: float) -> int:
    """Return how many points give the overall accuracy an interval of ``half`` to each side.

    Args:
        mapped: (K,) area of each map class.
        users: (K,) expected user's accuracy of each, 0..1.
        half: wanted half-width of the interval of CONFIDENCE, above 0.

    Example:
        >>> points_needed([0.02, 0.015, 0.32, 0.645], [0.7, 0.6, 0.9, 0.95], 0.0196)
        641
    """
    if not 0 < half < 1:
        raise InvalidInputError(f"Expected a half-width between 0 and 1, but got {half}.")
    area = np.asarray(mapped, dtype=np.float64)
    accuracy = np.clip(np.asarray(users, dtype=np.float64), 0.0, 1.0)
    weight = area / max(float(area.sum()), 1e-300)
    error = half / float(stats.norm.ppf((1 + CONFIDENCE) / 2))
    spread = float((weight * np.sqrt(accuracy * (1 - accuracy))).sum())
    return math.ceil(round((spread / error) ** 2, 6))


def allocated(total: int, mapped: Sequence[float], fewest: int) -> list[int]:
    """Share points among map classes: ``fewest`` for each that is there, the rest by area.

    Sums to ``total``, or to ``fewest`` for each class where that is more.

    Example:
        >>> allocated(100, [70.0, 29.0, 1.0, 0.0], 20)
        [48, 32, 20, 0]
    """
    area = np.asarray(mapped, dtype=np.float64)
    there = area > 0
    given = np.where(there, fewest, 0)
    left = max(0, total - int(given.sum()))
    exact = left * area / max(float(area.sum()), 1e-300)
    counts = np.floor(exact).astype(int)
    by_remainder = np.argsort(counts - exact, kind="stable")
    counts[by_remainder[: left - int(counts.sum())]] += 1
    return [int(value) for value in given + counts]


def _root(variance: float) -> float:
    return float(math.sqrt(max(float(variance), 0.0)))


def _require_sound(matrix: NDArray[np.int64], area: Values) -> None:
    if matrix.shape != (len(area), len(area)):
        raise InvalidInputError(
            f"Expected counts of {len(area)} by {len(area)} classes, but got shape {matrix.shape}."
        )
    if not np.isfinite(area).all() or (area < 0).any() or (matrix < 0).any():
        raise InvalidInputError("Expected areas and counts that are finite and not negative.")
    if matrix[area <= 0].any():
        raise InvalidInputError(
            "Expected no point in a map class without area, but there are some."
        )

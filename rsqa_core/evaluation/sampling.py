"""What a random sample says of the population that it was drawn from.

References:
    Cochran 1977, Sampling Techniques, chapters 5 and 5A: stratified means and their variance.
    Thompson 2012, Sampling, chapter 5: exact intervals of a share in a finite population.
    Korn and Graubard 1998, Survey Methodology 24: intervals of proportions, effective sample size.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from rsqa_core.errors import InvalidInputError

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean of a population, from a sample.

    Attributes:
        mean: of the strata that have an observation.
        low, high: its 95 % interval; None where there are fewer than two observations.
        count: observations.
        covered: share of the population that lies in those strata, 0..1.
    """

    mean: float
    low: float | None
    high: float | None
    count: int
    covered: float


def stratified_mean(
    values: Sequence[float],
    strata: Sequence[str],
    sizes: Mapping[str, int],
    *,
    proportion: bool = False,
    within: tuple[float, float] = (-math.inf, math.inf),
) -> Estimate | None:
    """Estimate the mean of a population from a stratified random sample without replacement.

    A stratum of one observation takes the variance of the others; each weighs as much as it has
    members. The interval of a proportion is Wilson's with the effective sample size, so that a
    sample in which all are alike still leaves a doubt.

    Args:
        values: (n,) observed.
        strata: (n,) where each comes from.
        sizes: members of every stratum, those without an observation too.
        proportion: values are 0 or 1.
        within: what a mean can be; the interval is cut off there.

    Returns:
        None without an observation.

    Raises:
        InvalidInputError: lengths differ, a stratum has no size or more observations than members,
            a value is not finite, or no proportion.

    Example:
        >>> found = stratified_mean([0.5, 0.7, 0.9], ["a", "a", "b"], {"a": 3, "b": 1})
        >>> round(found.mean, 3), found.count, found.covered
        (0.675, 3, 1.0)
    """
    observed = np.asarray(values, dtype=np.float64)
    names, where = np.unique(np.array(strata, dtype=object).astype(str), return_inverse=True)
    counts = np.bincount(where, minlength=len(names))
    _require_sound(observed, where, names.tolist(), counts.tolist(), sizes, proportion)
    if not len(observed):
        return None
    members = np.array([sizes[name] for name in names], dtype=np.float64)
    weight = members / members.sum()
    means = np.bincount(where, observed) / counts
    mean = float((weight * means).sum())
    covered = float(members.sum() / sum(sizes.values()))
    if len(observed) < 2:
        return Estimate(mean, None, None, len(observed), covered)
    squares = np.bincount(where, (observed - means[where]) ** 2)
    several = counts > 1
    shared = squares[several].sum() / max((counts[several] - 1).sum(), 1)
    spread = shared if several.any() else float(observed.var(ddof=1))
    variance = np.where(several, squares / np.maximum(counts - 1, 1), spread)
    left = 1.0 - counts / members
    error = float((weight**2 * left * variance / counts).sum())
    if proportion:
        low, high = _wilson(mean, error, len(observed), float((weight * left).sum()))
    else:
        freedom = max(1, len(observed) - len(names))
        half = float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom)) * error**0.5
        low, high = max(within[0], mean - half), min(within[1], mean + half)
    return Estimate(mean, low, high, len(observed), covered)


def _wilson(share: float, error: float, count: int, left: float) -> tuple[float, float]:
    """Return Wilson's interval of a share whose sampling variance is ``error``.

    Args:
        left: share of the population that was not observed.
    """
    if left <= 0.0:
        return share, share
    effective = share * (1 - share) / error if error > 0 else count / left
    z = float(stats.norm.ppf((1 + CONFIDENCE) / 2))
    scale = 1 + z**2 / effective
    middle = (share + z**2 / (2 * effective)) / scale
    half = z / scale * (share * (1 - share) / effective + z**2 / (4 * effective**2)) ** 0.5
    return max(0.0, middle - half), min(1.0, middle + half)


def _require_sound(
    values: np.ndarray[tuple[int], np.dtype[np.float64]],
    where: np.ndarray[tuple[int], np.dtype[np.int64]],
    names: Sequence[str],
    counts: Sequence[int],
    sizes: Mapping[str, int],
    proportion: bool,
) -> None:
    if len(values) != len(where):
        raise InvalidInputError(
            f"Expected a stratum for each of {len(values)} values, but got {len(where)}."
        )
    if not np.isfinite(values).all() or (proportion and not np.isin(values, (0.0, 1.0)).all()):
        wanted = "values of 0 or 1" if proportion else "finite values"
        raise InvalidInputError(f"Expected {wanted}, but got {values.tolist()[:5]}.")
    for name, count in zip(names, counts, strict=True):
        if count > sizes.get(name, 0):
            raise InvalidInputError(
                f"Expected at most {sizes.get(name, 0)} observations of stratum {name!r}, which "
                f"has so many members, but got {count}."
            )


def unseen_share(hits: int, size: int, population: int) -> Estimate:
    """Estimate a share among the members of a population that a random sample did not show.

    The interval is exact: it holds the shares under which neither the number that was found nor a
    more extreme one has a chance below 2.5 % (the hypergeometric law; for an endless population
    this is the interval of Clopper and Pearson).

    Args:
        hits: members of the sample that have the property.
        size: members of the sample, drawn without replacement, at least 1.
        population: members in all, more than ``size``.

    Raises:
        InvalidInputError: the numbers contradict one another.

    Example:
        >>> found = unseen_share(0, 20, 1000)
        >>> found.mean, found.low, round(found.high, 3)
        (0.0, 0.0, 0.169)
    """
    if not (0 <= hits <= size and 1 <= size < population):
        raise InvalidInputError(
            f"Expected 0 <= hits <= size < population and a sample, but got {hits}, {size} and "
            f"{population}."
        )
    # As many have the property as were found at least, and all but those that were found without.
    possible = np.arange(hits, population - (size - hits) + 1)
    tail = (1 - CONFIDENCE) / 2
    not_fewer = stats.hypergeom.sf(hits - 1, population, possible, size) >= tail
    not_more = stats.hypergeom.cdf(hits, population, possible, size) >= tail
    within = possible[not_fewer & not_more]
    left = population - size
    return Estimate(
        hits / size,
        float(within[0] - hits) / left,
        float(within[-1] - hits) / left,
        size,
        1.0,
    )

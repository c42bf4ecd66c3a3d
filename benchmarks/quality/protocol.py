"""Run methods over the splits of a protocol and turn predictions into figures with intervals."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.candidates import Candidates
from benchmarks.quality.keeping import Keeper, OneSeed
from benchmarks.quality.methods import Method, Predictions
from benchmarks.quality.splits import PROTOCOLS, Split
from rsqa_core.errors import InvalidInputError
from rsqa_core.evaluation.baselines import group_means
from rsqa_core.evaluation.reliability import ERROR_BINS, error_histogram
from rsqa_core.evaluation.resampling import (
    POOLED_FIGURES,
    WITHIN_FIGURES,
    cluster_counts,
    differences,
    fit_logistic,
    logistic,
    pooled_draws,
    within_draws,
)
from rsqa_core.progress import Progress, no_progress
from rsqa_core.raster import read_mask
from rsqa_core.records import VOID

Values = NDArray[np.float64]
Draws = dict[str, Values]
BOUNDS = ("low80", "high80", "low90", "high90")
ERROR_MAPS = {"1-max_prob": 0, "disagreement": 1}
"""Error maps that need no fitting: their place in ``Candidates.errors``."""


@dataclass
class Outcome:
    """Held-out predictions of every method in one protocol.

    Attributes:
        score: method: (S, N), a row a seed, NaN where nothing is predicted.
        mapped: the same through the logistic that the other splits' predictions fitted.
        bounds: method: bound of BOUNDS: (S, N).
        usual: (S, N) what the constant-best segmenter is expected to give.
        errors: method: (N, 2, ERROR_BINS) pixel counts by its error map, of the first seed.
        seconds: method: fitting and predicting, all splits of one seed.
    """

    name: str
    splits: Sequence[Split]
    score: dict[str, Values] = field(default_factory=dict)
    mapped: dict[str, Values] = field(default_factory=dict)
    bounds: dict[str, Draws] = field(default_factory=dict)
    usual: Values = field(default_factory=lambda: np.zeros((0, 0)))
    errors: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


def run(
    protocol: str,
    found: Candidates,
    methods: Sequence[Method],
    seeds: int,
    *,
    keeper: Keeper | None = None,
    progress: Progress = no_progress,
) -> Outcome | None:
    """Predict every split by every method; None where the protocol has no split.

    A method that draws nothing runs once, unless the split itself is drawn.

    Args:
        keeper: has what was predicted before, and gets what is predicted now.
    """
    by_seed = [PROTOCOLS[protocol](found, seed) for seed in range(seeds)]
    if not by_seed[0]:
        return None
    drawn = any(
        not np.array_equal(a.test, b.test)
        for splits in by_seed
        for a, b in zip(by_seed[0], splits, strict=True)
    )
    outcome = Outcome(protocol, by_seed[0])
    usual = [_usual(found, splits) for splits in by_seed]
    outcome.usual = np.stack(usual if drawn else usual[:1])
    for done, method in enumerate(methods):
        runs = seeds if method.seeded or drawn else 1
        said: list[OneSeed] = []
        for seed in range(runs):
            progress(
                f"{protocol}: {method.name}, seed {seed + 1} of {runs}",
                done * runs + seed,
                len(methods) * runs,
            )
            kept = None if keeper is None else keeper.get(protocol, method, seed)
            if kept is not None and kept.errors is None and seed == 0 and method.maps_errors:
                kept = None  # of an ablation, which is measured without
            said.append(kept or _one_seed(found, by_seed[seed], method, seed))
            if keeper is not None and kept is None:
                keeper.put(protocol, method, seed, said[-1])
        outcome.seconds[method.name] = sum(one.seconds for one in said) / runs
        if said[0].errors is not None:
            outcome.errors[method.name] = said[0].errors
        bounds = [one.bounds for one in said]
        scores = [one.score for one in said]
        outcome.score[method.name] = np.stack(scores)
        outcome.mapped[method.name] = np.stack(
            [_mapped(s, found.target, by_seed[i]) for i, s in enumerate(scores)]
        )
        stated = [name for name in BOUNDS if np.isfinite(bounds[0][name]).any()]
        if stated:
            outcome.bounds[method.name] = {n: np.stack([b[n] for b in bounds]) for n in stated}
    oracle = np.where(np.isfinite(outcome.usual), found.target, np.nan)
    outcome.score["oracle"] = outcome.mapped["oracle"] = oracle
    progress(protocol, len(methods), len(methods))
    return outcome


def _one_seed(found: Candidates, splits: Sequence[Split], method: Method, seed: int) -> OneSeed:
    start = time.perf_counter()
    score = np.full(len(found), np.nan)
    bounds = {name: np.full(len(found), np.nan) for name in BOUNDS}
    errors: NDArray[np.int64] | None = None
    for split in splits:
        train, test = found.select(split.train), found.select(split.test, hidden=True)
        predicted = method.fit_predict(train, test, seed)
        if predicted.score.shape != split.test.shape:
            raise InvalidInputError(
                f"Expected {len(split.test)} scores from {method.name} on {split.name}, but got "
                f"shape {predicted.score.shape}."
            )
        score[split.test] = predicted.score
        for name in BOUNDS:
            own = getattr(predicted, name)
            if own is not None:
                bounds[name][split.test] = own
        if predicted.error_map is not None and seed == 0:
            if errors is None:
                errors = np.zeros((len(found), 2, ERROR_BINS), dtype=np.int64)
            errors[split.test] = _error_counts(found, split, predicted)
    return OneSeed(score, bounds, errors, time.perf_counter() - start)


def _error_counts(found: Candidates, split: Split, predicted: Predictions) -> NDArray[np.int64]:
    assert predicted.error_map is not None
    counts = np.zeros((len(split.test), 2, ERROR_BINS), dtype=np.int64)
    for i, row in enumerate(split.test):
        reference = read_mask(Path(str(found.reference_path[row])))
        mask = read_mask(Path(str(found.mask_path[row])))
        score = np.clip(predicted.error_map(i), 0.0, 1.0)
        counts[i] = error_histogram(score, mask != reference, reference != VOID)
    return counts


def _usual(found: Candidates, splits: Sequence[Split]) -> Values:
    usual = np.full(len(found), np.nan)
    for split in splits:
        usual[split.test] = group_means(
            found.target[split.usual], found.segmenter[split.usual], found.segmenter[split.test]
        )
    return usual


def _mapped(score: Values, target: Values, splits: Sequence[Split]) -> Values:
    """Map every split by the logistic fitted on the held-out predictions of its training rows.

    Where those rows have no held-out predictions, the score stays as it is.
    """
    mapped = score.copy()
    for split in splits:
        fitted = fit_logistic(score[split.train], target[split.train])
        if fitted is not None:
            mapped[split.test] = logistic(score[split.test], *fitted)
    return mapped


class Figures:
    """Figures of one protocol's outcome in every resample of the source images.

    With several data sets every figure is the mean of theirs: pooling over data sets would reward
    recognising the data set.
    """

    def __init__(
        self, found: Candidates, outcome: Outcome, repeats: int, *, by_dataset: bool
    ) -> None:
        self._found, self._outcome = found, outcome
        self._parts: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]] = []
        groups = found.dataset if by_dataset else np.full(len(found), "")
        predicted = np.flatnonzero(np.isfinite(outcome.usual).any(axis=0))  # by any seed
        for name in np.unique(groups[predicted]):
            rows = predicted[groups[predicted] == name]
            cluster = np.unique(found.source[rows], return_inverse=True)[1]
            counts = cluster_counts(int(cluster.max()) + 1, repeats)
            self._parts.append((rows, cluster, counts))
        self._known: dict[tuple[str, bytes], Draws] = {}

    def of(self, method: str) -> Draws:
        """Return figure: (S, B) draws of a method."""
        seeds = self._outcome.score[method].shape[0]
        return self._draws(method, np.ones((seeds, len(self._found)), dtype=bool))

    def gain(self, method: str, baseline: str) -> Draws:
        """Return figure: (S, B) draws of how much better ``method`` is; on what both predict."""
        own, other = (self._outcome.score[name] for name in (method, baseline))
        seeds = max(len(own), len(other))
        both = np.stack(
            [
                np.isfinite(own[s % len(own)]) & np.isfinite(other[s % len(other)])
                for s in range(seeds)
            ]
        )
        return differences(self._draws(method, both), self._draws(baseline, both))

    def _draws(self, method: str, allowed: NDArray[np.bool_]) -> Draws:
        score = self._outcome.score[method]
        seeds = [
            self._seed(method, s % len(score), allowed[s] & np.isfinite(score[s % len(score)]))
            for s in range(len(allowed))
        ]
        return {name: np.stack([draws[name] for draws in seeds]) for name in seeds[0]}

    def _seed(self, method: str, seed: int, allowed: NDArray[np.bool_]) -> Draws:
        key = (f"{method} {seed}", np.packbits(allowed).tobytes())
        if key not in self._known:
            found, outcome = self._found, self._outcome
            score = np.where(allowed, outcome.score[method][seed], np.nan)
            mapped = outcome.mapped[method][seed]
            usual = outcome.usual[seed % len(outcome.usual)]
            parts = []
            for rows, cluster, counts in self._parts:
                # Rows that another seed's split predicts are not there for this one.
                here = np.isfinite(usual[rows])
                r, c = rows[here], cluster[here]
                pooled = pooled_draws(score[r], found.target[r], c, counts, mapped[r])
                image = found.image[r]
                within = within_draws(score[r], found.target[r], image, usual[r], c, counts)
                parts.append(pooled | within)
            self._known[key] = {
                name: np.mean([part[name] for part in parts], axis=0)
                for name in (*POOLED_FIGURES, *WITHIN_FIGURES)
            }
        return self._known[key]

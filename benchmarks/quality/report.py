"""The tables of a run: on screen, as quality.json, as CSV rows and as a Markdown report."""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.candidates import Candidates
from benchmarks.quality.protocol import ERROR_MAPS, Figures, Outcome
from benchmarks.record import PACKAGES, Value, append_rows, circumstances
from rsqa_core.evaluation.reliability import (
    Coverage,
    average_precision,
    coverage_by_group,
    found_against_reviewed,
    quality_bins,
    worst_group,
)
from rsqa_core.evaluation.resampling import cluster_counts, interval
from rsqa_core.files import write_atomically

FIGURES = (
    *("srcc", "krcc", "plcc", "mae", "rmse", "top1", "regret_mean", "regret_p95", "gap_closed"),
)
EXTRA_FIGURES = ("plcc_fitted", "within_krcc")
BAD_BELOW = (0.5, 0.7)
"""Overall accuracies below which a mask counts as bad."""

Triple = tuple[float, float, float] | None
Table = dict[str, dict[str, Triple]]


@dataclass
class Run:
    """Everything that one run found.

    Attributes:
        methods: names under test; the first is the one that the report is about.
        tables: protocol: method: figure: (value, low, high).
        gains: protocol: baseline: figure: (value, low, high) of the first method's gain over it.
        outcomes: protocol: its predictions.
    """

    found: Candidates
    methods: Sequence[str]
    seeds: int
    repeats: int
    tables: dict[str, Table] = field(default_factory=dict)
    gains: dict[str, Table] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)

    @property
    def tested(self) -> str:
        return self.methods[0]


def figures_of(
    found: Candidates, outcome: Outcome, tested: str, repeats: int
) -> tuple[Table, Table]:
    """Return every method's figures and the tested one's gains, each with its interval."""
    figures = Figures(found, outcome, repeats, by_dataset="dataset" in outcome.name)
    every = (*FIGURES, *EXTRA_FIGURES)
    table, gains = {}, {}
    for method in outcome.score:
        draws = figures.of(method)
        table[method] = {name: interval(draws[name]) for name in every}
        if method != tested:
            change = figures.gain(tested, method)
            gains[method] = {name: interval(change[name]) for name in every}
    return table, gains


def interval_figures(run: Run, protocol: str, method: str, level: int) -> dict[str, Any] | None:
    """Return coverage and width of a method's intervals: overall, by group, and the worst group."""
    outcome = run.outcomes[protocol]
    bounds = outcome.bounds.get(method, {})
    if f"low{level}" not in bounds:
        return None
    found = run.found
    low, high = (bounds[f"{side}{level}"] for side in ("low", "high"))
    rows = np.flatnonzero(np.isfinite(low).any(axis=0))
    cluster = np.unique(found.source[rows], return_inverse=True)[1]
    counts = cluster_counts(int(cluster.max()) + 1, run.repeats)
    groupings = {
        "dataset": found.dataset,
        "scene": found.scene,
        "segmenter": found.segmenter,
        "predicted": quality_bins(np.nan_to_num(outcome.score[method][0])),
    }
    inside, width = [], []
    for own_low, own_high in zip(low[:, rows], high[:, rows], strict=True):
        known = np.isfinite(own_low)
        hit = known & (own_low <= found.target[rows]) & (found.target[rows] <= own_high)
        inside.append(_mean_draws(hit[known], cluster[known], counts))
        width.append(_mean_draws((own_high - own_low)[known], cluster[known], counts))
    groups = {
        kind: _mean_groups(
            [coverage_by_group(a, b, found.target, names) for a, b in zip(low, high, strict=True)]
        )
        for kind, names in groupings.items()
    }
    worst = worst_group({**groups["scene"], **groups["segmenter"]})
    return {
        "coverage": interval(np.stack(inside)),
        "width": interval(np.stack(width)),
        "worst_group": None if worst is None else {"name": worst[0], "coverage": worst[1].coverage},
        "groups": groups,
    }


def error_map_figures(run: Run, protocol: str) -> dict[str, Triple]:
    """Return the pixel AUPRC of every error map over all predicted pixels, with its interval."""
    outcome, found = run.outcomes[protocol], run.found
    rows = np.concatenate([split.test for split in outcome.splits])
    cluster = np.unique(found.source[rows], return_inverse=True)[1]
    counts = cluster_counts(int(cluster.max()) + 1, run.repeats)
    maps = {name: counts_of[rows] for name, counts_of in outcome.errors.items()}
    maps |= {name: found.errors[rows, place] for name, place in ERROR_MAPS.items()}
    figures: dict[str, Triple] = {}
    for name, pixels in maps.items():
        by_cluster = np.zeros((counts.shape[1], *pixels.shape[1:]))
        np.add.at(by_cluster, cluster, pixels)
        figures[name] = interval(average_precision(np.tensordot(counts, by_cluster, axes=1)))
    return figures


def utility_figures(run: Run, protocol: str) -> dict[str, dict[str, float | None]]:
    """Return how well low scores find bad masks: AUPRC, and share found in the worst 20 %."""
    outcome, target = run.outcomes[protocol], run.found.target
    found: dict[str, dict[str, float | None]] = {}
    for method, scores in outcome.score.items():
        found[method] = {}
        for edge in BAD_BELOW:
            areas, shares = [], []
            for score in scores:
                known = np.isfinite(score)
                bad = target[known] < edge
                areas.append(_auprc(-score[known], bad))
                reviewed, caught = found_against_reviewed(score[known], bad)
                shares.append(float(np.interp(0.2, reviewed, caught)))
            found[method][f"auprc_{edge:g}"] = _finite(float(np.mean(areas)))
            found[method][f"found_in_20_percent_{edge:g}"] = _finite(float(np.mean(shares)))
    return found


def write_json(path: Path, run: Run) -> None:
    """Write quality.json; every figure is [value, low, high] or null."""
    content: dict[str, Any] = {
        protocol: {
            method: {name: _listed(figures[name]) for name in FIGURES}
            for method, figures in table.items()
        }
        for protocol, table in run.tables.items()
    }
    first = next(iter(run.outcomes))
    stated = interval_figures(run, first, run.tested, 90)
    content["intervals"] = (
        {"coverage": None, "worst_group": None, "width": None}
        if stated is None
        else {
            "coverage": _listed(stated["coverage"]),
            "worst_group": stated["worst_group"],
            "width": _listed(stated["width"]),
        }
    )
    content["error_map"] = {
        name: {"auprc": _listed(value)} for name, value in error_map_figures(run, first).items()
    }
    content["cost"] = {
        "fit_predict_s": {m: round(s, 3) for m, s in run.outcomes[first].seconds.items()}
    }
    about = circumstances()
    content |= {
        "commit": about["commit"],
        "seeds": run.seeds,
        "versions": {name: about[name] for name in ("python", *PACKAGES)}
        | {n: importlib.metadata.version(n) for n in ("scikit-learn", "scipy", "cleanlab")},
    }
    write_atomically(path, (json.dumps(content, indent=1, allow_nan=False) + "\n").encode())


def write_csv(path: Path, run: Run) -> None:
    """Append one row a protocol and method."""
    found = run.found
    lines: list[dict[str, Value]] = []
    for protocol, table in run.tables.items():
        rows = np.unique(np.concatenate([s.test for s in run.outcomes[protocol].splits]))
        for method, figures in table.items():
            line: dict[str, Value] = {
                "protocol": protocol,
                "method": method,
                "projects": " ".join(np.unique(found.dataset[rows])),
                "candidates": len(rows),
                "seeds": run.seeds,
                "resamples": run.repeats,
            }
            for name in (*FIGURES, *EXTRA_FIGURES):
                value = figures[name] or ("", "", "")
                for end, number in zip(("", "_low", "_high"), value, strict=True):
                    line[f"{name}{end}"] = round(number, 4) if number != "" else ""
            lines.append(line)
    append_rows(path, lines)


def table_lines(
    table: Mapping[str, Mapping[str, Triple]], figures: Sequence[str], *, with_ends: bool
) -> list[str]:
    """Return a Markdown table, a row a method."""
    lines = ["| method | " + " | ".join(figures) + " |", "|---" * (len(figures) + 1) + "|"]
    for method, values in table.items():
        cells = [_cell(values[name], with_ends) for name in figures]
        lines.append("| " + " | ".join([method, *cells]) + " |")
    return lines


def _cell(value: Triple, with_ends: bool) -> str:
    if value is None:
        return "–"
    ends = f" [{value[1]:.3f}, {value[2]:.3f}]" if with_ends else ""
    return f"{value[0]:.3f}{ends}"


def _listed(value: Triple) -> list[float] | None:
    return None if value is None else [round(number, 5) for number in value]


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _auprc(score: NDArray[np.float64], bad: NDArray[np.bool_]) -> float:
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(bad, score)) if bad.any() else float("nan")


def _mean_draws(
    values: NDArray[Any], cluster: NDArray[np.int64], counts: NDArray[np.int64]
) -> NDArray[np.float64]:
    sums = np.bincount(cluster, weights=values, minlength=counts.shape[1])
    sizes = np.bincount(cluster, minlength=counts.shape[1])
    with np.errstate(invalid="ignore"):
        return np.asarray((counts @ sums) / (counts @ sizes), dtype=np.float64)


def _mean_groups(seeds: Sequence[Mapping[str, Coverage]]) -> dict[str, Coverage]:
    return {
        name: Coverage(
            float(np.mean([found[name].coverage for found in seeds if name in found])),
            float(np.mean([found[name].width for found in seeds if name in found])),
            own.n,
        )
        for name, own in seeds[0].items()
    }

"""The report that a person reads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.quality.report import (
    EXTRA_FIGURES,
    FIGURES,
    Run,
    Triple,
    error_map_figures,
    interval_figures,
    table_lines,
    utility_figures,
)
from benchmarks.record import circumstances
from rsqa_core.evaluation.agreement import pooled
from rsqa_core.evaluation.reliability import Coverage
from rsqa_core.evaluation.resampling import cluster_counts, interval
from rsqa_core.files import write_atomically

TITLES = {
    "leave_one_scene_out": "Every scene predicted from the other scenes",
    "leave_one_segmenter_out": "Every segmenter predicted from the other segmenters",
    "leave_one_dataset_out": "Every data set predicted from the others",
    "leave_one_dataset_out_20_labels": "The same with 20 labels of the new data set",
}
NOTES = {
    "leave_one_segmenter_out": (
        "Learnt from: other segmenters on the other half of the scenes. The held-out segmenter's "
        "masks are among the peers of every candidate, its labels nowhere. The gap starts at the "
        "segmenter that is the constant best when all are known."
    ),
    "leave_one_dataset_out": "Figures are means over the predicted data sets.",
    "leave_one_dataset_out_20_labels": (
        "Twenty candidates of different images are labelled and their images not predicted; "
        "recalibrated baselines use these labels alone."
    ),
}


def write_markdown(path: Path, run: Run, plots: Mapping[str, str]) -> None:
    """Write the report with its plots beside it."""
    about = circumstances()
    found = run.found
    lines = [
        "# Predicted quality beside every baseline",
        "",
        f"Commit {about['commit']}, {run.seeds} seeds of everything that draws, {run.repeats} "
        "resamples of source images, 95 % intervals. Written by `make bench-quality`.",
        "",
        "| data set | scenes | source images | images | candidates | segmenters |",
        "|---|---|---|---|---|---|",
    ]
    for name in np.unique(found.dataset):
        rows = found.dataset == name
        counts = (
            len(np.unique(values[rows]))
            for values in (found.scene, found.source, found.image, found.candidate, found.segmenter)
        )
        lines.append("| " + " | ".join([str(name), *(str(n) for n in counts)]) + " |")
    lines += ["", *_missing(run)]
    for protocol, table in run.tables.items():
        lines += ["", f"## {TITLES.get(protocol, protocol)}", ""]
        if protocol in NOTES:
            lines += [NOTES[protocol], ""]
        lines += table_lines(table, (*FIGURES, *EXTRA_FIGURES), with_ends=False)
        lines += ["", f"Gain of `{run.tested}` over each (above zero is better, errors included):"]
        lines += ["", *table_lines(run.gains[protocol], _GAINS, with_ends=True)]
        lines += ["", *_by_scene(run, protocol)]
    lines += _few_labels(run)
    first = next(iter(run.outcomes))
    lines += ["", "## Intervals", "", *_intervals(run)]
    lines += ["", "## Bad masks", "", *_utility(run, first)]
    lines += ["", "## Error maps", "", "Pixel AUPRC over all predicted pixels.", ""]
    lines += table_lines(
        {name: {"auprc": value} for name, value in error_map_figures(run, first).items()},
        ("auprc",),
        with_ends=True,
    )
    for file, title in plots.items():
        lines += ["", f"![{title}]({file})"]
    write_atomically(path, ("\n".join(lines) + "\n").encode())


SCENE_METHODS = ("ac", "agreement", "metaseg")
"""Beside the tested method in the tables by scene."""

_GAINS = ("srcc", "krcc", "mae", "regret_mean", "top1", "gap_closed")


def few_label_gain(run: Run) -> dict[str, Triple]:
    """Return by how much 20 labels lower the tested method's MAE, as a share, by data set.

    Both errors are taken on the images that carry no label.
    """
    pair = [
        run.outcomes.get(name)
        for name in ("leave_one_dataset_out", "leave_one_dataset_out_20_labels")
    ]
    if pair[0] is None or pair[1] is None:
        return {}
    found = run.found
    before, after = (outcome.score[run.tested] for outcome in pair if outcome is not None)
    gains: dict[str, Triple] = {}
    for name in np.unique(found.dataset):
        rows = np.flatnonzero(found.dataset == name)
        cluster = np.unique(found.source[rows], return_inverse=True)[1]
        counts = cluster_counts(int(cluster.max()) + 1, run.repeats)
        draws = []
        for seed, score in enumerate(after):
            both = np.isfinite(score[rows]) & np.isfinite(before[seed % len(before)][rows])
            sums = [
                np.bincount(
                    cluster[both],
                    weights=np.abs(values[rows] - found.target[rows])[both],
                    minlength=counts.shape[1],
                )
                for values in (before[seed % len(before)], score)
            ]
            draws.append(1 - (counts @ sums[1]) / np.maximum(counts @ sums[0], 1e-12))
        gains[str(name)] = interval(np.stack(draws))
    return gains


def _by_scene(run: Run, protocol: str) -> list[str]:
    outcome, found = run.outcomes[protocol], run.found
    names = [name for name in (run.tested, *SCENE_METHODS) if name in outcome.score]
    columns = [f"{name} {figure}" for name in names for figure in ("srcc", "mae")]
    lines = ["| scene | candidates | " + " | ".join(columns) + " |"]
    lines.append("|---" * (len(columns) + 2) + "|")
    predicted = np.isfinite(outcome.usual[0])
    for scene in np.unique(found.scene[predicted]):
        rows = predicted & (found.scene == scene)
        cells = []
        for name in names:
            figures = [pooled(score[rows], found.target[rows]) for score in outcome.score[name]]
            known = [each for each in figures if each is not None]
            ranks = [each.srcc for each in known if each.srcc is not None]
            cells.append(f"{np.mean(ranks):.3f}" if ranks else "–")
            cells.append(f"{np.mean([each.mae for each in known]):.3f}" if known else "–")
        lines.append("| " + " | ".join([str(scene), str(int(rows.sum())), *cells]) + " |")
    return lines


def _missing(run: Run) -> list[str]:
    without = np.isnan(run.found.confidence[:, 0, 0])
    if not without.any():
        return ["Every candidate's segmenter ran again, so every baseline has its input."]
    names = ", ".join(np.unique(run.found.segmenter[without]))
    return [
        f"{int(without.sum())} candidates ({names}) have no probabilities, because their segmenter "
        "is not there: what needs them leaves these out."
    ]


def _few_labels(run: Run) -> list[str]:
    gains = few_label_gain(run)
    if not gains:
        return []
    table = {name: {"mae falls by": value} for name, value in gains.items()}
    lines = table_lines(table, ("mae falls by",), with_ends=True)
    return ["", f"What 20 labels give `{run.tested}`, as a share of its MAE without:", "", *lines]


def _intervals(run: Run) -> list[str]:
    lines = ["| protocol | method | stated | coverage | width | worst group |", "|---" * 6 + "|"]
    details: list[str] = []
    for protocol, outcome in run.outcomes.items():
        for method in outcome.bounds:
            for level in (80, 90):
                stated = interval_figures(run, protocol, method, level)
                if stated is None:
                    continue
                lines.append(
                    f"| {protocol} | {method} | {level} % | {_text(stated['coverage'])} | "
                    f"{_text(stated['width'])} | {_worst(stated['worst_group'])} |"
                )
                if level == 90 and method == run.tested:
                    details += _groups(protocol, stated["groups"])
    return [*lines, *details] if len(lines) > 2 else ["No method states intervals."]


def _groups(protocol: str, groups: Mapping[str, Mapping[str, Coverage]]) -> list[str]:
    lines = ["", f"90 % intervals, {protocol}:", "", "| group | coverage | width | candidates |"]
    lines.append("|---" * 4 + "|")
    for kind, found in groups.items():
        for name, own in found.items():
            lines.append(f"| {kind} {name} | {own.coverage:.3f} | {own.width:.3f} | {own.n} |")
    return lines


def _utility(run: Run, protocol: str) -> list[str]:
    figures = utility_figures(run, protocol)
    names = list(next(iter(figures.values())))
    lines = ["| method | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for method, values in figures.items():
        cells = ["–" if values[n] is None else f"{values[n]:.3f}" for n in names]
        lines.append("| " + " | ".join([method, *cells]) + " |")
    return lines


def _text(value: Triple) -> str:
    return "–" if value is None else f"{value[0]:.3f} [{value[1]:.3f}, {value[2]:.3f}]"


def _worst(value: Mapping[str, Any] | None) -> str:
    return "–" if value is None else f"{value['name']} {value['coverage']:.3f}"

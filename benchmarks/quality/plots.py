"""Plots of a run as small PNG files."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.quality.report import Run, Table, interval_figures
from rsqa_core.evaluation.reliability import coverage_by_group, found_against_reviewed, quality_bins
from rsqa_core.files import write_atomically

GAIN_METHODS = ("ac", "agreement", "metaseg", "random")
"""Beside the tested method in the plot of bad masks found."""


def draw_plots(folder: Path, run: Run) -> dict[str, str]:
    """Write every plot that the run has figures for; return its title by file name."""
    protocol = next(iter(run.outcomes))
    drawn: dict[str, str] = {}
    for name, title, draw in (
        ("predicted", "Predicted against measured quality", _predicted),
        ("intervals", "Coverage of intervals by predicted quality", _intervals),
        ("regret", "Mean regret of the recommended candidate", _regret),
        ("gain", "Bad masks found against masks reviewed", _gain),
    ):
        figure = Figure(figsize=(6.4, 4.2), layout="constrained")
        axes = figure.add_subplot()
        if not draw(axes, run, protocol):
            continue
        axes.set_title(title, fontsize=10)
        axes.spines[["top", "right"]].set_visible(False)
        _save(figure, folder / f"quality-{name}.png")
        drawn[f"quality-{name}.png"] = title
    return drawn


CURVES = {
    "random": ("random order", "tab:blue"),
    "queue": ("most informative, as the queue", "tab:orange"),
}


def draw_curve(folder: Path, content: Mapping[str, Any]) -> str | None:
    """Draw the mean error against labels of both orders, and of the best other one; name the file.

    None where a scene has too few candidates for a curve.
    """
    means = content["mean"]
    if len(means["random"]["labels"]) < 2:
        return None
    others = [name for name in means if name not in CURVES]
    best = min(others, key=lambda name: float(np.mean(means[name]["mae"])))
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.add_subplot()
    for name, (label, colour) in (CURVES | {best: (f"best other: {best}", "tab:green")}).items():
        curve = means[name]
        axes.plot(curve["labels"], curve["mae"], color=colour, label=label)
        axes.fill_between(
            curve["labels"], curve["mae_low"], curve["mae_high"], color=colour, alpha=0.15
        )
    axes.set_title("Error on candidates without a label, mean of scenes", fontsize=10)
    axes.set(xlabel="labels of the scene", ylabel="MAE; bands: 5 to 95 % of draws")
    axes.set_ylim(bottom=0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    _save(figure, folder / "quality-labels.png")
    return "quality-labels.png"


def _save(figure: Figure, path: Path) -> None:
    stream = io.BytesIO()
    # No date and no version inside, so that the same run writes the same file.
    figure.savefig(stream, format="png", dpi=110, metadata={"Software": None})
    write_atomically(path, stream.getvalue())


def _predicted(axes: Axes, run: Run, protocol: str) -> bool:
    score = run.outcomes[protocol].score[run.tested][0]
    names = np.unique(run.found.segmenter)
    colours = mpl.colormaps["tab10"]
    for i, name in enumerate(names):
        rows = (run.found.segmenter == name) & np.isfinite(score)
        axes.scatter(
            score[rows],
            run.found.target[rows],
            s=5,
            alpha=0.5,
            linewidths=0,
            color=colours(i % 10),
            label=str(name),
        )
    axes.plot([0, 1], [0, 1], color="0.5", linewidth=0.8)
    axes.set(xlabel="predicted", ylabel="measured overall accuracy", xlim=(0, 1), ylim=(0, 1))
    axes.legend(fontsize=7, markerscale=2, frameon=False)
    return bool(np.isfinite(score).any())


def _intervals(axes: Axes, run: Run, protocol: str) -> bool:
    outcome = run.outcomes[protocol]
    if interval_figures(run, protocol, run.tested, 90) is None:
        return False
    bins = quality_bins(np.nan_to_num(outcome.score[run.tested][0]))
    names = sorted(np.unique(bins))
    for level, colour in ((80, "tab:blue"), (90, "tab:orange")):
        low, high = (outcome.bounds[run.tested][f"{side}{level}"][0] for side in ("low", "high"))
        found = coverage_by_group(low, high, run.found.target, bins)
        shown = [name for name in names if name in found]
        axes.plot(shown, [found[n].coverage for n in shown], "o-", color=colour, label=f"{level} %")
        axes.axhline(level / 100, color=colour, linewidth=0.8, linestyle=":")
    axes.set(xlabel="predicted quality", ylabel="share of intervals that hold", ylim=(0, 1.02))
    axes.legend(frameon=False)
    return True


def _regret(axes: Axes, run: Run, protocol: str) -> bool:
    table: Table = run.tables[protocol]
    shown = {m: v["regret_mean"] for m, v in table.items() if v["regret_mean"] is not None}
    # A recalibrated score recommends what the raw one does.
    shown = {m: v for m, v in shown.items() if not m.endswith(("_linear", "_isotonic"))}
    ranked = sorted(shown, key=lambda method: shown[method] or (0.0,), reverse=True)
    values = np.array([shown[method] for method in ranked])
    if not len(values):
        return False
    axes.barh(
        ranked,
        values[:, 0],
        xerr=np.abs(values[:, 1:].T - values[:, 0]),
        color=["tab:orange" if name in run.methods else "tab:blue" for name in ranked],
        error_kw={"linewidth": 0.8},
    )
    axes.set(xlabel="best minus recommended overall accuracy, 95 % interval")
    axes.tick_params(labelsize=8)
    return True


def _gain(axes: Axes, run: Run, protocol: str) -> bool:
    scores = run.outcomes[protocol].score
    rows = np.concatenate([split.test for split in run.outcomes[protocol].splits])
    target = run.found.target[rows]
    edge = float(np.quantile(target, 0.2))
    for name in (*run.methods, *GAIN_METHODS):
        if name not in scores:
            continue
        reviewed, found = found_against_reviewed(scores[name][0][rows], target < edge)
        axes.plot(reviewed, found, label=name, linewidth=2 if name in run.methods else 1)
    axes.plot(
        [0, float((target < edge).mean()), 1], [0, 1, 1], color="0.6", linestyle=":", label="oracle"
    )
    axes.set(
        xlabel="share of masks reviewed, worst predicted first",
        ylabel=f"share found of masks below {edge:.2f}",
    )
    axes.legend(fontsize=8, frameon=False)
    return True

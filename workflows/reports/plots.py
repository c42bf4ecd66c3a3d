"""Plots of a report as PNG, readable in print and by those who see colours otherwise."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

Values = NDArray[np.float64]

ACCENT = "#0b6b82"
SECOND = "#d55e00"
QUIET = "#8a97a0"
_DPI = 150


def ranking(best: Values, low: Values, high: Values, labelled: Values, stated: float) -> bytes:
    """Draw images from worst to best predicted, with the interval of each.

    Args:
        best, low, high: (N,) of the best candidate of each image, sorted by ``best``.
        labelled: (N,) what reviewers gave it, NaN where nobody did.
        stated: coverage that the intervals state, 0..1.
    """
    figure, axes = _axes(6.8, 3.0)
    place = np.arange(1, len(best) + 1)
    axes.fill_between(
        place, low, high, color=ACCENT, alpha=0.18, linewidth=0, label=f"{stated:.0%} interval"
    )
    axes.plot(place, best, color=ACCENT, linewidth=1.6, label="best predicted candidate")
    known = np.isfinite(labelled)
    if known.any():
        axes.plot(
            place[known],
            labelled[known],
            "o",
            color=SECOND,
            markersize=3.5,
            markeredgewidth=0,
            label="reviewers' score",
        )
    axes.set(
        xlabel="images, worst first", ylabel="quality", ylim=(0, 1), xlim=(1, max(len(best), 2))
    )
    axes.legend(frameon=False, fontsize=8, loc="lower right")
    return _png(figure)


def by_segmenter(names: Sequence[str], scores: Sequence[Values]) -> bytes:
    """Draw the distribution of predicted quality of each segmenter, the best on top."""
    figure, axes = _axes(6.8, 0.7 + 0.36 * len(names))
    axes.boxplot(
        list(scores),
        orientation="horizontal",
        widths=0.6,
        patch_artist=True,
        showfliers=False,
        whis=(5, 95),
        boxprops={"facecolor": ACCENT, "alpha": 0.3, "edgecolor": ACCENT},
        medianprops={"color": ACCENT, "linewidth": 2},
        whiskerprops={"color": ACCENT},
        capprops={"color": ACCENT},
    )
    axes.set_yticks(range(1, len(names) + 1), names)
    axes.set(xlabel="predicted quality (box: middle half, whiskers: 5 to 95 %)", xlim=(0, 1))
    return _png(figure)


def calibration(predicted: Values, truth: Values, edges: Sequence[float], truth_name: str) -> bytes:
    """Draw predicted against true quality: every candidate, and the mean of each bin."""
    figure, axes = _axes(3.6, 3.4)
    axes.plot([0, 1], [0, 1], "--", color=QUIET, linewidth=1)
    size = 8 if len(predicted) < 500 else 3
    axes.scatter(predicted, truth, s=size, color=ACCENT, alpha=0.35, linewidths=0)
    which = np.digitize(predicted, edges[1:-1])
    for place in np.unique(which):
        own = which == place
        if own.sum() >= 5:
            axes.plot(
                predicted[own].mean(),
                truth[own].mean(),
                "o",
                color=SECOND,
                markersize=6,
                markeredgecolor="white",
            )
    axes.set(
        xlabel="predicted quality", ylabel=truth_name, xlim=(0, 1), ylim=(0, 1), aspect="equal"
    )
    return _png(figure)


def shares(
    matrix: Values, rows: Sequence[str], columns: Sequence[str], labels: tuple[str, str]
) -> bytes:
    """Draw a matrix of shares in 0..1 with its numbers; NaN cells stay empty.

    Args:
        labels: what columns and rows are.
    """
    side = 0.62 * max(len(rows), len(columns))
    figure, axes = _axes(1.9 + side, 1.3 + 0.62 * side)
    axes.imshow(matrix, cmap="BuGn", vmin=0, vmax=1, aspect="auto")
    for row, values in enumerate(matrix):
        for column, value in enumerate(values):
            if np.isfinite(value):
                tint = "white" if value > 0.6 else "#1d2a30"
                axes.text(
                    column,
                    row,
                    f"{100 * value:.0f}",
                    ha="center",
                    va="center",
                    color=tint,
                    fontsize=8,
                )
    axes.set_xticks(range(len(columns)), columns, rotation=30, ha="right", fontsize=8)
    axes.set_yticks(range(len(rows)), rows, fontsize=8)
    axes.set(xlabel=labels[0], ylabel=labels[1])
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    return _png(figure)


def history(names: Sequence[str], before: Values, after: Values) -> bytes:
    """Draw the error on held-out labels of each head: of the head before it, and its own."""
    figure, axes = _axes(6.8, 2.4)
    place = np.arange(len(names))
    axes.plot(place, before, "s--", color=QUIET, markersize=5, label="head before it")
    axes.plot(place, after, "o-", color=ACCENT, markersize=6, label="this head")
    axes.set_xticks(place, names, fontsize=8)
    top = np.nanmax(np.concatenate([before, after, [0.05]]))
    axes.set(ylabel="mean absolute error", ylim=(0, 1.15 * top), xlim=(-0.5, len(names) - 0.5))
    axes.legend(frameon=False, fontsize=8)
    return _png(figure)


def _axes(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    return figure, axes


def _png(figure: Figure) -> bytes:
    for axes in figure.axes:
        for label in (axes.xaxis.label, axes.yaxis.label):
            label.set_fontsize(8)
    stream = io.BytesIO()
    # No date or version inside, so that the same facts give the same file.
    figure.savefig(stream, format="png", dpi=_DPI, metadata={"Software": None})
    return stream.getvalue()

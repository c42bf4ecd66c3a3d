"""What each part of the head is worth: the head without it, on every held-out scene."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from benchmarks.quality.candidates import Candidates
from benchmarks.quality.keeping import Keeper
from benchmarks.quality.methods import Method, Predictions, head_method
from benchmarks.quality.parts import Content, listed, shown, table
from benchmarks.quality.protocol import Figures, Outcome, run
from rsqa_core.evaluation.resampling import interval
from rsqa_core.heads.inputs import HeadInputs
from rsqa_core.progress import Progress, no_progress
from rsqa_core.training.head import HeadTraining

PROTOCOL = "leave_one_scene_out"
FULL = "full"
SHOWN = ("srcc", "mae", "regret_mean")
POOLED = "pooled only"
CHANGES: dict[str, dict[str, str | float | bool]] = {
    "segmentation branch only": {"branch": "segmentation"},
    "semantic branch only": {"branch": "semantic"},
    "one-way gate": {"gate": "one-way"},
    "no gate": {"gate": "none"},
    "no loss by cell": {"cells": 0.0},
    "no correlation loss": {"correlation": 0.0},
    "no ranking loss": {"ranking": 0.0},
    "no anchor": {"anchored": False},
    POOLED: {},
}
"""Name of each ablation and what it changes of the training; POOLED changes the inputs."""


def ablations(
    found: Candidates,
    options: HeadTraining,
    seeds: int,
    repeats: int,
    *,
    names: Sequence[str] = tuple(CHANGES),
    keeper: Keeper | None = None,
    progress: Progress = no_progress,
) -> Content:
    """Return the figures of the full head and of each ablated one, and what the part is worth.

    A gain is the full head's figure minus the ablated one's, errors the other way round, so that
    above zero the part is worth something; intervals are paired, by source image.
    """
    methods = [without_map(head_method(options, FULL))]
    for name in names:
        changed = replace(options, **CHANGES[name])  # type: ignore[arg-type]
        method = without_map(head_method(changed, name))
        methods.append(_pooled(method) if name == POOLED else method)
    outcome = run(PROTOCOL, found, methods, seeds, keeper=keeper, progress=progress)
    assert outcome is not None  # the protocol has a split, or it raises
    return ablation_content(found, outcome, [method.name for method in methods], seeds, repeats)


def ablation_content(
    found: Candidates, outcome: Outcome, names: Sequence[str], seeds: int, repeats: int
) -> Content:
    """Return figures and gains of held-out predictions that are there, the full head's first."""
    figures = Figures(found, outcome, repeats, by_dataset=False)
    predicted = np.isfinite(outcome.usual).any(axis=0)
    content: Content = {
        "seeds": seeds,
        "candidates": int(predicted.sum()),
        "segmenters": len(np.unique(found.segmenter[predicted])),
        "scenes": len(np.unique(found.scene[predicted])),
        "figures": {},
        "gains": {},
    }
    for name in names:
        draws = figures.of(name)
        content["figures"][name] = {n: listed(interval(draws[n])) for n in SHOWN}
        if name != FULL:
            gain = figures.gain(FULL, name)
            content["gains"][name] = {n: listed(interval(gain[n])) for n in SHOWN}
    return content


def ablation_lines(content: Content) -> list[str]:
    """Return the part of the report."""
    full = content["figures"][FULL]
    rows = [[FULL, shown(full["srcc"]), "", shown(full["mae"], 4), "", "", ""]]
    for name, gain in content["gains"].items():
        own = content["figures"][name]
        rows.append(
            [
                name,
                shown(own["srcc"]),
                shown(gain["srcc"]),
                shown(own["mae"], 4),
                shown(gain["mae"], 4),
                shown(gain["regret_mean"], 4),
                _verdict(gain),
            ]
        )
    return [
        "## What each part of the head is worth",
        "",
        f"Every scene predicted from the other scenes, {content['seeds']} seed(s): "
        f"{content['candidates']} candidates of {content['segmenters']} segmenters on "
        f"{content['scenes']} scenes. A gain is what the full head is better by, above zero in "
        "favour of the part, with its paired 95 % interval over source images; a part whose "
        "interval holds zero is worth nothing that these scenes can show.",
        "",
        *table(
            ("head", "SRCC", "gain", "MAE", "gain", "gain in regret", "the part is worth"), rows
        ),
    ]


def pooled_inputs(inputs: HeadInputs) -> HeadInputs:
    """Return inputs whose cells all say what the whole candidate's and image's cells say in mean.

    A number that no cell has stays missing.
    """
    known = np.isfinite(inputs.cells)
    count = known.sum(axis=1, keepdims=True)
    total = np.where(known, inputs.cells, 0.0).sum(axis=1, keepdims=True)
    cells = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    tokens = inputs.tokens.mean(axis=1, keepdims=True, dtype=np.float32)
    return replace(
        inputs,
        tokens=np.repeat(tokens, inputs.tokens.shape[1], axis=1).astype(inputs.tokens.dtype),
        cells=np.repeat(cells, inputs.cells.shape[1], axis=1).astype(inputs.cells.dtype),
    )


def _pooled(method: Method) -> Method:
    def fit_predict(train: Candidates, test: Candidates, seed: int) -> Predictions:
        pair = (
            replace(c, labelled=replace(c.labelled, inputs=pooled_inputs(c.labelled.inputs)))
            for c in (train, test)
        )
        return method.fit_predict(*pair, seed)

    return replace(method, fit_predict=fit_predict, identity=f"{method.identity} pooled")


def without_map(method: Method) -> Method:
    """Leave out the error map, which nothing here is measured on."""

    def fit_predict(train: Candidates, test: Candidates, seed: int) -> Predictions:
        return replace(method.fit_predict(train, test, seed), error_map=None)

    return replace(method, fit_predict=fit_predict, maps_errors=False)


def _verdict(gain: Content) -> str:
    """Say in words what the intervals of SRCC and MAE say."""
    words = []
    for name in ("srcc", "mae"):
        if gain[name] is not None and gain[name][1] > 0:
            words.append(f"better {name}")
        elif gain[name] is not None and gain[name][2] < 0:
            words.append(f"worse {name}")
    return ", ".join(words) or "nothing"

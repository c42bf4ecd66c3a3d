"""How often the head says that it is out of its depth, and what that does to its intervals.

On a held-out scene alarms should be few; on another data set the distance alarm should fire. Each
threshold is fitted on the training part alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.candidates import Candidates
from benchmarks.quality.methods import with_folds
from benchmarks.quality.parts import Content, clustered_mean, shown, table
from benchmarks.quality.splits import Split, leave_one_dataset_out, leave_one_scene_out
from rsqa_core.heads.alarms import (
    UNKNOWN_CLASS,
    UNKNOWN_SEGMENTER,
    UNLIKE_TRAINING,
    raise_alarms,
)
from rsqa_core.progress import Progress, no_progress
from rsqa_core.records import normalised_class_name
from rsqa_core.training.head import HeadTraining, train_head

Columns = dict[str, NDArray[Any]]

CODES = (UNLIKE_TRAINING, UNKNOWN_CLASS, UNKNOWN_SEGMENTER)
FIGURES = ("coverage", "coverage_widened", "width", "width_widened")


def alarms(
    found: Candidates,
    options: HeadTraining,
    repeats: int,
    classes: Mapping[str, Sequence[str]],
    *,
    progress: Progress = no_progress,
) -> Content:
    """Return the share of candidates for which each alarm fires and the 90 % intervals' figures.

    By held-out scene of the first data set, and by data set where there are several.

    Args:
        classes: names of every data set's classes.
    """
    content: Content = {}
    for kind, splits in (
        ("held_out_scene", leave_one_scene_out(found)),
        ("other_dataset", leave_one_dataset_out(found)),
    ):
        parts = []
        for done, split in enumerate(splits):
            progress(f"alarms: {kind}", done, len(splits))
            parts.append(_measured(found, split, options, classes))
        progress(f"alarms: {kind}", len(splits), len(splits))
        if not parts:
            continue
        own = {
            split.name: _figures(part, repeats) for split, part in zip(splits, parts, strict=True)
        }
        joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        content[kind] = {"all": _figures(joined, repeats), "each": own}
    return content


def alarm_lines(content: Content) -> list[str]:
    """Return the part of the report."""
    lines = [
        "## Alarms",
        "",
        "Share of candidates for which each alarm fires (an image's alarm fires for all of its "
        "candidates), and coverage and width of the stated 90 % interval without and with the "
        "widening.",
    ]
    for kind, own in content.items():
        if kind not in ("held_out_scene", "other_dataset"):
            continue
        rows = []
        for name, figures in [("all", own["all"]), *own["each"].items()]:
            fired = [shown(figures["fired"][code]) for code in (*CODES, "any")]
            rows.append([name, *fired, *(shown(figures[each]) for each in FIGURES)])
        heads = ("held out", *CODES, "any", *(each.replace("_", " ") for each in FIGURES))
        lines += ["", f"{kind.replace('_', ' ').capitalize()}:", "", *table(heads, rows)]
    return lines


def _measured(
    found: Candidates, split: Split, options: HeadTraining, classes: Mapping[str, Sequence[str]]
) -> Columns:
    """Return columns of the split's candidates: alarms, hits and widths, and their source."""
    train, test = found.select(split.train), found.select(split.test)
    seen = {
        normalised_class_name(name) for each in np.unique(train.dataset) for name in classes[each]
    }
    labelled = replace(with_folds(train.labelled, train.scene), class_names=tuple(sorted(seen)))
    head = train_head(labelled, train.encoder, options)
    inputs, places = test.labelled.inputs, test.labelled.places
    predicted = head.predict(inputs, places, test.encoder[1])
    names = classes[test.dataset[0]]
    codes, wider = raise_alarms(head, inputs, places, names)
    columns = {code: np.array([code in own for own in codes]) for code in CODES}
    columns["any"] = np.array([bool(own) for own in codes])
    for name, factor in (("", np.ones(len(wider))), ("_widened", wider)):
        low, high = predicted.interval_scaled(factor)
        columns[f"coverage{name}"] = (low <= test.target) & (test.target <= high)
        columns[f"width{name}"] = high - low
    return {**columns, "source": test.source}


def _figures(columns: Columns, repeats: int) -> Content:
    source = columns["source"]
    return {
        "candidates": len(source),
        "fired": {code: clustered_mean(columns[code], source, repeats) for code in (*CODES, "any")},
        **{name: clustered_mean(columns[name], source, repeats) for name in FIGURES},
    }

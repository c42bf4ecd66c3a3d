"""The sections of a report that compare scores and masks with what is known otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rsqa_core.evaluation.agreement import pooled
from rsqa_core.evaluation.reliability import QUALITY_EDGES, coverage
from rsqa_core.metrics import confusion_matrix, iou_per_class
from rsqa_core.progress import Progress
from rsqa_core.raster import read_mask
from rsqa_core.records import Candidate, ImageRecord
from workflows.opening import Installation
from workflows.reports import plots
from workflows.reports.blocks import Block, Figure, Section, Table, Text, counted
from workflows.reports.facts import Facts

MOST_IMAGES = 300
"""Images whose masks are compared pixel by pixel; of more, a choice by their content's hash."""
_MINIMUM_LABELS = 5

Values = NDArray[np.float64]


def calibration(facts: Facts) -> Section:
    """Say how well scores, and the intervals around them, agree with what is known."""
    blocks: list[Block] = []
    rows: list[tuple[str, ...]] = []
    figures: list[Figure] = []
    reviewed = reviewers_figure(facts)
    if reviewed is not None:
        rows.append(("Reviewers, as shown then", *_agreement(*_as_shown(facts)), "–"))
        figures.append(reviewed)
    accuracy = {key: v for key, v in facts.known_accuracy().items() if key in facts.scores}
    if len(accuracy) >= _MINIMUM_LABELS:
        scores = [facts.scores[key] for key in accuracy]
        guess, low, high = (
            np.array([getattr(score, name) for score in scores])
            for name in ("score", "low", "high")
        )
        truth = np.array(list(accuracy.values()))
        held = coverage(low, high, truth)
        rows.append(
            (
                "Reference masks",
                *_agreement(guess, truth),
                "–" if held is None else f"{100 * held.coverage:.0f} %",
            )
        )
        figures.append(
            Figure(
                plots.calibration(guess, truth, QUALITY_EDGES, "measured quality"),
                "Current scores and the quality measured on reference masks.",
                width=0.48,
            )
        )
    if not rows:
        blocks.append(
            Text(
                f"Nothing to compare with: there are fewer than {_MINIMUM_LABELS} reviewers' "
                "scores and no reference masks."
            )
        )
        return Section("Calibration", tuple(blocks))
    header = ("Compared with", "Candidates", "Mean error", "Bias", "SRCC", "Interval holds")
    blocks += [Table(header, tuple(rows)), *figures]
    blocks.append(
        Text(
            "Mean error is the mean absolute difference, bias the mean of predicted minus true, in "
            "points of 100; orange dots are the means of candidates of similar score. A reviewer "
            "who saw the score before deciding agrees with it more than one who did not.",
            quiet=True,
        )
    )
    return Section("Calibration", tuple(blocks))


def reviewers_figure(facts: Facts) -> Figure | None:
    """Draw what was predicted against what reviewers said; None where they said too little."""
    guess, truth = _as_shown(facts)
    if len(guess) < _MINIMUM_LABELS:
        return None
    return Figure(
        plots.calibration(guess, truth, QUALITY_EDGES, "reviewers' score"),
        "What was predicted when a reviewer decided, and the reviewer's score.",
        width=0.48,
    )


def _as_shown(facts: Facts) -> tuple[Values, Values]:
    """Return the predictions that reviewers saw, and the scores that they gave, (n,) each."""
    pairs = [(v.score_shown, v.score) for v in facts.given if v.score_shown is not None]
    guess, truth = np.array(pairs, dtype=np.float64).reshape(-1, 2).T
    return guess, truth


def confusion(installation: Installation, facts: Facts, progress: Progress) -> Section:
    """Say which classes the recommended candidates take for which, where there are references."""
    wanted = [
        (image, candidate)
        for image, candidate in _recommended(facts)
        if image.reference_mask_path is not None
    ]
    chosen = _by_chance(wanted)
    if not chosen:
        return Section(
            "Confusion",
            (Text("No image with a recommended candidate has a reference mask."),),
        )
    names = [entry.name for entry in facts.project.classes]
    total = np.zeros((len(names), len(names) + 1), dtype=np.int64)
    for done, (image, candidate) in enumerate(chosen):
        progress("comparing with reference masks", done, len(chosen))
        mask, reference = (
            read_mask(installation.files.path(path))
            for path in (candidate.mask_path, str(image.reference_mask_path))
        )
        total += confusion_matrix(mask, reference, len(names))
    rows = total.sum(axis=1)
    found = total[:, :-1].sum(axis=0)
    ious = iou_per_class(total)
    right = np.diag(total[:, :-1])
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = np.where(rows[:, None] > 0, total / rows[:, None], np.nan)
        precision = np.where(found > 0, right / found, np.nan)
    columns = [*names, "no class"] if total[:, -1].any() else names
    table = tuple(
        (
            name,
            f"{rows[k] / max(rows.sum(), 1):.1%}",
            _share(shares[k, k]),
            _share(precision[k]),
            _share(ious[k]),
        )
        for k, name in enumerate(names)
    )
    accuracy = right.sum() / max(rows.sum(), 1)
    return Section(
        "Confusion",
        (
            Text(
                f"The recommended candidates of {counted(len(chosen), 'image')}"
                f"{_of_all(chosen, wanted)} against their reference masks: "
                f"{100 * accuracy:.1f} % of {rows.sum():,} labelled pixels are right."
            ),
            Figure(
                plots.shares(shares[:, : len(columns)], names, columns, ("candidate", "reference")),
                "Of the pixels of each reference class, how many per cent the candidates give to "
                "which class.",
                width=0.7,
            ),
            Table(("Class", "Share of area", "Found (recall)", "Right (precision)", "IoU"), table),
        ),
    )


def agreement(installation: Installation, facts: Facts, progress: Progress) -> Section:
    """Say how far segmenters, and reviewers, agree with one another."""
    blocks: list[Block] = [*_segmenter_agreement(installation, facts, progress)]
    found = facts.agreement()
    if found is None:
        blocks.append(
            Text(
                "Reviewers: no candidate has different scores of two reviewers, so their agreement "
                "cannot be measured."
            )
        )
    else:
        interval = (
            "" if found.low is None else f" (95 % interval {found.low:.2f} to {found.high:.2f})"
        )
        blocks.append(
            Text(
                f"Reviewers: Krippendorff's alpha is {found.alpha:.2f}{interval} on "
                f"{counted(found.candidates, 'candidate')} of "
                f"{counted(found.images, 'image')} that at least two scored; two scores of a "
                f"candidate differ by {100 * found.mean_difference:.1f} points in mean. 1 is "
                "perfect agreement, 0 what chance gives."
            )
        )
    return Section("Agreement", tuple(blocks))


def _segmenter_agreement(
    installation: Installation, facts: Facts, progress: Progress
) -> list[Block]:
    names = facts.segmenters
    groups = [
        (facts.images[image_id], [one.candidate for one in found])
        for image_id, found in facts.candidates.items()
        if len(found) > 1
    ]
    chosen = _by_chance(groups)
    if not chosen:
        return [Text("Segmenters: no image has two candidates to compare.")]
    same = np.zeros((len(names), len(names)))
    count = np.zeros((len(names), len(names)))
    place = {name: index for index, name in enumerate(names)}
    for done, (_, found) in enumerate(chosen):
        progress("comparing candidates", done, len(chosen))
        masks = [read_mask(installation.files.path(one.mask_path)) for one in found]
        for i, one in enumerate(found):
            for j in range(i):
                a, b = place[one.segmenter], place[found[j].segmenter]
                share = float((masks[i] == masks[j]).mean())
                for row, column in ((a, b), (b, a)):
                    same[row, column] += share
                    count[row, column] += 1
    with np.errstate(invalid="ignore"):
        shares = np.where(count > 0, same / np.maximum(count, 1), np.nan)
    return [
        Text(
            f"Segmenters: share of pixels to which two give the same class, in per cent, over "
            f"{counted(len(chosen), 'image')}{_of_all(chosen, groups)}."
        ),
        Figure(plots.shares(shares, names, names, ("", "")), "Agreement of segmenters.", width=0.8),
    ]


def _recommended(facts: Facts) -> list[tuple[ImageRecord, Candidate]]:
    by_id = {one.id: one for one in facts.every}
    return [(facts.images[i], by_id[c]) for i, c in sorted(facts.recommended.items())]


def _by_chance(entries: Sequence[tuple[ImageRecord, Any]]) -> list[tuple[ImageRecord, Any]]:
    """Return at most MOST_IMAGES entries, chosen by the content of their image."""
    return sorted(entries, key=lambda entry: entry[0].sha256)[:MOST_IMAGES]


def _of_all(chosen: Sequence[object], every: Sequence[object]) -> str:
    return "" if len(chosen) == len(every) else f", a random choice of {len(every):,}"


def _agreement(guess: Values, truth: Values) -> tuple[str, str, str, str]:
    found = pooled(guess, truth)
    srcc = None if found is None else found.srcc
    return (
        f"{len(truth):,}",
        f"{100 * np.abs(guess - truth).mean():.1f}",
        f"{100 * (guess - truth).mean():+.1f}",
        "–" if srcc is None else f"{srcc:.2f}",
    )


def _share(value: float) -> str:
    return f"{100 * value:.0f} %" if np.isfinite(value) else "–"

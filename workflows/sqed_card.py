"""The data card of an evaluation data set: how it was made, and what is in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rsqa_core.files import write_atomically
from workflows.sqed_folds import Fold
from workflows.sqed_rows import TABLE_NAME, SqedRow
from workflows.training import current_commit

CARD_NAME = "sqed.md"
_BINS = 10


@dataclass(frozen=True, slots=True)
class FoldSummary:
    """How the segmenters of one fold came about.

    Attributes:
        fold: its scenes.
        sources: source images that its networks trained on.
        generated: generated scenes beside them.
        encoder: name and fingerprint of the encoder; None where no segmenter needs one.
        encoder_saw: what the encoder's own card says that it was trained on.
        shipped: networks that were copied from the shipped ones.
        options: of the trainings of this build, in words.
    """

    fold: Fold
    sources: int
    generated: int
    encoder: tuple[str, str] | None
    encoder_saw: str
    shipped: tuple[str, ...] = ()
    options: str = ""


def write_sqed_card(
    folder: Path,
    rows: Sequence[SqedRow],
    folds: Sequence[FoldSummary],
    segmenters: Mapping[str, str],
    tolerance_px: float,
    licences: Mapping[str, str],
) -> Path:
    """Write the card beside the table and return the file.

    Args:
        segmenters: what makes each differ, by name.
        licences: of the imagery, by project; one that is not named is said to be unknown.
    """
    projects = list(dict.fromkeys(summary.fold.slug for summary in folds))
    lines = [
        "# Segmentation quality evaluation data",
        "",
        f"{len(rows)} candidate masks of {len({r.image_sha256 for r in rows})} images "
        f"({len({r.source_sha256 for r in rows})} source images) by {len(segmenters)} segmenters, "
        f"each measured against a reference mask. `{TABLE_NAME}` has one row a candidate.",
        "",
        "## How it was made",
        "",
        "The scenes of each project are divided into folds. A network makes candidates only of "
        "the fold whose scenes it did not train on: a candidate is refused when the SHA-256 of "
        "its source image is among those that its network trained on. Segmenters that need no "
        "training use an encoder, named below with what it was trained on.",
        "",
        f"- command: rsqa build-sqed; commit {current_commit()}",
        f"- boundary F1: boundary pixels within {tolerance_px:g} px count as found",
        "- mean IoU over the classes that occur in mask or reference of a candidate",
        "- overall accuracy, mean IoU and boundary F1 count labelled pixels only",
        "",
        *_table(
            ("fold", "held-out scenes", "trained on scenes", "images", "generated", "encoder"),
            [
                (
                    f"{s.fold.slug}/{s.fold.name}",
                    ", ".join(s.fold.held_out),
                    ", ".join(s.fold.trained_on),
                    str(s.sources),
                    str(s.generated),
                    "none" if s.encoder is None else f"{s.encoder[0]} ({s.encoder[1][:12]})",
                )
                for s in folds
            ],
        ),
        "",
        *[f"- {s.fold.slug}/{s.fold.name}: {_networks(s)}" for s in folds],
        *[
            f"- the encoder of {s.fold.slug}/{s.fold.name} was trained on: {s.encoder_saw}"
            for s in folds
            if s.encoder is not None
        ],
        "",
        "## Licences",
        "",
        *[
            f"- {slug}: {licences.get(slug, 'not stated; ask whoever made the imagery')}"
            for slug in projects
        ],
        "- the table and the masks that it names: those of the imagery and its labels",
        "",
        "## Segmenters",
        "",
        *_figures("segmenter", rows, lambda row: row.segmenter, segmenters),
        "",
        "## Scenes",
        "",
        *_figures("scene", rows, lambda row: f"{row.project}/{row.scene}"),
        "",
        "## Distribution of the overall accuracy",
        "",
        *_distribution(rows),
        "",
    ]
    path = folder / CARD_NAME
    write_atomically(path, "\n".join(lines).encode())
    return path


def _networks(summary: FoldSummary) -> str:
    text = (
        f"networks that this build trained: {summary.options}; one that was there already keeps "
        "the options of its own training"
    )
    if summary.shipped:
        text += f"; as shipped, see their cards: {', '.join(summary.shipped)}"
    return text


def _figures(
    title: str,
    rows: Sequence[SqedRow],
    key: Callable[[SqedRow], str],
    about: Mapping[str, str] | None = None,
) -> list[str]:
    heads = [title, "candidates", "OA mean", "OA 5 %", "OA median", "OA 95 %", "mIoU", "bF1"]
    groups: dict[str, list[SqedRow]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    lines = []
    for name, own in sorted(groups.items()):
        accuracy = np.array([row.overall_accuracy for row in own])
        numbers = [
            accuracy.mean(),
            *np.quantile(accuracy, (0.05, 0.5, 0.95)),
            np.mean([row.mean_iou for row in own]),
            np.mean([row.boundary_f1 for row in own]),
        ]
        cells = [name, str(len(own)), *(f"{number:.3f}" for number in numbers)]
        lines.append([*cells, about.get(name, "")] if about is not None else cells)
    return _table([*heads, "what it is"] if about is not None else heads, lines)


def _distribution(rows: Sequence[SqedRow]) -> list[str]:
    counts, edges = np.histogram([row.overall_accuracy for row in rows], _BINS, range=(0.0, 1.0))
    return _table(
        ("overall accuracy", "candidates", "share"),
        [
            (
                f"{edges[i]:.1f} to {edges[i + 1]:.1f}",
                str(counts[i]),
                f"{counts[i] / max(len(rows), 1):.3f}",
            )
            for i in range(_BINS)
        ],
    )


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [
        "| " + " | ".join(heads) + " |",
        "|---" * len(heads) + "|",
        *("| " + " | ".join(row) + " |" for row in rows),
    ]

"""How many labels there are, of which kind, by whom, and whether they suffice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from db.store import candidates, verdicts
from pages.components.next_step import MINIMUM_LABELS, RECOMMENDED_LABELS
from pages.components.opening import installation
from rsqa_core.records import HeadRecord, Project, Verdict, VerdictKind

KIND_NAMES: dict[VerdictKind, str] = {
    "confirm": "Confirmed",
    "correct": "Corrected",
    "none_acceptable": "None acceptable",
    "skip": "Skipped",
    "flag": "Flagged",
    "note": "Notes",
    "accept": "Accepted unseen",
}
_LABELS = ("confirm", "correct")


def labels_by_reviewer(effective: Sequence[Verdict]) -> pd.DataFrame:
    """Return one row per reviewer: labels confirmed, corrected and in all, most first."""
    rows = [(v.reviewer, KIND_NAMES[v.kind]) for v in effective if v.kind in _LABELS]
    table = pd.DataFrame(rows, columns=["Reviewer", "kind"])
    counts = pd.crosstab(table["Reviewer"], table["kind"])
    counts = counts.reindex(columns=["Confirmed", "Corrected"], fill_value=0)
    counts["Labels"] = counts.sum(axis=1)
    return counts.sort_values("Labels", ascending=False).rename_axis(None, axis=1).reset_index()


def labels_by_segmenter(
    labels: Mapping[int, float], segmenter_of: Mapping[int, str]
) -> pd.DataFrame:
    """Return one row per segmenter: its labelled candidates and their mean score in 0..1."""
    rows = [(segmenter_of[key], score) for key, score in labels.items() if key in segmenter_of]
    table = pd.DataFrame(rows, columns=["Segmenter", "score"])
    grouped = table.groupby("Segmenter")["score"].agg(Labels="size", **{"Mean score": "mean"})
    return grouped.sort_values("Labels", ascending=False).reset_index()


def draw_label_counts(project: Project) -> None:
    """Draw the counts by kind, and by reviewer and segmenter once there are labels."""
    with installation().database.read() as session:
        counts = verdicts.counts(session, project.id)
        labels = verdicts.labels(session, project.id)
        effective = verdicts.effective(session, project.id) if labels else []
        images = sorted({v.image_id for v in effective if v.kind in _LABELS})
        found = candidates.of_images(session, images) if images else {}
    shown: tuple[VerdictKind, ...] = ("confirm", "correct", "none_acceptable", "skip", "flag")
    for column, kind in zip(st.columns(len(shown)), shown, strict=True):
        column.metric(KIND_NAMES[kind], f"{counts.get(kind, 0):,}")
    if not labels:
        return
    segmenter_of = {c.id: c.segmenter for group in found.values() for c in group}
    by_reviewer, by_segmenter = st.columns([1, 1.1])
    by_reviewer.dataframe(labels_by_reviewer(effective), hide_index=True, height="content")
    by_segmenter.dataframe(
        labels_by_segmenter(labels, segmenter_of),
        hide_index=True,
        height="content",
        column_config={"Mean score": st.column_config.NumberColumn(format="%.2f")},
    )


def draw_readiness(count: int, newest: HeadRecord | None) -> None:
    """Say how many labels are still worth collecting before the next training."""
    used = newest.label_count if newest is not None else 0
    fresh = max(0, count - used)
    since = f" ({fresh:,} since the last training)" if newest is not None else ""
    st.progress(
        min(1.0, count / RECOMMENDED_LABELS),
        text=f"**{count:,}** labelled candidates{since}. At least {MINIMUM_LABELS} to train, "
        f"{RECOMMENDED_LABELS} recommended.",
    )
    if count < MINIMUM_LABELS:
        st.info(
            f"{MINIMUM_LABELS - count} more labels are needed. Confirm or correct candidates in "
            "Review; skips, flags and notes are no labels.",
            icon=":material/label:",
        )
    elif count < RECOMMENDED_LABELS:
        st.info(
            f"Training works from here on, but with fewer than {RECOMMENDED_LABELS} labels the "
            "held-out set is small and the gain uncertain.",
            icon=":material/label:",
        )
    elif newest is not None and fresh == 0:
        st.caption("The newest head has seen every label; training again would give the same.")

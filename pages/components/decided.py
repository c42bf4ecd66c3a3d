"""What was decided of disputes, and how reviewers do beside it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from db.store import adjudications, candidates, images
from pages.components.errors import guarded, notify
from pages.components.opening import installation
from pages.components.reviewer import current_reviewer
from pages.components.times import local_time
from rsqa_core.teamwork import Adjudication
from workflows.adjudicating import GoldCheck
from workflows.review_facts import ReviewFacts


def draw_decided(facts: ReviewFacts, gold: Mapping[int, Adjudication]) -> None:
    """Draw the decisions that hold, newest first; a chosen one can be taken back."""
    held = sorted(gold.values(), key=lambda one: str(one.made_at), reverse=True)
    with installation().database.read() as session:
        names = images.names(session, {one.image_id for one in held})
        segmenters = candidates.segmenters_of(session, {one.candidate_id for one in held})
    event = st.dataframe(
        pd.DataFrame(
            [
                (
                    one.score,
                    names.get(one.image_id, ""),
                    segmenters.get(one.candidate_id, ""),
                    one.adjudicator,
                    local_time(one.made_at) if one.made_at else "",
                    one.note,
                )
                for one in held
            ],
            columns=["Score", "Image", "Segmenter", "By", "Decided", "Why"],
        ),
        hide_index=True,
        height=248 if len(held) > 6 else "content",
        on_select="rerun",
        selection_mode="single-row",
        key=f"decided {len(held)}",
        column_config={"Score": st.column_config.NumberColumn(format="%.2f")},
    )
    rows = event.selection.rows
    chosen = held[rows[0]] if rows and rows[0] < len(held) else None
    st.button(
        "Take the chosen one back",
        icon=":material/undo:",
        disabled=chosen is None,
        help=None if chosen else "Choose a row first",
        on_click=_take_back,
        args=(chosen, current_reviewer()),
    )
    st.caption(
        "Decided candidates are shown now and then to reviewers who have not seen them, among the "
        "others and without a mark."
    )


def draw_gold_checks(checks: Sequence[GoldCheck]) -> None:
    """Draw how far everyone's scores lie from the decided ones."""
    figure = st.column_config.NumberColumn
    st.dataframe(
        pd.DataFrame(
            [(one.reviewer, one.candidates, 100 * one.error, 100 * one.bias) for one in checks],
            columns=["Reviewer", "Candidates", "Error", "Bias"],
        ),
        hide_index=True,
        height="content",
        column_config={
            "Error": figure(format="%.1f", help="Mean absolute difference, points of 100"),
            "Bias": figure(format="%+.1f", help="Above zero: scores higher than decided"),
        },
    )


@guarded
def _take_back(chosen: Adjudication | None, reviewer: str) -> None:
    if chosen is None:
        return
    with installation().database.begin() as session:
        adjudications.decide(
            session,
            Adjudication(
                id=str(uuid.uuid4()),
                project_id=chosen.project_id,
                image_id=chosen.image_id,
                candidate_id=chosen.candidate_id,
                adjudicator=reviewer,
                score=None,
            ),
        )
    notify("The decision was taken back; what reviewers said counts again.")

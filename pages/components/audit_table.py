"""The record of a project as a table, and all of it as a file."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from db.store import acceptances, verdicts
from pages.components.accepting import acceptance_text
from pages.components.label_counts import KIND_NAMES
from pages.components.opening import installation
from pages.components.times import local_time
from rsqa_core.records import Project
from workflows.audit import audit_csv, audit_rows

SHOWN_ROWS = 500
_ANYONE = "Everyone"


def draw_audit(project: Project) -> None:
    """Draw the newest rows of everyone or of one reviewer."""
    opened = installation()
    with opened.database.read() as session:
        names = verdicts.reviewers(session, project.id)
        accepted = acceptances.all_of(session, project.id)
    if not names:
        st.info("Nothing was decided in this project yet.", icon=":material/history:")
        return
    choice, download = st.columns([3, 7], vertical_alignment="bottom")
    chosen = choice.selectbox("Reviewer", [_ANYONE, *names])
    # Thousands of rows that one press wrote would hide all others: one line says it.
    unseen = bool(accepted) and st.toggle(
        "Every image that was accepted unseen", help="Else each acceptance is one line below"
    )
    if not unseen:
        for one in accepted:
            st.caption(acceptance_text(one))
    rows = audit_rows(
        opened,
        project.slug,
        reviewer=None if chosen == _ANYONE else chosen,
        limit=SHOWN_ROWS,
        unseen=unseen,
    )
    download.download_button(
        "Download all as CSV",
        lambda: audit_csv(opened, project.slug),
        file_name=f"{project.slug}-decisions.csv",
        mime="text/csv",
        icon=":material/download:",
    )
    table = pd.DataFrame(
        [
            (
                local_time(row.recorded_at),
                row.reviewer,
                KIND_NAMES.get(row.kind, "Taken back"),
                row.holds,
                row.image,
                row.segmenter,
                row.score,
                row.score_shown,
                row.score_visible,
                row.has_marks,
                row.time_spent_s,
                row.head_id,
                row.note,
            )
            for row in rows
        ],
        columns=_COLUMNS,
    )
    figure = st.column_config.NumberColumn
    st.dataframe(
        table,
        hide_index=True,
        height=420 if len(rows) > 10 else "content",
        column_config={
            "Holds": st.column_config.CheckboxColumn(
                help="Off where a later row replaced this one or took it back"
            ),
            "Score": figure(format="%.2f", help="What the reviewer gave"),
            "Shown": figure(format="%.2f", help="What the head had said"),
            "Visible": st.column_config.CheckboxColumn(
                help="Whether the head's score was on screen before the decision"
            ),
            "Marks": st.column_config.CheckboxColumn(
                help="Whether the score comes from areas that the reviewer marked as wrong"
            ),
            "Seconds": figure(format="%.1f"),
        },
    )
    if len(rows) == SHOWN_ROWS:
        st.caption(f"The newest {SHOWN_ROWS} rows; the file has all of them.")


_COLUMNS = [
    "Recorded",
    "Reviewer",
    "What",
    "Holds",
    "Image",
    "Segmenter",
    "Score",
    "Shown",
    "Visible",
    "Marks",
    "Seconds",
    "Head",
    "Note",
]

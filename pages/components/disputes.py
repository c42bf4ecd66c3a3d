"""Where opinions differ most, and the way to the image."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.components.page import go
from workflows.review_facts import ReviewFacts
from workflows.review_progress import Dispute, disputes

SHOWN_ROWS = 50
_REVIEWERS, _HEAD = "Reviewers with one another", "Reviewers with the head"


@st.fragment
def draw_disputes(facts: ReviewFacts) -> None:
    """Draw the candidates of the widest gaps; a chosen row can be reviewed.

    A fragment: choosing a row must not read the whole project again.
    """
    choice = st.segmented_control(
        "Compare", [_REVIEWERS, _HEAD], default=_REVIEWERS, required=True, width="content"
    )
    found = disputes(facts.given, with_head=choice == _HEAD)
    if not found:
        st.caption(
            "No candidate has different scores of two reviewers yet."
            if choice == _REVIEWERS
            else "Nobody's score differs from what the head had said."
        )
        return
    shown = found[:SHOWN_ROWS]
    event = st.dataframe(
        _table(shown, facts),
        hide_index=True,
        height=320 if len(shown) > 8 else "content",
        on_select="rerun",
        selection_mode="single-row",
        key="disputes",
        column_config={
            "Gap": st.column_config.NumberColumn(format="%.2f", help="Widest difference"),
            "Head": st.column_config.NumberColumn(format="%.2f", help="As shown at the decision"),
        },
    )
    chosen = event.selection.rows
    if len(found) > len(shown):
        st.caption(f"The {SHOWN_ROWS} widest of {len(found):,}.")
    if st.button(
        "Review the chosen image",
        icon=":material/rate_review:",
        disabled=not chosen,
        help=None if chosen else "Choose a row first",
    ):
        go("review", project=facts.project.slug, item=str(shown[chosen[0]].image_id))


def _table(shown: list[Dispute], facts: ReviewFacts) -> pd.DataFrame:
    return pd.DataFrame(
        [
            (
                one.gap,
                facts.names[one.image_id],
                facts.segmenters.get(one.candidate_id, ""),
                ", ".join(f"{name} {score:.2f}" for name, score in one.scores.items()),
                one.head,
            )
            for one in shown
        ],
        columns=["Gap", "Image", "Segmenter", "Scores", "Head"],
    )

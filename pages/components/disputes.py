"""Where opinions differ most, and deciding it without knowing whose opinion is whose."""

from __future__ import annotations

import html
import uuid
from collections.abc import Mapping

import pandas as pd
import streamlit as st

from db.store import adjudications, candidates, images
from pages.components.errors import guarded, notify
from pages.components.opening import installation
from pages.components.page import go
from pages.components.reviewer import current_reviewer
from pages.components.texts import plain
from pages.components.thumbnails import masked_thumbnail
from rsqa_core.datasets.safe_colours import safe_colours
from rsqa_core.teamwork import LONGEST_NOTE, Adjudication
from workflows.adjudicating import undecided
from workflows.review_facts import ReviewFacts
from workflows.review_progress import Dispute

SHOWN_ROWS = 50
_REVIEWERS, _HEAD = "Reviewers with one another", "Reviewers with the head"
_PICTURE_PX = 448
_PREFIX = "dispute_"


@st.fragment
def draw_disputes(facts: ReviewFacts, gold: Mapping[int, Adjudication]) -> None:
    """Draw the candidates of the widest gaps; a chosen one can be decided.

    A fragment: choosing a row must not read the whole project again.
    """
    if st.session_state.pop(_PREFIX + "decided", False):
        st.rerun()  # the whole page: figures and what was decided are outside of the fragment
    choice = st.radio("Compare", [_REVIEWERS, _HEAD], horizontal=True)
    found = undecided(facts.given, gold, with_head=choice == _HEAD)
    if not found:
        st.caption(
            "No candidate has different scores of two reviewers that nobody decided on."
            if choice == _REVIEWERS
            else "Nobody's score differs from what the head had said, or all of it is decided."
        )
        return
    shown = found[:SHOWN_ROWS]
    event = st.dataframe(
        _table(shown, facts),
        hide_index=True,
        height=248 if len(shown) > 6 else "content",
        on_select="rerun",
        selection_mode="single-row",
        selection_default={"selection": {"rows": [0]}},
        key=f"disputes {choice} {len(gold)}",
        column_config={
            "Gap": st.column_config.NumberColumn(format="%.2f", help="Widest difference"),
            "Opinions": st.column_config.TextColumn(help="Lowest first, without names"),
            "Head": st.column_config.NumberColumn(format="%.2f", help="As shown at the decision"),
        },
    )
    if len(found) > len(shown):
        st.caption(f"The {SHOWN_ROWS} widest of {len(found):,}.")
    rows = event.selection.rows
    if rows and rows[0] < len(shown):
        _decide_panel(facts, shown[rows[0]])
    else:
        st.caption("Choose a row to look at it and to decide.")


def opinions_of(dispute: Dispute) -> str:
    """Return what was said, lowest first: the order must not tell who said it."""
    return " · ".join(f"{score:.2f}" for score in sorted(dispute.scores.values()))


def _table(shown: list[Dispute], facts: ReviewFacts) -> pd.DataFrame:
    return pd.DataFrame(
        [
            (
                one.gap,
                facts.names[one.image_id],
                facts.segmenters.get(one.candidate_id, ""),
                opinions_of(one),
                one.head,
            )
            for one in shown
        ],
        columns=["Gap", "Image", "Segmenter", "Opinions", "Head"],
    )


def _decide_panel(facts: ReviewFacts, dispute: Dispute) -> None:
    with installation().database.read() as session:
        image = images.get(session, dispute.image_id)
        candidate = candidates.get(session, dispute.candidate_id)
    colours = safe_colours(facts.project.classes)
    picture, panel = st.columns([3, 2], gap="large")
    with picture:
        with_mask = st.toggle("Mask", value=True, key=_PREFIX + "mask")
        address = masked_thumbnail(
            image.display_path, candidate.mask_path if with_mask else None, colours, _PICTURE_PX
        )
        if address is None:
            st.caption("The image's file is missing.")
        else:
            alt = html.escape(f"{image.name}, {candidate.segmenter}", quote=True)
            st.html(f'<img src="{address}" alt="{alt}" style="max-width:100%;border-radius:4px">')
    key = f"{_PREFIX}{candidate.id}"
    own = current_reviewer() in dispute.scores
    with panel:
        st.markdown(f"**{plain(image.name)}** · {plain(candidate.segmenter)}")
        st.markdown(
            f"Opinions: {opinions_of(dispute)}"
            + ("" if dispute.head is None else f" · the head had said {dispute.head:.2f}")
        )
        middle = sum(dispute.scores.values()) / len(dispute.scores)
        st.number_input(
            "The share of rightly classified pixels, %",
            0,
            100,
            round(100 * middle),
            key=key + "score",
            disabled=own,
        )
        st.text_input(
            "Why", key=key + "note", max_chars=LONGEST_NOTE, disabled=own, placeholder="Optional"
        )
        with st.container(horizontal=True):
            st.button(
                "Decide",
                type="primary",
                icon=":material/gavel:",
                key=_PREFIX + "decide",
                disabled=own,
                help="You gave one of these opinions: somebody else decides." if own else None,
                on_click=_decide,
                args=(facts.project.id, dispute, key, current_reviewer()),
            )
            if st.button("Look closely", icon=":material/rate_review:", key=_PREFIX + "review"):
                go("review", project=facts.project.slug, item=str(dispute.image_id))
        if own:
            st.caption("You gave one of these opinions: somebody else decides.")


@guarded
def _decide(project_id: int, dispute: Dispute, key: str, reviewer: str) -> None:
    state = st.session_state
    made = Adjudication(
        id=str(uuid.uuid4()),
        project_id=project_id,
        image_id=dispute.image_id,
        candidate_id=dispute.candidate_id,
        adjudicator=reviewer,
        score=int(state[key + "score"]) / 100,
        note=str(state[key + "note"]).strip(),
    )
    with installation().database.begin() as session:
        adjudications.decide(session, made)
    notify(f"Decided: {100 * (made.score or 0):.0f} %.")
    state[_PREFIX + "decided"] = True

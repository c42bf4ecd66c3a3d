"""Who reviews, in which role, and which images two people decide on."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from db.store import overlap, people
from pages.components.errors import guarded, notify
from pages.components.opening import installation
from pages.components.reviewer import current_reviewer
from rsqa_core.records import Project
from rsqa_core.teamwork import ROLES, Overlap, Person

_MOST_COUNTED = 1000
_ROLE_WORDS = {
    "reviewer": "reviews",
    "adjudicator": "reviews, and decides where opinions differ",
    "observer": "looks, and decides nothing",
}


def draw_people() -> None:
    """Draw everyone on record; a chosen role is kept at once."""
    with installation().database.read() as session:
        found = people.all_people(session)
    if not found:
        st.caption("Everyone who decides something appears here.")
        return
    choice, role, act = st.columns([3, 3, 2], vertical_alignment="bottom")
    name = choice.selectbox("Person", [person.name for person in found], key="people_name")
    current = next((person.role for person in found if person.name == name), "reviewer")
    wanted = role.selectbox(
        "Role",
        ROLES,
        index=ROLES.index(current),
        format_func=lambda one: f"{one}: {_ROLE_WORDS[one]}",
        key=f"people_role_{name}_{current}",
    )
    act.button(
        "Give this role",
        disabled=wanted == current,
        on_click=_give,
        args=(name, wanted, current_reviewer()),
    )
    st.dataframe(_table(found), hide_index=True, height=248 if len(found) > 6 else "content")
    st.caption(
        "While nobody is an adjudicator, everyone decides, but never on their own opinion. Names "
        "are not passwords: a role keeps from mistakes, not from malice."
    )


def _table(found: list[Person]) -> pd.DataFrame:
    return pd.DataFrame([(one.name, one.role) for one in found], columns=["Person", "Role"])


@guarded
def _give(name: str, role: str, given_by: str) -> None:
    with installation().database.begin() as session:
        people.give_role(session, name, role, given_by=given_by)  # type: ignore[arg-type]
    notify(f"{name} is {'an' if role[0] in 'ao' else 'a'} {role} now.")


def draw_overlap(project: Project) -> None:
    """Draw which images two people decide on, and keep a change at once."""
    with installation().database.read() as session:
        rule = overlap.get(session, project.id)
        waiting = len(overlap.waiting_for(session, project.id, "", _MOST_COUNTED))
    left, right = st.columns(2)
    left.number_input(
        "Share of images that two people decide on, %",
        0,
        100,
        round(100 * rule.share),
        step=5,
        key=f"overlap_share_{project.id}",
        on_change=_keep_overlap,
        args=(project.id,),
    )
    right.number_input(
        "And every image whose interval is wider than, points",
        0,
        100,
        100 if rule.wider_than is None else round(100 * rule.wider_than),
        step=5,
        key=f"overlap_width_{project.id}",
        help="Of the best predicted candidate; 100 stands for none.",
        on_change=_keep_overlap,
        args=(project.id,),
    )
    most = "At least " if waiting == _MOST_COUNTED else ""
    st.caption(
        f"{most}{waiting:,} decided images wait for a second opinion. They come among the others "
        "of a reviewer who has not seen them, without a mark."
    )


@guarded
def _keep_overlap(project_id: int) -> None:
    state = st.session_state
    width = int(state[f"overlap_width_{project_id}"])
    wanted = Overlap(
        int(state[f"overlap_share_{project_id}"]) / 100, None if width == 100 else width / 100
    )
    with installation().database.begin() as session:
        overlap.put(session, project_id, wanted)

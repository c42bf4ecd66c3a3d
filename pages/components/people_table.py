"""Who reviews, and in which role."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from db.store import people
from pages.components.errors import guarded, notify
from pages.components.opening import installation
from pages.components.reviewer import current_reviewer
from rsqa_core.teamwork import ROLES, Person

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

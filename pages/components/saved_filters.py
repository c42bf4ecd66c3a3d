"""Keeps the queue's filters and order under a name, and brings them back."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from db.store import saved_queues
from pages.components.errors import guarded, notify
from pages.components.opening import installation
from pages.components.queue_address import queue_parameters, write_address
from pages.components.reviewer import current_reviewer
from rsqa_core.records import Project, QueueQuery
from rsqa_core.saved_queues import LONGEST_NAME, SavedQueue

_PREFIX = "saved_"


def draw_saved(project: Project, query: QueueQuery) -> None:
    """Offer the saved queues of a project, and to save this one."""
    with installation().database.read() as session:
        saved = saved_queues.all_of(session, project.id)
    parameters = queue_parameters(query)
    now = next((one.name for one in saved if one.parameters == parameters), None)
    if saved:
        st.session_state[_PREFIX + "chosen"] = now
        st.selectbox(
            "Saved filters",
            [one.name for one in saved],
            index=None,
            key=_PREFIX + "chosen",
            placeholder="Choose",
            width=220,
            on_change=_choose,
            args=(saved,),
        )
    if not parameters and not saved:
        return
    with st.popover(
        "Save",
        icon=":material/bookmark:",
        help="Keep these filters under a name",
        key=f"{_PREFIX}popover-{now}",  # closed once they are kept
    ):
        st.text_input("Name", now or "", max_chars=LONGEST_NAME, key=_PREFIX + "name")
        st.caption("Everyone in this project can choose it. A name that is there is replaced.")
        st.button(
            "Save these filters",
            type="primary",
            icon=":material/bookmark_add:",
            on_click=_save,
            args=(project.id, parameters, current_reviewer()),
        )
        for one in saved:
            st.button(
                f"Remove {one.name}",
                key=f"{_PREFIX}remove-{one.name}",
                type="tertiary",
                icon=":material/delete:",
                on_click=_remove,
                args=(project.id, one),
            )


def _choose(saved: Sequence[SavedQueue]) -> None:
    name = st.session_state[_PREFIX + "chosen"]
    write_address(next((one.parameters for one in saved if one.name == name), {}))


@guarded
def _save(project_id: int, parameters: dict[str, str], reviewer: str) -> None:
    name = st.session_state[_PREFIX + "name"]
    with installation().database.begin() as session:
        kept = saved_queues.put(
            session, project_id, name=name, parameters=parameters, saved_by=reviewer
        )
    del st.session_state[_PREFIX + "name"]
    notify(f"The filters are kept as {kept.name}.")


@guarded
def _remove(project_id: int, saved: SavedQueue) -> None:
    with installation().database.begin() as session:
        saved_queues.remove(session, project_id, saved.name)
    notify(f"{saved.name} was removed. The images and their order are as they were.")

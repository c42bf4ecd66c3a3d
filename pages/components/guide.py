"""What a new user reads first."""

from __future__ import annotations

import streamlit as st

from pages.components.job_panel import is_active, request_job
from pages.components.project_dialogs import create_project_dialog
from rsqa_core.records import Job

_STEPS = (
    (
        "Open Review",
        "It shows the image from whose label most is learnt, with its candidate masks, the best "
        "predicted first.",
    ),
    (
        "Decide by key",
        "**Enter** confirms the top candidate, **←/→** look at the others, digits type a score "
        "in percent, **S** skips, **U** takes back. **?** lists all keys.",
    ),
    (
        "Train",
        "Some sixty decisions teach a new head. You see its error before and after on labels "
        "that it never saw, and promote it with a click.",
    ),
)


def first_minute(*, expanded: bool) -> None:
    """Draw the three steps from opening the app to a better ranking."""
    with st.expander("Your first minute", expanded=expanded, icon=":material/timer:"):
        for number, (column, (title, text)) in enumerate(
            zip(st.columns(len(_STEPS)), _STEPS, strict=True), start=1
        ):
            column.markdown(f"**{number}. {title}**")
            column.markdown(text)


def empty_home(demo: Job | None) -> None:
    """Draw what stands on Home before there is a project."""
    with st.container(border=True):
        st.subheader("Nothing here yet", anchor=False)
        st.markdown(
            "RSQA predicts how good a segmentation of an aerial or satellite image is, without a "
            "reference mask, and learns from the experts who check it. The demo brings images, "
            "candidates and predictions; it is prepared in the background."
        )
        with st.container(horizontal=True):
            st.button(
                "Prepare the demo",
                type="primary",
                icon=":material/play_circle:",
                disabled=is_active(demo),
                on_click=request_job,
                args=("demo", None),
            )
            if st.button("New project", icon=":material/add:"):
                create_project_dialog()
        st.caption(
            "The demo uses real aerial images of Dubai where the sample can be had, generated "
            "ones otherwise; every project says which."
        )
    first_minute(expanded=True)

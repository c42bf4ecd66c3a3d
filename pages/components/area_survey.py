"""Surveys of a project on the screen: which one, a new one, none yet."""

from __future__ import annotations

import random
from collections.abc import Sequence

import streamlit as st

from db.store import surveys
from pages.components.errors import guarded, notify, page_boundary
from pages.components.opening import installation
from pages.components.reviewer import current_reviewer
from rsqa_core.records import Project
from rsqa_core.surveys import FEWEST_PER_CLASS, LONGEST_NAME, MOST_POINTS, Survey
from workflows.surveys import USUAL_HALF, ProjectMap, draw_survey, project_map

_PREFIX = "survey_"
_FEWEST_SUGGESTED = 50


def explain_surveys(project: Project) -> None:
    """Say what a survey is for, and offer the first one."""
    st.info(
        "The areas that a map shows are wrong by what it confuses. Look up the class of some "
        "hundred random points, drawn by class of the map: the areas are then corrected and have "
        "intervals, with the error matrix and the accuracy of every class (Olofsson et al. 2014).",
        icon=":material/pie_chart:",
    )
    new_survey_button(project, 0)


def choose_survey(found: Sequence[Survey]) -> Survey:
    """Offer the surveys of a project, newest first; the address names the one that is shown."""
    names = [survey.name for survey in found]
    asked = st.query_params.get("survey", "")
    st.session_state[_PREFIX + "chosen"] = asked if asked in names else names[0]
    name = st.selectbox(
        "Survey", names, key=_PREFIX + "chosen", on_change=_choose, width=320, filter_mode=None
    )
    return next(survey for survey in found if survey.name == name)


def new_survey_button(project: Project, taken: int) -> None:
    """Offer to draw the points of a new survey; the project has ``taken`` surveys already."""
    if st.button(
        "New survey",
        icon=":material/add:",
        type="secondary" if taken else "primary",
    ):
        _new_survey(project, taken)


@st.dialog("New survey")
def _new_survey(project: Project, taken: int) -> None:
    with page_boundary():
        with st.spinner("Measuring the map…"):
            found = project_map(installation(), project.slug)
        _form(project, taken, found)


def _form(project: Project, taken: int, found: ProjectMap) -> None:
    classes = sum(area > 0 for area in found.mapped)
    needed = max(_FEWEST_SUGGESTED, min(found.needed(), MOST_POINTS))
    st.markdown(
        f"The map has {len(found.images):,} images and {classes} classes: of each image the "
        "candidate that reviewers scored best, or else the one that is predicted best."
        + (
            f" {found.left_out:,} images are no part of it (flagged, or without a candidate)."
            if found.left_out
            else ""
        )
        + ("" if found.unit == "m2" else " Areas are in pixels: some image has no georeference.")
    )
    st.text_input("Name", f"Survey {taken + 1}", max_chars=LONGEST_NAME, key=_PREFIX + "name")
    st.number_input(
        "Points",
        2 * classes,
        MOST_POINTS,
        needed,
        key=_PREFIX + "points",
        help=f"By the predicted quality, {found.needed():,} points tell the overall accuracy to "
        f"{100 * USUAL_HALF:.0f} points of 100 at 95 %.",
    )
    st.number_input(
        "Of each class at least",
        2,
        500,
        FEWEST_PER_CLASS,
        key=_PREFIX + "fewest",
        help="Rare classes need points of their own, or their accuracy stays unknown. The rest "
        "goes by area.",
    )
    if st.button("Draw the points", type="primary", icon=":material/casino:"):
        with st.spinner("Drawing points…"):
            _draw(project)
        st.rerun()


@guarded
def _draw(project: Project) -> None:
    state = st.session_state
    drawn = draw_survey(
        installation(),
        project.slug,
        name=state[_PREFIX + "name"],
        points=int(state[_PREFIX + "points"]),
        fewest=int(state[_PREFIX + "fewest"]),
        seed=random.randrange(2**31),  # noqa: S311 - a draw that can be repeated, not a secret
        drawn_by=current_reviewer(),
    )
    st.query_params["survey"] = drawn.name
    notify(f"{drawn.name}: {drawn.points:,} points were drawn.")


def _choose() -> None:
    st.query_params["survey"] = st.session_state[_PREFIX + "chosen"]


def forget_button(project: Project, survey: Survey) -> None:
    """Offer to forget a survey with all its answers, after a question."""
    with st.popover("Forget this survey", icon=":material/delete:"):
        st.markdown(f"{survey.name}, its points and its answers will be gone.")
        st.button(
            "Forget it", icon=":material/delete:", on_click=_forget, args=(project.id, survey.name)
        )


@guarded
def _forget(project_id: int, name: str) -> None:
    with installation().database.begin() as session:
        surveys.remove(session, project_id, name)
    st.query_params.pop("survey", None)
    notify(f"{name} was forgotten.")

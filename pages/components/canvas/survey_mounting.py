"""Mounts the points of an area survey on a page."""

from __future__ import annotations

import functools
from typing import Any

import streamlit as st

from pages.components.canvas.assets_route import read_styles
from pages.components.canvas.mounting import DOORWAY, classes_json, module_address
from rsqa_core.datasets.safe_colours import safe_colours
from rsqa_core.records import Project
from rsqa_core.surveys import Survey


def survey_canvas(
    api_root: str, token: str, reviewer: str, project: Project, survey: Survey
) -> None:
    """Draw the points of a survey one by one; answers make the page run again."""
    _component()(
        key=f"rsqa_survey_{survey.id}",
        data={
            "api": api_root,
            "module": module_address(api_root, "survey.js"),
            "token": token,
            "reviewer": reviewer,
            "survey": survey.id,
            "classes": [
                {**entry, "color": list(colour)}
                for entry, colour in zip(
                    classes_json(project), safe_colours(project.classes), strict=True
                )
            ],
        },
        on_answered_change=_nothing,
        on_token_change=_nothing,
    )


@functools.cache
def _component() -> Any:
    # Once per process: Streamlit takes a second registration of a name for a mistake.
    return st.components.v2.component("rsqa_survey", css=read_styles(), js=DOORWAY)


def _nothing() -> None:
    """Streamlit registers a trigger only with a callback; the rerun itself is what is wanted."""

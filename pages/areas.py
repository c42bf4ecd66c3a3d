"""Areas: points of the map whose class is looked up, and what they say of areas and accuracy."""

import streamlit as st

from db.store import surveys
from pages.api import API_ROOT, mint_token
from pages.components.area_figures import download_survey, draw_estimate
from pages.components.area_survey import choose_survey, explain_surveys, new_survey_button
from pages.components.canvas.survey_mounting import survey_canvas
from pages.components.page import current_project, current_reviewer, installation, start_page
from workflows.surveys import survey_result

start_page(
    "Areas",
    "How much of each class there is, and how right the map is, from points that you look up.",
)
project = current_project()
with installation().database.read() as session:
    found = surveys.all_of(session, project.id)
if not found:
    explain_surveys(project)
    st.stop()

with st.container(horizontal=True, vertical_alignment="bottom"):
    survey = choose_survey(found)
    new_survey_button(project, len(found))
result = survey_result(installation(), project, survey)
looking, figures = st.tabs(["Points", "Figures"], default="Points")
with looking:
    survey_canvas(
        API_ROOT,
        mint_token(installation().settings, current_reviewer(), project.id),
        current_reviewer(),
        project,
        survey,
    )
with figures:
    draw_estimate(project, result)
    download_survey(project, result)

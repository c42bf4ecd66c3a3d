"""Home: the projects, what each needs next, and how to begin."""

import streamlit as st

from db.store import projects
from pages.components.guide import empty_home, first_minute
from pages.components.job_panel import job_panel
from pages.components.page import installation, start_page
from pages.components.project_card import project_card
from pages.components.project_dialogs import create_project_dialog

start_page(
    "Projects",
    "Images with candidate segmentations, in the order of predicted quality, for an expert's eye.",
)
with installation().database.read() as session:
    summaries = projects.summaries(session)

demo = job_panel("demo", None, quiet=True)
if summaries:
    for summary in summaries:
        project_card(summary)
    if st.button("New project", icon=":material/add:"):
        create_project_dialog()
    first_minute(expanded=all(summary.labels == 0 for summary in summaries))
else:
    empty_home(demo)

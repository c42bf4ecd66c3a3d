"""Import: from a folder or an archive to the images of a project, checked before anything moves."""

import streamlit as st

from db.store import projects
from pages.components.errors import page_boundary
from pages.components.import_form import draw_options, draw_source, draw_target
from pages.components.import_plan import draw_plan, kept_plan, make_plan
from pages.components.import_progress import draw_import_jobs, draw_next, needs_candidates
from pages.components.page import installation, project_slug, start_page

start_page(
    "Import images",
    "JPEG, PNG and GeoTIFF of any depth, with reference masks and candidate masks where there "
    "are any. Nothing is written before you have seen what would be.",
)
with installation().database.read() as session:
    summaries = projects.summaries(session)
busy = draw_import_jobs(summaries, project_slug())

asked_for_new = "new" in st.query_params
target = draw_target(
    [summary.project for summary in summaries], None if asked_for_new else project_slug()
)
source = draw_source()
options = draw_options()
planned = kept_plan(source, options, target) is not None
if st.button(
    "Check the files",
    key="check_files",
    type="secondary" if planned or needs_candidates(summaries, project_slug()) else "primary",
    icon=":material/fact_check:",
    help="Reads every file and lists what would be imported and what would not.",
):
    with page_boundary():
        make_plan(source, options, target)
draw_plan(source, options, target, busy=busy)
draw_next(summaries, project_slug(), busy=busy)

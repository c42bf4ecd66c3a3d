"""Train: from the reviewers' labels to a new head, and which head ranks the images."""

import streamlit as st

from db.store import heads, verdicts
from pages.components.head_choice import draw_current, draw_history, draw_versions
from pages.components.held_out import draw_held_out
from pages.components.job_panel import is_active, job_panel, request_job
from pages.components.label_counts import draw_label_counts, draw_readiness
from pages.components.next_step import MINIMUM_LABELS
from pages.components.page import current_project, current_reviewer, installation, start_page

start_page("Train", "A new head learns from the labels; nothing changes until you promote it.")
project = current_project()
with installation().database.read() as session:
    labels = verdicts.labels(session, project.id)
    versions = heads.of_project(session, project.id)
    history = heads.history(session, project.id)
    earlier = heads.rollback_target(session, project.id)
current = next((head for head in versions if head.id == project.active_head_id), None)
own = [head for head in versions if head.project_id == project.id]

left, right = st.columns([7, 3], gap="large")
with left:
    st.subheader("Labels", anchor=False)
    draw_label_counts(project)
with right:
    st.subheader("Current head", anchor=False)
    draw_current(project, current, earlier=earlier, reviewer=current_reviewer())

draw_readiness(len(labels), own[0] if own else None)
job = job_panel("retrain", project.id, quiet=True)
st.button(
    "Train a new head",
    type="primary" if not own or own[0] == current else "secondary",
    icon=":material/model_training:",
    disabled=is_active(job) or len(labels) < MINIMUM_LABELS,
    on_click=request_job,
    args=("retrain", project.slug),
)

if own:
    st.subheader("Newest head on held-out labels", anchor=False)
    draw_held_out(own[0])
st.subheader("Versions", anchor=False)
draw_versions(project, versions, newest=own[0] if own else None, reviewer=current_reviewer())
draw_history(history)

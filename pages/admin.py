"""Admin: what was recorded, by whom, and copies of it."""

import streamlit as st

from db.store import heads
from pages.components.audit_table import draw_audit
from pages.components.backup_panel import draw_backups
from pages.components.head_choice import draw_history
from pages.components.page import current_project, installation, start_page
from pages.components.people_table import draw_overlap, draw_people

start_page("Admin", "Who may do what, every decision on record, and copies of the database.")
project = current_project()
with installation().database.read() as session:
    history = heads.history(session, project.id)

st.subheader("People", anchor=False)
draw_people()
st.subheader("Second opinions", anchor=False)
draw_overlap(project)
st.subheader("Decisions", anchor=False)
draw_audit(project)
if history:
    st.subheader("Heads that were made current", anchor=False)
    draw_history(history)
st.subheader("Backups", anchor=False)
draw_backups()

"""The report of a project: how far it is, and its files once it is made."""

from __future__ import annotations

import datetime as dt

import streamlit as st

from pages.components.job_panel import is_active, job_panel
from pages.components.opening import installation
from pages.components.times import local_time
from rsqa_core.records import Project
from workflows.reports.files import kept_reports

_MIME = {".html": "text/html", ".pdf": "application/pdf"}


def report_panel(project: Project) -> None:
    """Show the progress of a report that is being made, else the newest one to download."""
    if is_active(job_panel("report", project.id, quiet=True)):
        return
    files = [p for p in kept_reports(installation().settings, project.slug) if p.exists()]
    if not files:
        return
    made = dt.datetime.fromtimestamp(files[0].stat().st_mtime, dt.UTC)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"Report of {local_time(made)}", width="content")
        for path in files:
            st.download_button(
                path.suffix[1:].upper(),
                path.read_bytes,  # read when it is asked for
                file_name=path.name,
                mime=_MIME[path.suffix],
                key=f"report-{path.name}",
                icon=":material/download:",
                type="tertiary",
            )

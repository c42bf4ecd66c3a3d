"""Imports that run, how they ended, and what comes after one."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.components.job_panel import is_active, job_panel, request_job
from pages.components.page import choose_project, go
from rsqa_core.records import Job, ProjectSummary


def draw_import_jobs(summaries: Sequence[ProjectSummary], slug: str | None) -> bool:
    """Show the imports into the current project and into new ones; say whether one runs."""
    current = next((s.project for s in summaries if s.project.slug == slug), None)
    # An import that makes its project has none while it runs.
    into_new = job_panel("import", None, quiet=True)
    if into_new is not None and into_new.state == "done":
        _offer_new_project(into_new, summaries, slug)
    into_current = job_panel("import", current.id) if current is not None else None
    return is_active(into_new) or is_active(into_current)


def _offer_new_project(job: Job, summaries: Sequence[ProjectSummary], slug: str | None) -> None:
    made = str(job.result.get("arguments", {}).get("project", ""))
    project = next((s.project for s in summaries if s.project.slug == made), None)
    if project is None or made == slug:
        return
    text, button = st.columns([4, 1.4], vertical_alignment="center")
    text.success(f"The import made the project **{project.name}**.")
    button.button("Go on with it", width="stretch", on_click=choose_project, args=(made,))


def draw_next(summaries: Sequence[ProjectSummary], slug: str | None, *, busy: bool) -> None:
    """Offer to make candidates where the current project lacks them."""
    summary = next((s for s in summaries if s.project.slug == slug), None)
    if summary is None or summary.images == 0:
        return
    st.divider()
    making = job_panel("segment", summary.project.id, quiet=True)
    text, button = st.columns([4, 1.4], vertical_alignment="center")
    if summary.candidates == 0:
        text.markdown(
            f"**{summary.project.name}** has {summary.images:,} images and no candidates yet."
        )
        button.button(
            "Make candidates",
            type="primary",
            icon=":material/layers:",
            width="stretch",
            disabled=busy or is_active(making),
            on_click=request_job,
            args=("segment", summary.project.slug, {"score": True}),
        )
    else:
        text.markdown(
            f"**{summary.project.name}** has {summary.images:,} images and "
            f"{summary.candidates:,} candidates."
        )
        if button.button("Review", icon=":material/rate_review:", width="stretch"):
            go("review", project=summary.project.slug)

"""Imports that run, how they ended, and what comes after one."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from pages.components.job_panel import is_active, job_panel, request_job
from pages.components.page import choose_project, go
from pages.components.texts import counted, plain
from pages.components.times import local_time
from rsqa_core.records import Job, ProjectSummary


def draw_import_jobs(summaries: Sequence[ProjectSummary], slug: str | None) -> bool:
    """Show the imports into the current project and into new ones; say whether one runs."""
    current = next((s.project for s in summaries if s.project.slug == slug), None)
    # An import that makes its project has none while it runs.
    into_new = job_panel("import", None, quiet=True)
    into_current = job_panel("import", current.id, quiet=True) if current is not None else None
    done = [job for job in (into_current, into_new) if job is not None and job.state == "done"]
    if done:
        newest = max(done, key=lambda job: job.id)
        _draw_report(newest)
        if newest is into_new:
            _offer_new_project(newest, summaries, slug)
    return is_active(into_new) or is_active(into_current)


def _offer_new_project(job: Job, summaries: Sequence[ProjectSummary], slug: str | None) -> None:
    made = str(job.result.get("arguments", {}).get("project", ""))
    project = next((s.project for s in summaries if s.project.slug == made), None)
    if project is None or made == slug:
        return
    st.button(
        f"Go on with {plain(project.name)}",
        icon=":material/arrow_forward:",
        on_click=choose_project,
        args=(made,),
    )


def _draw_report(job: Job) -> None:
    found = job.result
    left_out = int(found.get("left_out_count", 0))
    there = int(found.get("already_there", 0))
    name = str(found.get("arguments", {}).get("name") or found.get("project", ""))
    text = (
        f"Imported into {plain(name)} on {local_time(job.finished_at)}: "
        f"{counted(found.get('images', 0), 'image')} as "
        f"{counted(found.get('tiles', 0), 'review tile')}, {found.get('masks', 0):,} of them with "
        f"a reference mask, and {counted(found.get('candidates', 0), 'candidate mask')}."
    )
    if there:
        text += f" There already: {counted(there, 'image')}."
    st.success(text, icon=":material/check_circle:")
    if left_out:
        with st.expander(f"Left out: {counted(left_out, 'file')}", icon=":material/block:"):
            table = pd.DataFrame(found.get("left_out", []), columns=["name", "reason"])
            st.dataframe(table.set_axis(["File", "Why"], axis=1), hide_index=True)


def needs_candidates(summaries: Sequence[ProjectSummary], slug: str | None) -> bool:
    """Say whether the current project has images and no candidates: the next step is there."""
    return any(s.project.slug == slug and s.images > 0 and s.candidates == 0 for s in summaries)


def draw_next(summaries: Sequence[ProjectSummary], slug: str | None, *, busy: bool) -> None:
    """Offer to make candidates where the current project lacks them."""
    summary = next((s for s in summaries if s.project.slug == slug), None)
    if summary is None or summary.images == 0:
        return
    st.divider()
    making = job_panel("segment", summary.project.id, quiet=True)
    text, button = st.columns([4, 1.4], vertical_alignment="center")
    start = f"**{plain(summary.project.name)}** has {counted(summary.images, 'image')} and"
    if summary.candidates == 0:
        text.markdown(f"{start} no candidates yet.")
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
        text.markdown(f"{start} {counted(summary.candidates, 'candidate')}.")
        if button.button("Review", icon=":material/rate_review:", width="stretch"):
            go("review", project=summary.project.slug)

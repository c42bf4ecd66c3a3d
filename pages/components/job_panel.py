"""Jobs on a screen: start them, watch them, stop them."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.components.errors import guarded, page_boundary
from pages.components.opening import installation
from pages.components.texts import plain
from pages.components.times import local_time
from rsqa_core.records import Job

POLL_S = 1.0
KIND_NAMES = {
    "import": "Importing images",
    "segment": "Making candidates",
    "score": "Predicting quality",
    "retrain": "Training a new head",
    "demo": "Preparing the demo",
    "report": "Making the report",
}
_ACTIVE = ("queued", "running")


def latest_job(kind: str, project_id: int | None) -> Job | None:
    """Return the newest job of a kind on a project; the dead are found out first."""
    from db.store import jobs
    from workflows.jobs import reap

    opened = installation()
    with opened.database.read() as session:
        job = jobs.latest(session, kind, project_id)
    if job is not None and job.state in _ACTIVE:
        reap(opened)
        with opened.database.read() as session:
            job = jobs.get(session, job.id)
    return job


def is_active(job: Job | None) -> bool:
    """Say whether a job waits or runs."""
    return job is not None and job.state in _ACTIVE


@guarded
def request_job(kind: str, slug: str | None, arguments: dict[str, Any] | None = None) -> None:
    """Start a job; made for ``on_click``, where a rerun cannot cut it in two."""
    from workflows.jobs import start_job

    start_job(installation(), kind, slug, arguments or {})


def job_panel(kind: str, project_id: int | None, *, quiet: bool = False) -> Job | None:
    """Show the newest job of a kind and return it: progress while it runs, then how it ended.

    Only a running job is polled. ``quiet`` hides jobs that ended well.
    """
    job = latest_job(kind, project_id)
    if job is None:
        return None
    if is_active(job):
        st.fragment(_watch, run_every=POLL_S)(kind, project_id)
    else:
        _show_end(job, quiet=quiet)
    return job


def _watch(kind: str, project_id: int | None) -> None:
    with page_boundary():
        job = latest_job(kind, project_id)
        if job is None or not is_active(job):
            st.rerun(scope="app")  # the rest of the page shows what the job changed
        else:
            _show_progress(job)


def _show_progress(job: Job) -> None:
    name = KIND_NAMES.get(job.kind, job.kind)
    bar, button = st.columns([5, 1], vertical_alignment="center")
    counted = f", {job.done:,} of {job.total:,}" if job.total > 1 else ""
    text = f"{name}: {plain(job.step) or 'waiting to start'}{counted}"
    if job.cancel_requested:
        text = f"{name}: stopping after the current step"
    bar.progress(min(1.0, job.done / job.total) if job.total > 0 else 0.0, text=text)
    button.button(
        "Cancel",
        key=f"cancel-job-{job.id}",
        icon=":material/stop_circle:",
        disabled=job.cancel_requested,
        on_click=_cancel,
        args=(job.id,),
        width="stretch",
    )


@guarded
def _cancel(job_id: int) -> None:
    from workflows.jobs import cancel_job

    cancel_job(installation(), job_id)


def _show_end(job: Job, *, quiet: bool) -> None:
    name = KIND_NAMES.get(job.kind, job.kind)
    when = f" on {local_time(job.finished_at)}" if job.finished_at else ""
    if job.state == "failed":
        st.error(f"{name} failed{when}. {plain(job.message)}", icon=":material/error:")
    elif job.state == "cancelled":
        st.warning(
            f"{name} was cancelled{when}. What was finished is kept; start it again to go on.",
            icon=":material/stop_circle:",
        )
    elif not quiet:
        st.success(f"{name} finished{when}.", icon=":material/check_circle:")

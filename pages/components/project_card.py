"""One project on Home: counts, previews, the next step."""

from __future__ import annotations

from typing import Literal

import streamlit as st

from db.store import heads, images, queue
from pages.components.job_panel import is_active, job_panel, request_job
from pages.components.next_step import NextStep, next_step
from pages.components.opening import installation
from pages.components.page import go
from pages.components.project_dialogs import delete_project_dialog
from pages.components.report_panel import report_panel
from pages.components.texts import plain
from pages.components.thumbnails import thumbnail_strip
from rsqa_core.errors import NotFoundError
from rsqa_core.records import IMAGE_STATUSES, Origin, Project, ProjectSummary, QueueQuery

PREVIEWS = 8
_ORIGINS: dict[Origin, tuple[str, Literal["orange", "blue", "gray"], str]] = {
    "generated": ("Generated imagery", "orange", ":material/auto_awesome:"),
    "sample": ("Sample data", "blue", ":material/public:"),
    "imported": ("Imported", "gray", ":material/folder:"),
}
_MENU = {
    "review": ":material/rate_review: Review",
    "queue": ":material/view_list: Queue",
    "import_images": ":material/add_photo_alternate: Import images",
    "train": ":material/model_training: Train",
    "report": ":material/summarize: Make a report",
    "delete": ":material/delete: Delete",
}


def project_card(summary: ProjectSummary) -> None:
    """Draw a project's card; a job that runs on it shows its progress."""
    project = summary.project
    with st.container(border=True, key=f"project-{project.slug}"):
        title, menu = st.columns([7, 1.2], vertical_alignment="center")
        origin, color, icon = _ORIGINS[project.origin]
        with title.container(horizontal=True, vertical_alignment="center"):
            st.subheader(plain(project.name), anchor=False, width="content")
            st.badge(origin, color=color, icon=icon)
        with menu:
            _menu(project)
        description = project.description
        if project.origin == "generated":
            description = "These images are rendered by a program, not taken from the air. " + (
                description
            )
        if description:
            st.caption(plain(description))
        _counts(summary)
        thumbnail_strip(_previews(project.id))
        jobs = [job_panel(kind, project.id, quiet=True) for kind in ("import", "segment", "score")]
        report_panel(project)
        _next(summary, busy=any(is_active(job) for job in jobs))


def _counts(summary: ProjectSummary) -> None:
    values = (
        ("Images", summary.images),
        ("To review", summary.open_images),
        ("Candidates", summary.candidates),
        ("Labels", summary.labels),
        ("With reference", summary.images_with_reference),
    )
    for column, (name, value) in zip(st.columns(len(values)), values, strict=True):
        column.metric(name, f"{value:,}")


def _previews(project_id: int) -> list[tuple[str, str]]:
    query = QueueQuery(order="random", statuses=IMAGE_STATUSES)
    with installation().database.read() as session:
        ids = queue.page(session, project_id, query, limit=PREVIEWS).image_ids
        records = [images.get(session, image_id) for image_id in ids]
    return [(record.display_path, record.name) for record in records]


def _next(summary: ProjectSummary, *, busy: bool) -> None:
    step = next_step(summary, _labels_in_head(summary.project), busy=busy)
    slug = summary.project.slug
    button, reason = st.columns([1.4, 5], vertical_alignment="center")
    key = f"next-{slug}"
    if step.kind == "job":
        button.button(
            step.label,
            key=key,
            type="primary",
            icon=step.icon,
            width="stretch",
            disabled=busy,
            on_click=_start,
            args=(step, slug),
        )
    elif button.button(step.label, key=key, type="primary", icon=step.icon, width="stretch"):
        go(step.target, project=slug)
    reason.caption(step.reason)


def _start(step: NextStep, slug: str) -> None:
    request_job(step.target, slug, {"score": True} if step.target == "segment" else {})


def _menu(project: Project) -> None:
    chosen = st.menu_button(
        "More", list(_MENU), key=f"more-{project.slug}", format_func=_MENU.get, width="stretch"
    )
    if chosen == "delete":
        delete_project_dialog(project)
    elif chosen == "report":
        request_job("report", project.slug)
        st.rerun()
    elif chosen is not None:
        go(chosen, project=project.slug)


def _labels_in_head(project: Project) -> int:
    if project.active_head_id is None:
        return 0
    with installation().database.read() as session:
        try:
            head = heads.get(session, project.active_head_id)
        except NotFoundError:
            return 0
    # A base head's labels come from other imagery: they say nothing about this project's.
    return head.label_count if head.project_id == project.id else 0

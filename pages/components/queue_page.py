"""One page of the queue: how many there are, the table or the pictures, and the way on."""

from __future__ import annotations

import streamlit as st

from db.store import heads, queue
from pages.api.queue_input import parse_queue_query
from pages.components.errors import has_notices, page_boundary
from pages.components.opening import installation
from pages.components.page import go
from pages.components.queue_address import queue_parameters
from pages.components.queue_sheet import draw_sheet, prepare_sheet
from pages.components.queue_table import PAGE_SIZE, draw_pager, draw_table
from pages.components.thumbnails import make_ahead
from rsqa_core.records import Project, QueueQuery, ReviewItem
from workflows.recommending import interval_coverage


@st.fragment
def draw_page(project: Project, query: QueueQuery) -> None:
    """Draw the page of the queue that the address names.

    A fragment: turning the page, another view and a chosen row run this function alone, not the
    filters, the sidebar and the navigation, which cost most of a turn's time.
    """
    address = st.query_params.to_dict()
    if parse_queue_query(address) != query or has_notices():
        # "More like this" made another queue of it, or failed: the filters and the notice lie
        # outside of the fragment.
        st.rerun()
    with page_boundary():
        _draw(project, query, address.get("cursor") or None)


def _draw(project: Project, query: QueueQuery, cursor: str | None) -> None:
    with installation().database.read() as session:
        page = queue.page(session, project.id, query, cursor=cursor, limit=PAGE_SIZE)
        items = queue.items(session, page.image_ids)
        head_id = project.active_head_id
        coverage = interval_coverage(heads.get(session, head_id).metrics if head_id else {})
    counts, views, action = st.columns([3, 1.2, 1.2], vertical_alignment="center")
    left = page.total - page.done
    counts.markdown(f"**{left:,}** to review, **{page.done:,}** decided, {page.total:,} in all.")
    if action.button(
        "Review this queue",
        type="primary",
        icon=":material/rate_review:",
        disabled=not items,
        width="stretch",
    ):
        go("review", **queue_parameters(query))
    view = views.radio(
        "View",
        ["Table", "Pictures"],
        horizontal=True,
        key="queue_view",
        label_visibility="collapsed",
    )
    if not items:
        st.info(
            "No image matches. Widen the filters, or import images.", icon=":material/search_off:"
        )
        if st.button("Import images", icon=":material/add_photo_alternate:"):
            go("import_images")
        return
    chosen = None
    if view == "Pictures":
        draw_sheet(project, items, query)
    else:
        chosen = draw_table(project, items, coverage)
    draw_pager(page.next_cursor)
    if page.next_cursor is not None:
        _prepare(project, query, page.next_cursor, masked=view == "Pictures")
    if chosen is not None:
        go("review", **queue_parameters(query), item=chosen)


def _prepare(project: Project, query: QueueQuery, cursor: str, *, masked: bool) -> None:
    """Make the previews of the page after this one while this one is looked at."""
    database = installation().database

    def next_items() -> list[ReviewItem]:
        with database.read() as session:
            ids = queue.page(session, project.id, query, cursor=cursor, limit=PAGE_SIZE).image_ids
            return queue.items(session, ids)

    if masked:
        prepare_sheet(project, next_items)
    else:
        make_ahead(lambda: [(item.image.display_path, None) for item in next_items()], None)

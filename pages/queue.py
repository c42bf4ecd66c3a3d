"""Queue: which images come next, filtered, ordered and shared by address."""

import streamlit as st

from db.store import heads, queue
from pages.api.queue_input import parse_queue_query
from pages.components.page import current_project, go, installation, start_page
from pages.components.queue_address import queue_parameters
from pages.components.queue_filters import draw_filters
from pages.components.queue_sheet import draw_sheet
from pages.components.queue_table import PAGE_SIZE, draw_pager, draw_table
from pages.components.searching import answer_search
from workflows.recommending import interval_coverage

start_page("Queue")
project = current_project()
query = parse_queue_query(st.query_params.to_dict())
answer_search(project)
draw_filters(project, query)

with installation().database.read() as session:
    page = queue.page(
        session, project.id, query, cursor=st.query_params.get("cursor") or None, limit=PAGE_SIZE
    )
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

view = views.segmented_control(
    "View", ["Table", "Pictures"], default="Table", key="queue_view", label_visibility="collapsed"
)

if items:
    chosen = None
    if view == "Pictures":
        draw_sheet(project, items, query)
    else:
        chosen = draw_table(project, items, coverage)
    draw_pager(page.next_cursor)
    if chosen is not None:
        go("review", **queue_parameters(query), item=chosen)
else:
    st.info("No image matches. Widen the filters, or import images.", icon=":material/search_off:")
    if st.button("Import images", icon=":material/add_photo_alternate:"):
        go("import_images")

"""Review: the canvas on the chosen queue."""

import streamlit as st

from db.store import projects
from pages.api import API_ROOT, mint_token
from pages.api.queue_input import QUERY_PARAMETERS, parse_queue_query
from pages.components.canvas import CanvasData, review_canvas
from pages.components.page import (
    current_project,
    current_reviewer,
    go,
    installation,
    start_page,
)
from rsqa_core.records import QUEUE_ORDERS

_PAGES = {"train": "train", "queue": "queue", "import": "import_images", "home": "home"}

# The canvas needs the room, and it fits itself to what is left of the window. With the sidebar
# closed, Streamlit's header holds the logo and the button that opens it again: they lie over the
# canvas's top bar, which leaves them a place, and let the mouse through elsewhere.
_ROOM = """<style>
[data-testid="stMainBlockContainer"] { padding: 0.5rem 1rem 0; max-width: none; }
[data-testid="stMain"] { overflow: hidden auto; }
[data-testid="stHeader"] {
  height: 2.5rem; min-height: 0; background: transparent; pointer-events: none;
}
[data-testid="stHeader"] :is(button, a) { pointer-events: auto; }
[data-testid="stApp"]:has([data-testid="stExpandSidebarButton"]) { --rsqa-top-inset: 11rem; }
</style>"""

start_page("Review", heading=False)
project = current_project()
st.html(_ROOM)

parameters = st.query_params.to_dict()
parse_queue_query(parameters)  # a mistyped address is told here, before the canvas asks with it
item = parameters.get("item", "")
with installation().database.read() as session:
    summary = next(s for s in projects.summaries(session) if s.project.id == project.id)

wanted = review_canvas(
    CanvasData(
        api_root=API_ROOT,
        token=mint_token(installation().settings, current_reviewer(), project.id),
        reviewer=current_reviewer(),
        project=project,
        images=summary.images,
        candidates=summary.candidates,
        query={name: parameters[name] for name in QUERY_PARAMETERS if parameters.get(name)},
        item_id=int(item) if item.isascii() and item.isdigit() and len(item) < 19 else None,
    )
)
if wanted.page in _PAGES:
    go(_PAGES[wanted.page])
if wanted.order in QUEUE_ORDERS:
    # Another order begins with its own first image, whatever the address pointed to.
    kept = {name: value for name, value in parameters.items() if name not in ("item", "order")}
    st.query_params.from_dict({**kept, "order": wanted.order})
    st.rerun()

"""Finds images by words, or by another image, and says what the queue was narrowed to."""

from __future__ import annotations

import streamlit as st

from db.store import images, searches
from pages.components.errors import guarded, page_boundary
from pages.components.opening import installation
from pages.components.queue_address import queue_parameters, write_address
from pages.components.texts import plain
from rsqa_core.errors import NotFoundError
from rsqa_core.records import IMAGE_STATUSES, Project, QueueQuery
from rsqa_core.searches import LONGEST_WORDS, Search
from workflows.model_process import model_process
from workflows.searching import checked_words, search_like, search_words

_WORDS = "searching_words"
_WANTED = "searching_wanted"


def draw_search(project: Project, query: QueueQuery) -> None:
    """Offer to find images by words; say what was found."""
    if project.active_head_id is None:
        return
    # Another key is another popover, which is closed: what was found is not to lie under it.
    with st.popover("Find images", icon=":material/search:", key=f"searching-{query.search}"):
        st.text_input(
            "What is to be seen", max_chars=LONGEST_WORDS, key=_WORDS, placeholder="water"
        )
        st.caption(
            "The encoder compares words with images. The shipped one knows land cover: water, "
            "buildings, vegetation, bare land; others know more. Pictures have *More like this*."
        )
        st.button("Find", type="primary", icon=":material/search:", on_click=_want)
    if query.search is not None:
        st.caption(f"**{_found(project, query.search)}**")


def answer_search(project: Project) -> None:
    """Search for the words that were asked for, if any, and go to what was found."""
    words = st.session_state.pop(_WANTED, None)
    if words is None:
        return
    with page_boundary(), st.spinner("Loading the encoder and comparing…"):
        words = checked_words(words)
        vector = model_process(installation().settings).ask(
            "text_vector", project_id=project.id, words=words
        )
        found = search_words(installation(), project, words, vector)
        _go_to(found)
        st.rerun()


@guarded
def find_like(project: Project, image_id: int) -> None:
    """Find the images most like one, and go to them."""
    _go_to(search_like(installation(), project, image_id))


def _go_to(found: Search) -> None:
    query = QueueQuery(order="similar", statuses=IMAGE_STATUSES, search=found.id)
    write_address(queue_parameters(query))


def _want() -> None:
    st.session_state[_WANTED] = st.session_state[_WORDS]


def _found(project: Project, search_id: int) -> str:
    with installation().database.read() as session:
        try:
            search = searches.get(session, project.id, search_id)
            alike = list(searches.similarities(session, search_id).values())
            if search.image_id is None:
                wanted = f"“{plain(search.words)}”"
            else:
                wanted = plain(images.get(session, search.image_id).name)
        except NotFoundError as error:
            return plain(str(error))
    return f"{search.hits} images most like {wanted} (similarity {alike[0]:.2f} to {alike[-1]:.2f})"

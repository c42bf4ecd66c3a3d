"""What every page begins with: its title, the installation, the project and the reviewer.

The project travels in the address (``?project=SLUG``) so that any link can be shared; the session
remembers it because following a navigation link clears the address.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import NoReturn

import streamlit as st

from pages.components.errors import show_notices
from pages.components.opening import installation
from pages.components.reviewer import current_reviewer
from pages.components.texts import plain
from rsqa_core.errors import NotFoundError
from rsqa_core.records import Project

__all__ = [
    "choose_project",
    "current_project",
    "current_reviewer",
    "go",
    "installation",
    "project_slug",
    "start_page",
]

_PAGES_DIR = Path(__file__).resolve().parents[1]
_navigated: ContextVar[bool] = ContextVar("navigated", default=False)


@contextmanager
def inside_navigation() -> Iterator[None]:
    """Mark that the page inside was reached through pages/navigation.py."""
    token = _navigated.set(True)
    try:
        yield
    finally:
        _navigated.reset(token)


def start_page(title: str, caption: str = "", *, heading: bool = True) -> None:
    """Begin a page; call it first, every time. ``heading=False`` leaves the room to the page.

    A page that Streamlit runs by itself, as one of an old multipage app (see app.py), turns that
    mode off and starts over, so that navigation and frame are there.
    """
    if not _navigated.get():
        from pages.navigation import chosen_page

        chosen_page()  # its st.navigation is the one public call that switches the old mode off
        st.rerun()
    st.set_page_config(page_title=f"{title} · RSQA")
    if heading:
        st.title(title, anchor=False)
        if caption:
            st.caption(caption)
    show_notices()


def project_slug() -> str | None:
    """Return the slug of the chosen project: from the address, else from this session."""
    slug = st.query_params.get("project") or st.session_state.get("rsqa_project")
    return str(slug) if slug else None


def choose_project(slug: str | None) -> None:
    """Make ``slug`` the current project (None: no project) and drop the old one's parameters."""
    st.session_state["rsqa_project"] = slug
    st.query_params.from_dict({"project": slug} if slug else {})


def current_project() -> Project:
    """Return the current project; without one, say what to do and end the page here."""
    project = _chosen_project()
    if project is None:
        if st.button("Go to Home", type="primary", icon=":material/home:"):
            go("home", project=None)
        st.stop()
    return project


def _chosen_project() -> Project | None:
    from db.store import projects

    slug = project_slug()
    if slug is None:
        st.info("There is no project yet. Prepare the demo or create a project on Home.")
        return None
    try:
        with installation().database.read() as session:
            return projects.get(session, slug)
    except NotFoundError as error:
        st.session_state["rsqa_project"] = None
        st.error(plain(str(error)), icon=":material/error:")
        return None


def go(page: str, **parameters: str | int | None) -> NoReturn:
    """Switch to the page ``page`` ('home', 'import_images', 'queue', 'review', ...).

    The project goes along unless ``project`` is given; parameters that are None are left out.
    """
    chosen: Mapping[str, str | int | None] = {"project": project_slug(), **parameters}
    query = {name: str(value) for name, value in chosen.items() if value is not None}
    st.switch_page(_PAGES_DIR / f"{page}.py", query_params=query)

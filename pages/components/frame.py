"""The frame around every page: logo, project, reviewer, version."""

from __future__ import annotations

import streamlit as st

import rsqa_core
from pages.components.opening import installation
from pages.components.page import choose_project, project_slug
from pages.components.reviewer import reviewer_field

# For the tab of the browser. A string, because Streamlit would fetch an icon name from the network.
ICON = """<svg xmlns="http://www.w3.org/2000/svg" width="32" height="32" viewBox="0 0 32 32">
<g fill="#2b8fa6"><rect x="3" y="3" width="12" height="12" rx="2"/>
<rect x="17" y="3" width="12" height="12" rx="2" opacity=".6"/>
<rect x="3" y="17" width="12" height="12" rx="2" opacity=".4"/>
<path d="M17 23l4.4 4.4L30 19" fill="none" stroke="#2b8fa6" stroke-width="4"/></g></svg>"""

# One colour that reads on light and dark ground alike: an image cannot see the theme.
LOGO = """<svg xmlns="http://www.w3.org/2000/svg" width="118" height="32" viewBox="0 0 118 32">
<g fill="#2b8fa6"><rect x="2" y="4" width="11" height="11" rx="2"/>
<rect x="15" y="4" width="11" height="11" rx="2" opacity=".55"/>
<rect x="2" y="17" width="11" height="11" rx="2" opacity=".35"/>
<path d="M16 23l3.6 3.6L27 19" fill="none" stroke="#2b8fa6" stroke-width="3"
 stroke-linecap="round" stroke-linejoin="round"/></g>
<text x="36" y="23.5" font-family="Source Sans, Helvetica, Arial, sans-serif" font-size="22"
 font-weight="700" letter-spacing="1" fill="#2b8fa6">RSQA</text></svg>"""

_PICKER = "rsqa_project_picker"


def draw_sidebar() -> None:
    """Draw the project picker, the reviewer's name and the version under the navigation."""
    from db.store import projects

    with installation().database.read() as session:
        names = projects.names(session)
    slug = project_slug()
    if slug is None and names:
        slug = next(iter(names))
    if slug in names:
        # Following a navigation link empties the address: put the project back.
        st.session_state["rsqa_project"] = slug
        if st.query_params.get("project") != slug:
            st.query_params["project"] = slug
    with st.sidebar:
        if names:
            st.session_state[_PICKER] = slug if slug in names else None
            st.selectbox(
                "Project",
                list(names),
                # Clearable only while the address names a project that is not there.
                index=0 if slug in names else None,
                key=_PICKER,
                format_func=lambda s: names.get(s, s),
                placeholder="Choose a project",
                on_change=_picked,
            )
        reviewer_field()
        st.caption(f"RSQA {rsqa_core.__version__}")


def _picked() -> None:
    choose_project(st.session_state.get(_PICKER))

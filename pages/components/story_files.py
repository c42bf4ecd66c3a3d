"""The slides of a project, drawn when something of it changed, and their files."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from db.store import images as image_store
from db.store import stories, verdicts
from pages.components.page import installation
from rsqa_core.records import Project


@dataclass(frozen=True, slots=True)
class DrawnSlides:
    """Slides as one HTML file, and what they were drawn from."""

    html: str
    state: str


def slides_of(project: Project) -> DrawnSlides | None:
    """Return the project's slides; None where it has no images."""
    with installation().database.read() as session:
        images = image_store.state_of(session, project.id)
        newest = verdicts.history(session, project.id, limit=1)
        story = stories.get(session, project.id)
    state = repr((project, images, [verdict.id for verdict in newest], story))
    return DrawnSlides(_html(project.slug, state), state) if images[0] else None


def download_story(project: Project, deck: DrawnSlides) -> None:
    """Offer the slides as files; the PDF is made when it is asked for."""
    slug = project.slug
    columns = st.columns([1, 1, 4])
    columns[0].download_button(
        "HTML",
        deck.html,
        f"{slug}-slides.html",
        "text/html",
        icon=":material/download:",
        width="stretch",
        help="One file that shows the slides in any browser, without a network.",
        on_click="ignore",
    )
    columns[1].download_button(
        "PDF",
        lambda: _pdf(slug, deck.state),
        f"{slug}-slides.pdf",
        "application/pdf",
        icon=":material/download:",
        width="stretch",
        help="A page a slide.",
        on_click="ignore",
    )


@st.cache_data(max_entries=2, ttl="10m", show_spinner=False)
def _html(slug: str, state: str) -> str:
    from workflows.stories.html import as_html
    from workflows.stories.making import make_deck

    return as_html(make_deck(installation(), slug)).decode()


@st.cache_data(max_entries=1, ttl="10m", show_spinner=False)
def _pdf(slug: str, state: str) -> bytes:
    from workflows.stories.making import make_deck
    from workflows.stories.pages import as_pdf

    return as_pdf(make_deck(installation(), slug))

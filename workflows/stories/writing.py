"""Makes a project's story and writes it as files."""

from __future__ import annotations

from pathlib import Path

from rsqa_core.progress import Progress, no_progress
from workflows.documents import Written, write_documents
from workflows.opening import Installation
from workflows.stories.html import as_html
from workflows.stories.making import make_deck
from workflows.stories.pages import as_pdf

FORMATS = {".html": as_html, ".pdf": as_pdf}


def write_story(
    installation: Installation, slug: str, *paths: Path, progress: Progress = no_progress
) -> list[Written]:
    """Write the story of a project to every one of ``paths``, whose suffix says what it becomes.

    HTML is one file of slides that works without a network; PDF has a page a slide.

    Raises:
        InvalidInputError: a suffix is neither .html nor .pdf.
        NotFoundError: no such project.
    """
    return write_documents(lambda: make_deck(installation, slug, progress=progress), FORMATS, paths)

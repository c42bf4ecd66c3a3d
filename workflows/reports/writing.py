"""Makes a project's report and writes it as one file."""

from __future__ import annotations

from pathlib import Path

import rsqa_core
from rsqa_core.progress import Progress, no_progress
from workflows.documents import Written, write_documents
from workflows.opening import Installation
from workflows.reports import comparisons, sections
from workflows.reports.blocks import Report
from workflows.reports.facts import gather
from workflows.reports.html import as_html
from workflows.reports.pdf import as_pdf

FORMATS = {".html": as_html, ".pdf": as_pdf}


def write_report(
    installation: Installation, slug: str, *paths: Path, progress: Progress = no_progress
) -> list[Written]:
    """Write the report of a project to every one of ``paths``, whose suffix says what it becomes.

    HTML is one file with its pictures inside, PDF has pages of A4; both say the same.

    Raises:
        InvalidInputError: a suffix is neither .html nor .pdf.
        NotFoundError: no such project.
    """
    return write_documents(
        lambda: make_report(installation, slug, progress=progress), FORMATS, paths
    )


def make_report(
    installation: Installation, slug: str, *, progress: Progress = no_progress
) -> Report:
    """Return the report of a project, as it is at this moment.

    Raises:
        NotFoundError: no such project.
    """
    facts = gather(installation, slug)
    return Report(
        title=facts.project.name,
        subtitle=f"Quality of its segmentations, {facts.made_at:%d %B %Y, %H:%M} UTC, "
        f"RSQA {rsqa_core.__version__}",
        sections=(
            sections.overview(facts),
            sections.predicted(facts),
            sections.examples(installation, facts),
            comparisons.calibration(facts),
            *sections.random_slices(installation, facts),
            *sections.areas(installation, facts),
            comparisons.confusion(installation, facts, progress),
            comparisons.agreement(installation, facts, progress),
            sections.models(facts),
        ),
    )

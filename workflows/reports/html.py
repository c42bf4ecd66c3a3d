"""A report as one HTML file, which needs nothing beside it and no network."""

from __future__ import annotations

from pathlib import Path

from workflows.reports.blocks import Report
from workflows.templates import rendered

_TEMPLATE = Path(__file__).with_name("report.html.jinja")


def as_html(report: Report) -> bytes:
    """Return the report as UTF-8 HTML with its pictures inside."""
    return rendered(_TEMPLATE, report=report)

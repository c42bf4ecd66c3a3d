"""A report as one HTML file, which needs nothing beside it and no network."""

from __future__ import annotations

import base64
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from workflows.reports.blocks import Report


def as_html(report: Report) -> bytes:
    """Return the report as UTF-8 HTML with its pictures inside."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["inline"] = lambda content: base64.b64encode(content).decode()
    environment.filters["kind"] = lambda block: type(block).__name__
    page = environment.get_template("report.html.jinja").render(report=report)
    return page.encode()

"""Where the app keeps reports."""

from __future__ import annotations

from pathlib import Path

from rsqa_core.settings import Settings

SUFFIXES = (".pdf", ".html")


def kept_reports(settings: Settings, slug: str) -> list[Path]:
    """Return the files of the report that the app makes of a project, there or not."""
    return [settings.reports_dir / f"{slug}{suffix}" for suffix in SUFFIXES]

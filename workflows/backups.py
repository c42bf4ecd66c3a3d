"""Copies of the database that the app and the command line make."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from rsqa_core.errors import ConflictError
from rsqa_core.settings import Settings
from workflows.opening import Installation


def make_backup(installation: Installation, target: Path | None = None) -> Path:
    """Copy the database to ``target`` while it is in use, check the copy, and return where it is.

    Args:
        target: default: a file of today's in the installation's folder of backups.

    Raises:
        ConflictError: the file exists already.
        RsqaError: the copy is damaged.
    """
    stamp = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%SZ")
    path = target or installation.settings.backups_dir / f"rsqa-{stamp}.sqlite3"
    if path.exists():
        raise ConflictError(
            f"{path} exists already, and a backup replaces nothing. Choose another name or "
            "remove it."
        )
    installation.database.backup(path)
    return path


def kept_backups(settings: Settings) -> list[Path]:
    """Return the copies in the installation's folder of backups, newest first."""
    return sorted(settings.backups_dir.glob("rsqa-*.sqlite3"), reverse=True)

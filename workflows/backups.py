"""Copies of the database that the app and the command line make."""

from __future__ import annotations

import datetime as dt
import shutil
import tempfile
from contextlib import closing
from pathlib import Path

from db import open_database
from db.backup import require_whole
from db.sqlite_driver import load_driver
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
    stamp = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%S%fZ")
    path = target or installation.settings.backups_dir / f"rsqa-{stamp}.sqlite3"
    if path.exists():
        raise ConflictError(
            f"{path} exists already, and a backup replaces nothing. Choose another name or "
            "remove it."
        )
    installation.database.backup(path)
    return path


def restore_backup(installation: Installation, copy: Path) -> Path:
    """Put a copy in the place of the database and return where the database of before was kept.

    The app may go on: what it reads next is the copy's. A copy of an older RSQA is brought up to
    date on the way; the copy itself stays as it is.

    Raises:
        UnreadableFileError: it is no whole database of RSQA.
        RsqaError: it comes from a newer RSQA, or the database is locked; nothing was changed.
    """
    require_whole(copy)
    with tempfile.TemporaryDirectory(
        prefix=".restoring-", dir=installation.settings.home
    ) as folder:
        ready = Path(folder) / "copy.sqlite3"
        shutil.copyfile(copy, ready)
        open_database(ready).close()
        kept = make_backup(installation)
        installation.database.restore(ready)
    return kept


def decisions_of(copy: Path) -> int | None:
    """Return how many verdicts a copy holds; None where it cannot be read."""
    try:
        with closing(load_driver().connect(f"file:{copy}?mode=ro", uri=True)) as connection:
            return int(connection.execute("SELECT count(*) FROM verdict").fetchone()[0])
    except load_driver().Error:
        return None


def kept_backups(settings: Settings) -> list[Path]:
    """Return the copies in the installation's folder of backups, newest first."""
    return sorted(settings.backups_dir.glob("rsqa-*.sqlite3"), reverse=True)

"""Copies of a database in use, and how one takes its place."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from db.sqlite_driver import load_driver
from rsqa_core.errors import InvalidInputError, RsqaError, UnreadableFileError

PATIENCE_S = 10.0
"""How long a database that somebody else keeps locked is waited for."""
_LOCKED = (5, 6)  # SQLITE_BUSY, SQLITE_LOCKED


def copy_database(source: Path, target: Path) -> None:
    """Copy ``source`` to ``target`` through SQLite's online backup.

    The copy is one file without a journal, passes ``integrity_check``, and replaces ``target`` in
    one step, so a crash leaves the old target or the new one.

    Raises:
        InvalidInputError: both are the same file.
        RsqaError: the copy is damaged; ``target`` is untouched.
    """
    if target.exists() and target.samefile(source):
        raise InvalidInputError(
            f"Expected the backup to go to another file than the database {source} itself."
        )
    driver = load_driver()
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".partial-", suffix=".sqlite3")
    os.close(handle)
    partial = Path(name)
    try:
        reading = driver.connect(str(source))
        writing = driver.connect(name)
        try:
            reading.backup(writing)
            # The copy inherits write-ahead mode, which would spread it over three files.
            writing.execute("PRAGMA journal_mode = DELETE")
            problems = [row[0] for row in writing.execute("PRAGMA integrity_check")]
        finally:
            writing.close()
            reading.close()
        if problems != ["ok"]:
            raise RsqaError(
                f"The backup of {source} did not pass SQLite's integrity check: {problems[0]}. "
                f"{target} was left as it was; keep the last good backup."
            )
        with partial.open("rb") as stream:
            os.fsync(stream.fileno())
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def restore_database(copy: Path, target: Path) -> None:
    """Give the database ``target`` the content of ``copy``, while ``target`` may be in use.

    It is one write transaction: whoever reads meanwhile sees the old state or the new one, and a
    crash leaves one of both.

    Raises:
        InvalidInputError: both are the same file.
        UnreadableFileError: ``copy`` is no whole database of RSQA; ``target`` is untouched.
        RsqaError: somebody else kept ``target`` locked for PATIENCE_S; it is as it was.
    """
    require_whole(copy)
    if target.exists() and target.samefile(copy):
        raise InvalidInputError(f"Expected another file than the database {target} itself.")
    driver = load_driver()
    reading, writing = driver.connect(f"file:{copy}?mode=ro", uri=True), driver.connect(str(target))
    try:
        writing.execute("PRAGMA synchronous = FULL")
        writing.execute("PRAGMA busy_timeout = 0")  # the copying itself tries again
        reading.backup(writing, progress=_patience(target))
    finally:
        writing.close()
        reading.close()


def _patience(target: Path) -> Callable[[int, int, int], None]:
    """Return what ends a copying that was locked out for too long; of itself it would never end."""
    end = time.monotonic() + PATIENCE_S

    def go_on(status: int, _left: int, _total: int) -> None:
        if status in _LOCKED and time.monotonic() > end:
            raise RsqaError(
                f"{target.name} was locked by another program for more than {PATIENCE_S:.0f} s. "
                "Nothing was changed; try again when nobody trains or imports."
            )

    return go_on


def require_whole(path: Path) -> None:
    """Check that ``path`` is a database of RSQA that passes ``integrity_check``.

    Raises:
        UnreadableFileError: it is not.
    """
    driver = load_driver()
    if not path.is_file():
        raise UnreadableFileError(f"There is no file {path}. Name a copy that `rsqa backup` made.")
    connection = driver.connect(f"file:{path}?mode=ro", uri=True)
    try:
        problems = [row[0] for row in connection.execute("PRAGMA integrity_check")]
        connection.execute("SELECT version_num FROM alembic_version")  # an empty file is whole, too
    except driver.DatabaseError as error:
        raise UnreadableFileError(
            f"{path} is not a readable database of RSQA ({error}). Name a copy that `rsqa backup` "
            "made."
        ) from error
    finally:
        connection.close()
    if problems != ["ok"]:
        raise UnreadableFileError(
            f"{path} is damaged ({problems[0]}). Take an older copy; nothing was changed."
        )

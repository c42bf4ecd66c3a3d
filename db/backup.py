"""Copies of a database in use."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from db.sqlite_driver import load_driver
from rsqa_core.errors import InvalidInputError, RsqaError


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

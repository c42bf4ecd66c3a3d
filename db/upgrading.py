"""Brings a database to the newest version of the tables, without ever losing rows."""

from __future__ import annotations

import datetime as dt
import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.pool import NullPool

from db.backup import copy_database
from rsqa_core.errors import RsqaError, UnreadableFileError

HEAD_REVISION = "0013"
"""The newest migration; kept here because asking Alembic costs far more than opening."""

MIGRATIONS = Path(__file__).parent / "migrations"


def bring_up_to_date(
    engine: Engine, path: Path, *, head: str = HEAD_REVISION, migrations: Path = MIGRATIONS
) -> None:
    """Create or migrate the database behind ``engine`` to ``head``; at once when it is there.

    Safe when several processes do it at the same time: one works, the others wait.

    Raises:
        UnreadableFileError: the file is not an SQLite database.
        RsqaError: the database is newer than ``head``, or the migration failed; it is then as it
            was before.
    """
    try:
        if _is_ready(engine, head):
            return
        with _alone(path):
            if not _is_ready(engine, head):
                _migrate(engine, path, head, migrations)
    except DatabaseError as error:
        if "not a database" in str(error.orig) or "malformed" in str(error.orig):
            raise UnreadableFileError(
                f"{path} is not a readable SQLite database ({error.orig}). "
                "Move it away to start anew, or put a backup in its place."
            ) from error
        raise


def _is_ready(engine: Engine, head: str) -> bool:
    # Not the engine's usual BEGIN IMMEDIATE: opening must not wait for somebody who writes.
    with engine.execution_options(rsqa_begin="DEFERRED").connect() as connection:
        mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar()
        return mode == "wal" and _revision(connection) == head


def _revision(connection: Connection) -> str | None:
    try:
        found: str | None = connection.exec_driver_sql(
            "SELECT version_num FROM alembic_version"
        ).scalar()
    except OperationalError as error:
        if "no such table" not in str(error.orig):
            raise
        return None
    return found


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    # A file lock and not SQLite's own: switching to write-ahead mode does not wait for others.
    with path.with_name(path.name + ".lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _migrate(engine: Engine, path: Path, head: str, migrations: Path) -> None:
    # With foreign keys on, rebuilding a table in SQLite removes every child row by cascade, and
    # the pragma does nothing inside a transaction: hence an engine of its own, off from the start.
    working = create_engine(engine.url, module=engine.dialect.dbapi, poolclass=NullPool)
    event.listen(working, "connect", _set_up_for_migration)
    event.listen(working, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    with working.connect() as connection:
        start = _revision(connection)
        before = _row_counts(connection)
    if start is not None and any(before.values()):
        stamp = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%S%fZ")
        copy_database(path, path.parent / "backups" / f"before-{head}-{stamp}.sqlite3")
    with working.begin() as connection:
        _run_migrations(connection, path, start, head, migrations)
        _require_intact(connection, path, before)


def _set_up_for_migration(connection: object, _record: object) -> None:
    connection.isolation_level = None  # type: ignore[attr-defined]
    for pragma in ("busy_timeout = 10000", "foreign_keys = OFF", "journal_mode = WAL"):
        connection.execute(f"PRAGMA {pragma}")  # type: ignore[attr-defined]


def _run_migrations(
    connection: Connection, path: Path, start: str | None, head: str, migrations: Path
) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    # ConfigParser reads % as its own sign; a folder may have one in its name.
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if start is not None and start not in known:
        raise RsqaError(
            f"The database {path} has version {start!r}, which this RSQA does not know (newest: "
            f"{head!r}). It was written by a newer RSQA: update RSQA, or restore a backup."
        )
    config.attributes["connection"] = connection
    command.upgrade(config, head)


def _row_counts(connection: Connection) -> dict[str, int]:
    names = connection.exec_driver_sql(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' "
        "AND name <> 'alembic_version'"
    ).scalars()
    return {
        name: connection.exec_driver_sql(f'SELECT count(*) FROM "{name}"').scalar_one()  # noqa: S608
        for name in names.all()
    }


def _require_intact(connection: Connection, path: Path, before: dict[str, int]) -> None:
    after = _row_counts(connection)
    fewer = {name: (n, after[name]) for name, n in before.items() if after.get(name, n) < n}
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    if fewer or broken:
        detail = ", ".join(f"{name}: {n} rows became {m}" for name, (n, m) in fewer.items())
        raise RsqaError(
            f"Bringing {path} up to date would lose data ({detail or f'{len(broken)} rows lost their parent'})."  # noqa: E501
            " Nothing was changed; please report this with the version you came from."
        )

"""One open database: its engine, its transactions and its backup."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from db.backup import PATIENCE_S, copy_database, restore_database
from db.sqlite_driver import load_driver
from rsqa_core.errors import ConflictError

BUSY_TIMEOUT_S = PATIENCE_S


class Database:
    """Transactions on one SQLite file; safe to share between threads.

    Make one with `open_database`. Processes each open their own.
    """

    def __init__(self, path: Path, engine: Engine) -> None:
        self.path = path
        self._engine = engine
        self._writing = engine.execution_options(rsqa_begin="IMMEDIATE")
        self._reading = engine.execution_options(rsqa_begin="DEFERRED")
        # SQLite's own waiting is unfair: under load one thread starves beside another that
        # commits hundreds of times. Threads of this process queue here instead.
        self._turn = threading.Lock()
        self._writer: int | None = None

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """Give a session in a write transaction; commits at the end, rolls back on an error.

        Raises:
            ConflictError: another program holds the write lock for too long, or a row changed
                since it was read.
        """
        if self._writer == threading.get_ident():
            raise RuntimeError("begin() inside begin() would wait for itself; pass the session on")
        if not self._turn.acquire(timeout=3 * BUSY_TIMEOUT_S):
            raise _busy(self.path)
        self._writer = threading.get_ident()
        try:
            with Session(self._writing, expire_on_commit=False) as session, session.begin():
                session.connection()  # takes the lock now, so that what is read stays true
                yield session
        except StaleDataError as error:
            raise ConflictError(
                "The same row was changed in between; nothing was written. Reload and try again."
            ) from error
        except OperationalError as error:
            if "database is locked" in str(error.orig):
                raise _busy(self.path) from error
            raise
        finally:
            self._writer = None
            self._turn.release()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Give a session that sees one unchanging state of the data; writing in it fails."""
        with Session(self._reading, expire_on_commit=False) as session:
            yield session

    def backup(self, target: Path) -> None:
        """Copy the database to ``target`` while it is in use; verified, then put in place whole.

        Raises:
            InvalidInputError: ``target`` is the database itself.
            RsqaError: the copy does not pass the integrity check.
        """
        copy_database(self.path, target)

    def restore(self, copy: Path) -> None:
        """Take over the content of ``copy``, a database of this version, as one write transaction.

        Raises:
            InvalidInputError: ``copy`` is the database itself.
            UnreadableFileError: it is no whole database of RSQA.
            RsqaError: another program kept the database locked; nothing was changed.
        """
        with self._turn:
            restore_database(copy, self.path)

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()


def _busy(path: Path) -> ConflictError:
    return ConflictError(
        f"The database {path.name} was locked by another program for more than "
        f"{BUSY_TIMEOUT_S:.0f} s; nothing was written. Wait for it to finish and try again."
    )


def make_engine(path: Path) -> Engine:
    """Return an engine on the file ``path`` whose transactions start as RSQA needs them."""
    engine = create_engine(
        URL.create("sqlite+pysqlite", database=str(path)),
        module=load_driver(),
        connect_args={"timeout": BUSY_TIMEOUT_S},
        pool_size=8,
        max_overflow=32,
    )
    event.listen(engine, "connect", _set_up_connection)
    event.listen(engine, "begin", _begin)
    return engine


def _set_up_connection(connection: Any, _record: object) -> None:
    # The driver's own BEGIN comes late and is deferred, which loses 70-80 % of concurrent
    # read-modify-write transactions to "database is locked"; `_begin` sends it instead.
    connection.isolation_level = None
    for pragma in (
        "synchronous = FULL",  # labels are expert hours; NORMAL may lose the last ones
        "foreign_keys = ON",
        "recursive_triggers = ON",
        f"busy_timeout = {BUSY_TIMEOUT_S * 1000:.0f}",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    mode = connection.get_execution_options().get("rsqa_begin", "IMMEDIATE")
    # Writing in a read transaction fails at once instead of vanishing with its rollback.
    reading = mode == "DEFERRED"
    connection.exec_driver_sql(f"PRAGMA query_only = {'ON' if reading else 'OFF'}")
    connection.exec_driver_sql(f"BEGIN {mode}")


def open_database(path: Path) -> Database:
    """Open the database at ``path``: made when missing, brought up to date when older.

    An older database with rows is first copied to ``backups/`` beside it.

    Raises:
        UnreadableFileError: the file is not an SQLite database.
        RsqaError: no safe SQLite library is installed, the database was written by a newer
            RSQA, or bringing it up to date failed (it is then as it was).
    """
    from db.upgrading import bring_up_to_date

    path.parent.mkdir(parents=True, exist_ok=True)
    engine = make_engine(path)
    try:
        bring_up_to_date(engine, path)
    except BaseException:
        engine.dispose()
        raise
    return Database(path, engine)

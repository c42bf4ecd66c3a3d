"""Alembic's entry: runs the migrations on the connection that `db.upgrading` hands over.

For developers, ``alembic -c db/alembic.ini revision --autogenerate -m "..."`` compares the mapped
classes with the up-to-date database that RSQA_HOME names and writes a migration. Applying it is
left to `db.open_database`, which keeps foreign keys off, makes a backup and counts rows.
"""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from db.append_only import create_triggers, drop_triggers
from db.engine import make_engine
from db.tables import Row
from rsqa_core.errors import InvalidInputError
from rsqa_core.settings import read_settings


def run() -> None:
    """Do what Alembic was asked for."""
    connection = context.config.attributes.get("connection")
    if connection is not None:
        _migrate(connection)
        return
    if not getattr(context.config.cmd_opts, "autogenerate", False):
        raise InvalidInputError(
            "Only `revision --autogenerate` works through Alembic's own command. To migrate a "
            "database, set HEAD_REVISION in db/upgrading.py and open it."
        )
    with make_engine(read_settings().database_path).connect() as compared:
        _configure(compared)
        context.run_migrations()


def _configure(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Row.metadata,
        render_as_batch=True,  # SQLite cannot alter columns in place
    )


def _migrate(connection: Connection) -> None:
    # Rebuilding a table removes its triggers, and fails while another's trigger names it. So no
    # migration sees one, and the code's own list holds afterwards.
    drop_triggers(connection)
    _configure(connection)
    with context.begin_transaction():
        context.run_migrations()
    create_triggers(connection)


if __name__ == "env_py":  # the name under which Alembic loads this file; tests only import it
    run()

"""Alembic's entry: runs the migrations on the connection that `db.upgrading` hands over.

For developers, ``alembic -c db/alembic.ini revision --autogenerate`` works on the database that
RSQA_HOME names.
"""

from __future__ import annotations

from alembic import context

import db.append_only  # noqa: F401 (its triggers belong to the metadata)
from db.engine import make_engine
from db.tables import Row
from rsqa_core.settings import read_settings


def run() -> None:
    """Run the migrations that Alembic asked for."""
    connection = context.config.attributes.get("connection")
    if connection is None:
        connection = make_engine(read_settings().database_path).connect()
    context.configure(
        connection=connection,
        target_metadata=Row.metadata,
        render_as_batch=True,  # SQLite cannot alter columns in place
    )
    with context.begin_transaction():
        context.run_migrations()


if __name__ == "env_py":  # the name under which Alembic loads this file; tests only import it
    run()

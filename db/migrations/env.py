"""Alembic's entry: runs the migrations on the connection that `db.upgrading` hands over.

For developers, ``alembic -c db/alembic.ini revision --autogenerate`` works on the database that
RSQA_HOME names.
"""

from __future__ import annotations

from alembic import context

from db.append_only import create_triggers, drop_triggers
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
    # Rebuilding a table removes its triggers, and fails while another's trigger names it. So no
    # migration sees one, and the code's own list holds afterwards.
    drop_triggers(connection)
    with context.begin_transaction():
        context.run_migrations()
    create_triggers(connection)


if __name__ == "env_py":  # the name under which Alembic loads this file; tests only import it
    run()

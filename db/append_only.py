"""The triggers that make verdicts append-only, also for programs other than this one.

A verdict row can go only together with its whole project: SQLite removes the project row first and
then, through the foreign key, its verdicts, so the trigger lets a DELETE pass only when the parent
project is gone. The trigger on INSERT closes the way round through INSERT OR REPLACE, which removes
rows without firing triggers on DELETE.
"""

from __future__ import annotations

from sqlalchemy import Connection, event, inspect

from db.tables import VerdictRow

TRIGGERS: tuple[str, ...] = (
    """CREATE TRIGGER verdict_no_update BEFORE UPDATE ON verdict
BEGIN
  SELECT RAISE(ABORT, 'verdicts are append-only: record a new row that supersedes this one');
END""",
    """CREATE TRIGGER verdict_no_delete BEFORE DELETE ON verdict
WHEN EXISTS (SELECT 1 FROM project WHERE id = OLD.project_id)
BEGIN
  SELECT RAISE(ABORT, 'verdicts are append-only: they go only together with their project');
END""",
    """CREATE TRIGGER verdict_no_replace BEFORE INSERT ON verdict
WHEN EXISTS (SELECT 1 FROM verdict WHERE id = NEW.id OR seq = NEW.seq)
BEGIN
  SELECT RAISE(ABORT, 'verdicts are append-only: this id is taken');
END""",
)


def drop_triggers(connection: Connection) -> None:
    """Drop every trigger of the database, whatever version it comes from."""
    names = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'")
    for name in names.scalars().all():
        connection.exec_driver_sql(f'DROP TRIGGER "{name}"')


def create_triggers(connection: Connection) -> None:
    """Create the triggers where the table exists that they guard."""
    if inspect(connection).has_table(VerdictRow.__tablename__):
        for statement in TRIGGERS:
            connection.exec_driver_sql(statement)


@event.listens_for(VerdictRow.__table__, "after_create")
def _after_create(target: object, connection: Connection, **_: object) -> None:
    create_triggers(connection)

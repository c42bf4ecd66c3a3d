"""The triggers that make rows of what people said append-only, also for programs other than this.

A row can go only together with its parent (a verdict with its project, an answer with its survey):
SQLite removes the parent first and then, through the foreign key, its rows, so the trigger lets a
DELETE pass only when the parent is gone. The trigger on INSERT closes the way round through INSERT
OR REPLACE, which removes rows without firing triggers on DELETE.
"""

from __future__ import annotations

from sqlalchemy import Connection, event, inspect

from db.tables import AdjudicationRow, SurveyAnswerRow, VerdictRow


def _triggers(table: str, words: str, parent: str, parent_there: str) -> tuple[str, ...]:
    return (
        f"""CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table}
BEGIN
  SELECT RAISE(ABORT, '{words} are append-only: record a new row instead');
END""",
        f"""CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table}
WHEN EXISTS ({parent_there})
BEGIN
  SELECT RAISE(ABORT, '{words} are append-only: they go only together with their {parent}');
END""",
        f"""CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table}
WHEN EXISTS (SELECT 1 FROM {table} WHERE id = NEW.id OR seq = NEW.seq)
BEGIN
  SELECT RAISE(ABORT, '{words} are append-only: this id is taken');
END""",  # noqa: S608 - all names are this module's own
    )


TRIGGERS: dict[str, tuple[str, ...]] = {
    VerdictRow.__tablename__: _triggers(
        "verdict", "verdicts", "project", "SELECT 1 FROM project WHERE id = OLD.project_id"
    ),
    AdjudicationRow.__tablename__: _triggers(
        "adjudication",
        "decided disputes",
        "project",
        "SELECT 1 FROM project WHERE id = OLD.project_id",
    ),
    # A project takes its images first, whose points take their answers while the survey is there.
    SurveyAnswerRow.__tablename__: _triggers(
        "survey_answer",
        "answers",
        "survey",
        "SELECT 1 FROM survey JOIN project ON project.id = survey.project_id"
        " WHERE survey.id = OLD.survey_id",
    ),
}
"""By table."""


def drop_triggers(connection: Connection) -> None:
    """Drop every trigger of the database, whatever version it comes from."""
    names = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'")
    for name in names.scalars().all():
        connection.exec_driver_sql(f'DROP TRIGGER "{name}"')


def create_triggers(connection: Connection) -> None:
    """Create the triggers of the tables that exist."""
    for table, statements in TRIGGERS.items():
        if inspect(connection).has_table(table):
            for statement in statements:
                connection.exec_driver_sql(statement)


@event.listens_for(AdjudicationRow.__table__, "after_create")
@event.listens_for(SurveyAnswerRow.__table__, "after_create")
@event.listens_for(VerdictRow.__table__, "after_create")
def _after_create(target: object, connection: Connection, **_: object) -> None:
    for statement in TRIGGERS[str(target)]:
        connection.exec_driver_sql(statement)

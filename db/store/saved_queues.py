"""Queues of a project that somebody gave a name."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.store.naming import plain_name
from db.store.projects import get_by_id
from db.tables import SavedQueueRow
from rsqa_core.errors import InvalidInputError, NotFoundError
from rsqa_core.saved_queues import LONGEST_NAME, MOST_QUEUES, SavedQueue


def put(
    session: Session,
    project_id: int,
    *,
    name: str,
    parameters: Mapping[str, str],
    saved_by: str,
) -> SavedQueue:
    """Keep a queue under a name; one of that name is replaced.

    Raises:
        NotFoundError: there is no such project.
        InvalidInputError: the name is empty or too long, or the project has too many queues.
    """
    get_by_id(session, project_id)
    name = plain_name(name, LONGEST_NAME)
    row = session.get(SavedQueueRow, (project_id, name))
    if row is None:
        if len(all_of(session, project_id)) >= MOST_QUEUES:
            raise InvalidInputError(
                f"The project has {MOST_QUEUES} saved queues already. Remove one first."
            )
        row = SavedQueueRow(project_id=project_id, name=name)
        session.add(row)
    row.parameters, row.saved_by = dict(parameters), saved_by
    session.flush()
    return row.record()


def all_of(session: Session, project_id: int) -> list[SavedQueue]:
    """Return a project's saved queues by name."""
    rows = session.scalars(
        select(SavedQueueRow)
        .where(SavedQueueRow.project_id == project_id)
        .order_by(SavedQueueRow.name)
    )
    return [row.record() for row in rows]


def remove(session: Session, project_id: int, name: str) -> None:
    """Forget a saved queue.

    Raises:
        NotFoundError: the project has none of that name.
    """
    row = session.get(SavedQueueRow, (project_id, name))
    if row is None:
        known = [one.name for one in all_of(session, project_id)]
        raise NotFoundError.named("saved queue", name, known)
    session.delete(row)
    session.flush()

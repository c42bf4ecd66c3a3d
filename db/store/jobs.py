"""Jobs: long tasks in processes of their own, and how far they are."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.tables import JobRow
from rsqa_core.errors import InvalidInputError, NotFoundError
from rsqa_core.records import Job, JobState

_FINAL: tuple[JobState, ...] = ("done", "failed", "cancelled")


def create(session: Session, kind: str, project_id: int | None) -> Job:
    """Record a job that waits to be started."""
    row = JobRow(kind=kind, project_id=project_id)
    session.add(row)
    session.flush()
    return row.record()


def update(
    session: Session,
    job_id: int,
    *,
    state: JobState | None = None,
    step: str | None = None,
    done: int | None = None,
    total: int | None = None,
    message: str | None = None,
    result: dict[str, Any] | None = None,
    pid: int | None = None,
) -> Job:
    """Change what is given of a job and return it as it is then.

    A job that has ended keeps its state, message and result: the end that was recorded first
    counts, so that whoever finds the process gone cannot turn a success into a failure.

    Raises:
        NotFoundError: there is no such job.
        InvalidInputError: done or total is negative.
    """
    row = _row(session, job_id)
    for name, count in (("done", done), ("total", total)):
        if count is not None and count < 0:
            raise InvalidInputError(f"Expected `{name}` of a job to be 0 or more, but got {count}.")
    if row.state not in _FINAL:
        given: dict[str, Any] = {"state": state, "step": step, "done": done, "total": total}
        given |= {"message": message, "result": result}
        for name, value in given.items():
            if value is not None:
                setattr(row, name, value)
        if row.state in _FINAL:
            row.finished_at = dt.datetime.now(dt.UTC)
    if pid is not None:
        row.pid = pid
    session.flush()
    return row.record()


def _row(session: Session, job_id: int) -> JobRow:
    row = session.get(JobRow, job_id)
    if row is None:
        raise NotFoundError(
            f"There is no job with the id {job_id}. Its project may have been deleted."
        )
    return row


def get(session: Session, job_id: int) -> Job:
    """Return one job.

    Raises:
        NotFoundError: there is none with this id.
    """
    return _row(session, job_id).record()


def latest(session: Session, kind: str, project_id: int | None) -> Job | None:
    """Return the newest job of a kind in a project, None when there was none."""
    row = session.scalar(
        select(JobRow)
        .where(JobRow.kind == kind, JobRow.project_id == project_id)
        .order_by(JobRow.id.desc())
        .limit(1)
    )
    return None if row is None else row.record()


def running(session: Session) -> list[Job]:
    """Return the jobs that wait or run, oldest first."""
    rows = session.scalars(
        select(JobRow).where(JobRow.state.in_(("queued", "running"))).order_by(JobRow.id)
    )
    return [row.record() for row in rows]


def request_cancel(session: Session, job_id: int) -> None:
    """Ask a job to stop at its next step.

    Raises:
        NotFoundError: there is no such job.
    """
    _row(session, job_id).cancel_requested = True
    session.flush()

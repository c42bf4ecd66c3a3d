"""Jobs."""

from __future__ import annotations

import datetime as dt
from typing import Any, get_args

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from db.tables.base import Row, now, one_of, project_id_column
from rsqa_core.records import (
    Job,
    JobState,
)


class JobRow(Row):
    __tablename__ = "job"
    __table_args__ = (
        one_of("state", get_args(JobState)),
        Index("ix_job_project_id_kind", "project_id", "kind", "id"),
        Index("ix_job_state", "state"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    project_id: Mapped[int | None] = project_id_column(nullable=True)
    state: Mapped[JobState] = mapped_column(default="queued")
    step: Mapped[str] = mapped_column(default="")
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    message: Mapped[str] = mapped_column(default="")
    result: Mapped[dict[str, Any]] = mapped_column(default=dict)
    pid: Mapped[int | None]
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    finished_at: Mapped[dt.datetime | None]

    def record(self) -> Job:
        return Job(
            id=self.id,
            kind=self.kind,
            project_id=self.project_id,
            state=self.state,
            step=self.step,
            done=self.done,
            total=self.total,
            message=self.message,
            result=dict(self.result),
            pid=self.pid,
            cancel_requested=self.cancel_requested,
            created_at=self.created_at,
            finished_at=self.finished_at,
        )

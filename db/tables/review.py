"""Reviewers and what they said."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from db.tables.base import Row, now, one_of, project_id_column, unit_interval
from rsqa_core.records import (
    VERDICT_KINDS,
    ErrorMarks,
    PointCheck,
    Verdict,
    VerdictKind,
)


class ReviewerRow(Row):
    __tablename__ = "reviewer"
    __table_args__ = (CheckConstraint("length(name) BETWEEN 1 AND 80", name="name_length"),)

    name: Mapped[str] = mapped_column(primary_key=True)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)


class VerdictRow(Row):
    """Append-only: triggers refuse UPDATE and DELETE (see ``db.append_only``).

    ``seq`` is the order in which rows were recorded; clocks that step back do not change it.
    """

    __tablename__ = "verdict"
    __table_args__ = (
        one_of("kind", VERDICT_KINDS),
        *unit_interval("score", "score_shown", "low", "high"),
        CheckConstraint(
            "(kind IN ('confirm', 'correct')) = (score IS NOT NULL)", name="score_where_due"
        ),
        CheckConstraint(
            "kind NOT IN ('confirm', 'correct') OR candidate_id IS NOT NULL",
            name="candidate_where_due",
        ),
        CheckConstraint("kind <> 'undo' OR supersedes_id IS NOT NULL", name="undo_names_its_row"),
        CheckConstraint("time_spent_s >= 0", name="time_positive"),
        Index("ix_verdict_project_id_seq", "project_id", "seq"),
        Index("ix_verdict_image_id_seq", "image_id", "seq"),
        Index(
            "uq_verdict_undone_once",
            "supersedes_id",
            unique=True,
            sqlite_where=text("kind = 'undo'"),
        ),
        {"sqlite_autoincrement": True},
    )

    seq: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(unique=True)
    project_id: Mapped[int] = project_id_column()
    # No cascade from image and candidate: what has a verdict goes only with its whole project.
    image_id: Mapped[int] = mapped_column(ForeignKey("image.id"))
    candidate_id: Mapped[int | None] = mapped_column(ForeignKey("candidate.id"), index=True)
    candidate_version: Mapped[int | None]
    reviewer: Mapped[str] = mapped_column(ForeignKey("reviewer.name"), index=True)
    kind: Mapped[VerdictKind]
    score: Mapped[float | None]
    note: Mapped[str]
    head_id: Mapped[str | None] = mapped_column(ForeignKey("head.id"), index=True)
    score_shown: Mapped[float | None]
    score_visible: Mapped[bool]
    time_spent_s: Mapped[float]
    supersedes_id: Mapped[str | None] = mapped_column(ForeignKey("verdict.id"), index=True)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    low: Mapped[float | None]
    high: Mapped[float | None]
    point_check: Mapped[dict[str, Any] | None]
    marks: Mapped[dict[str, Any] | None]
    acceptance_id: Mapped[int | None] = mapped_column(ForeignKey("acceptance.id"), index=True)

    def record(self) -> Verdict:
        check, marks = self.point_check, self.marks
        return Verdict(
            id=self.id,
            project_id=self.project_id,
            image_id=self.image_id,
            reviewer=self.reviewer,
            kind=self.kind,
            candidate_id=self.candidate_id,
            score=self.score,
            note=self.note,
            head_id=self.head_id,
            score_shown=self.score_shown,
            score_visible=self.score_visible,
            time_spent_s=self.time_spent_s,
            supersedes_id=self.supersedes_id,
            created_at=self.created_at,
            low=self.low,
            high=self.high,
            point_check=None if check is None else point_check_of(check),
            marks=None if marks is None else error_marks_of(marks),
            acceptance_id=self.acceptance_id,
        )


def point_check_of(stored: dict[str, Any]) -> PointCheck:
    """Return the record of a stored point check."""
    return PointCheck(stored["design"], stored["seed"], tuple(stored["answers"]))


def error_marks_of(stored: dict[str, Any]) -> ErrorMarks:
    """Return the record of stored marks."""
    height, width = stored["size"]
    return ErrorMarks((height, width), stored["counts"])

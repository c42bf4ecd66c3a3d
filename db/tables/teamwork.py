"""Roles of reviewers, decided disputes, and images that are kept for somebody."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from db.tables.base import Row, now, one_of, project_id_column, unit_interval
from rsqa_core.teamwork import ROLES, Adjudication, Overlap, Role


class RoleRow(Row):
    """A role that is not the usual one; who has no row is a reviewer."""

    __tablename__ = "role"
    __table_args__ = (one_of("role", ROLES),)

    reviewer: Mapped[str] = mapped_column(ForeignKey("reviewer.name"), primary_key=True)
    role: Mapped[str]
    given_by: Mapped[str]
    given_at: Mapped[dt.datetime] = mapped_column(default=now)


class AdjudicationRow(Row):
    """Only ever added: triggers refuse UPDATE and DELETE (see ``db.append_only``)."""

    __tablename__ = "adjudication"
    __table_args__ = (
        *unit_interval("score"),
        Index("ix_adjudication_project_id_seq", "project_id", "seq"),
        {"sqlite_autoincrement": True},
    )

    seq: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(unique=True)
    project_id: Mapped[int] = project_id_column()
    image_id: Mapped[int] = mapped_column(ForeignKey("image.id", ondelete="CASCADE"))
    candidate_id: Mapped[int] = mapped_column(
        ForeignKey("candidate.id", ondelete="CASCADE"), index=True
    )
    candidate_version: Mapped[int]
    adjudicator: Mapped[str] = mapped_column(ForeignKey("reviewer.name"))
    score: Mapped[float | None]
    note: Mapped[str]
    made_at: Mapped[dt.datetime] = mapped_column(default=now)

    def record(self) -> Adjudication:
        return Adjudication(
            id=self.id,
            project_id=self.project_id,
            image_id=self.image_id,
            candidate_id=self.candidate_id,
            adjudicator=self.adjudicator,
            score=self.score,
            note=self.note,
            made_at=self.made_at,
        )


class LeaseRow(Row):
    """An image that somebody has on screen or next; it runs out by itself."""

    __tablename__ = "lease"
    __table_args__ = (Index("ix_lease_project_id_reviewer", "project_id", "reviewer"),)

    image_id: Mapped[int] = mapped_column(
        ForeignKey("image.id", ondelete="CASCADE"), primary_key=True
    )
    project_id: Mapped[int] = project_id_column()
    reviewer: Mapped[str] = mapped_column(ForeignKey("reviewer.name"))
    until: Mapped[dt.datetime]


class OverlapRow(Row):
    """Which images two people decide on; a project without a row has none."""

    __tablename__ = "overlap"
    __table_args__ = (*unit_interval("share", "wider_than"),)

    project_id: Mapped[int] = mapped_column(
        ForeignKey("project.id", ondelete="CASCADE"), primary_key=True
    )
    share: Mapped[float]
    wider_than: Mapped[float | None]

    def record(self) -> Overlap:
        return Overlap(self.share, self.wider_than)


def role_of(row: RoleRow | None) -> Role:
    """Return the role that a row gives, that of a reviewer without one."""
    return "reviewer" if row is None else row.role  # type: ignore[return-value]

"""Heads, their scores and which of them was current when."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from db.column_types import FiniteJson
from db.tables.base import Row, now, unit_interval
from rsqa_core.records import (
    HeadRecord,
    Promotion,
    Score,
)


class HeadRow(Row):
    __tablename__ = "head"
    __table_args__ = (CheckConstraint("label_count >= 0", name="label_count_positive"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[int | None] = mapped_column(
        ForeignKey("project.id", ondelete="CASCADE"), index=True
    )
    parent_id: Mapped[str | None] = mapped_column(
        ForeignKey("head.id", ondelete="SET NULL"), index=True
    )
    path: Mapped[str]
    sha256: Mapped[str]
    encoder_fingerprint: Mapped[str]
    label_count: Mapped[int]
    # Held-out predictions make it large, and most who ask for a head do not look at it.
    metrics: Mapped[dict[str, Any]] = mapped_column(deferred=True)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)

    def record(self) -> HeadRecord:
        return HeadRecord(
            id=self.id,
            project_id=self.project_id,
            parent_id=self.parent_id,
            path=self.path,
            sha256=self.sha256,
            encoder_fingerprint=self.encoder_fingerprint,
            label_count=self.label_count,
            metrics=dict(self.metrics),
            created_at=self.created_at,
        )


class ScoreRow(Row):
    __tablename__ = "score"
    __table_args__ = (
        *unit_interval("score", "low", "high", "mean_iou", "boundary_f1"),
        CheckConstraint("low <= high", name="interval_ordered"),
        {"sqlite_with_rowid": False},
    )

    candidate_id: Mapped[int] = mapped_column(
        ForeignKey("candidate.id", ondelete="CASCADE"), primary_key=True
    )
    head_id: Mapped[str] = mapped_column(
        ForeignKey("head.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    score: Mapped[float]
    low: Mapped[float]
    high: Mapped[float]
    alarms: Mapped[list[Any] | None] = mapped_column(FiniteJson(none_as_null=True))
    mean_iou: Mapped[float | None]
    boundary_f1: Mapped[float | None]
    class_iou: Mapped[list[Any] | None] = mapped_column(FiniteJson(none_as_null=True))

    def record(self) -> Score:
        return Score(
            candidate_id=self.candidate_id,
            head_id=self.head_id,
            score=self.score,
            low=self.low,
            high=self.high,
            alarms=tuple(self.alarms or ()),
            mean_iou=self.mean_iou,
            boundary_f1=self.boundary_f1,
            class_iou=tuple(self.class_iou or ()),
        )


class InformativeRow(Row):
    """How much a label of an image would teach a head; kept of all heads, as scores are."""

    __tablename__ = "informative"
    __table_args__ = (*unit_interval("value"), {"sqlite_with_rowid": False})

    image_id: Mapped[int] = mapped_column(
        ForeignKey("image.id", ondelete="CASCADE"), primary_key=True
    )
    head_id: Mapped[str] = mapped_column(
        ForeignKey("head.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    value: Mapped[float]


class PromotionRow(Row):
    __tablename__ = "promotion"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(
        ForeignKey("project.id", ondelete="CASCADE"), index=True
    )
    head_id: Mapped[str] = mapped_column(ForeignKey("head.id"), index=True)
    previous_head_id: Mapped[str | None] = mapped_column(ForeignKey("head.id"), index=True)
    # Tells a step back from a promotion of an older head, so that two steps back lead further.
    is_rollback: Mapped[bool]
    reviewer: Mapped[str] = mapped_column(ForeignKey("reviewer.name"))
    created_at: Mapped[dt.datetime] = mapped_column(default=now)

    def record(self) -> Promotion:
        return Promotion(
            id=self.id,
            project_id=self.project_id,
            head_id=self.head_id,
            previous_head_id=self.previous_head_id,
            reviewer=self.reviewer,
            created_at=self.created_at,
        )

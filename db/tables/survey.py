"""Area surveys, their points and what was answered."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from db.tables.base import Row, now, one_of, project_id_column
from rsqa_core.surveys import Survey, SurveyAnswer, SurveyPoint


class SurveyRow(Row):
    __tablename__ = "survey"
    __table_args__ = (
        UniqueConstraint("project_id", "name"),
        one_of("unit", ("m2", "px")),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = project_id_column()
    name: Mapped[str]
    seed: Mapped[int]
    unit: Mapped[str]
    mapped: Mapped[list[Any]]
    points: Mapped[int]
    images: Mapped[int]
    left_out: Mapped[int]
    drawn_by: Mapped[str]
    drawn_at: Mapped[dt.datetime] = mapped_column(default=now)

    def record(self) -> Survey:
        return Survey(
            id=self.id,
            project_id=self.project_id,
            name=self.name,
            seed=self.seed,
            unit=self.unit,
            mapped=tuple(float(area) for area in self.mapped),
            points=self.points,
            images=self.images,
            left_out=self.left_out,
            drawn_by=self.drawn_by,
            drawn_at=self.drawn_at,
        )


class SurveyPointRow(Row):
    __tablename__ = "survey_point"
    __table_args__ = ({"sqlite_with_rowid": False},)

    survey_id: Mapped[int] = mapped_column(
        ForeignKey("survey.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True)
    image_id: Mapped[int] = mapped_column(ForeignKey("image.id", ondelete="CASCADE"), index=True)
    candidate_id: Mapped[int]
    x_px: Mapped[int]
    y_px: Mapped[int]
    map_class: Mapped[int]

    def record(self) -> SurveyPoint:
        return SurveyPoint(
            image_id=self.image_id,
            candidate_id=self.candidate_id,
            x_px=self.x_px,
            y_px=self.y_px,
            map_class=self.map_class,
            survey_id=self.survey_id,
            number=self.number,
        )


class SurveyAnswerRow(Row):
    """Only ever added: the newest answer of a point holds, the earlier ones say how it came."""

    __tablename__ = "survey_answer"
    __table_args__ = (
        ForeignKeyConstraint(
            ["survey_id", "number"],
            ["survey_point.survey_id", "survey_point.number"],
            ondelete="CASCADE",
        ),
        Index("ix_survey_answer_survey_id_number", "survey_id", "number"),
        {"sqlite_autoincrement": True},
    )

    seq: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(unique=True)
    survey_id: Mapped[int]
    number: Mapped[int]
    class_id: Mapped[int | None]
    reviewer: Mapped[str] = mapped_column(ForeignKey("reviewer.name"))
    time_spent_s: Mapped[float]
    answered_at: Mapped[dt.datetime] = mapped_column(default=now)

    def record(self) -> SurveyAnswer:
        return SurveyAnswer(
            id=self.id,
            survey_id=self.survey_id,
            number=self.number,
            class_id=self.class_id,
            reviewer=self.reviewer,
            time_spent_s=self.time_spent_s,
            answered_at=self.answered_at,
        )

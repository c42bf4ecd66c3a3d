"""The tables as mapped classes; rows stay inside ``db``, ``record()`` is what leaves it.

Ids that others may keep for a while (open browser tabs, immutable addresses of pictures) are never
given out twice: those tables use AUTOINCREMENT.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, get_args

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    MetaData,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedColumn, mapped_column

from db.column_types import FiniteFloat, FiniteJson, UtcDateTime
from rsqa_core.records import (
    IMAGE_STATUSES,
    VERDICT_KINDS,
    Candidate,
    ClassDef,
    HeadRecord,
    ImageRecord,
    ImageStatus,
    Job,
    JobState,
    Origin,
    Project,
    Promotion,
    Score,
    Verdict,
    VerdictKind,
)

JOB_STATES: tuple[str, ...] = get_args(JobState)
ORIGINS: tuple[str, ...] = get_args(Origin)


def _one_of(column: str, values: tuple[str, ...]) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=f"{column}_known")


def _unit(*columns: str) -> list[CheckConstraint]:
    return [
        CheckConstraint(f"{column} BETWEEN 0 AND 1", name=f"{column}_unit") for column in columns
    ]


class Row(DeclarativeBase):
    """Base of the mapped classes; names every constraint, so that migrations can change it."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 (SQLAlchemy's own declaration)
        float: FiniteFloat,
        dt.datetime: UtcDateTime,
        dict[str, Any]: FiniteJson,
        list[Any]: FiniteJson,
        Origin: String,
        ImageStatus: String,
        VerdictKind: String,
        JobState: String,
    }


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _project_id(*, nullable: bool = False) -> MappedColumn[Any]:
    return mapped_column(ForeignKey("project.id", ondelete="CASCADE"), nullable=nullable)


class ProjectRow(Row):
    __tablename__ = "project"
    __table_args__ = (_one_of("origin", ORIGINS), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    description: Mapped[str]
    origin: Mapped[Origin]
    classes: Mapped[list[Any]]
    class_map: Mapped[dict[str, Any]]
    ignored: Mapped[list[Any]]
    active_head_id: Mapped[str | None] = mapped_column(
        # Projects and heads name each other; use_alter lets SQLAlchemy order their creation.
        ForeignKey("head.id", ondelete="SET NULL", use_alter=True)
    )
    created_at: Mapped[dt.datetime] = mapped_column(default=_now)
    version: Mapped[int] = mapped_column()

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012

    def record(self) -> Project:
        return Project(
            id=self.id,
            slug=self.slug,
            name=self.name,
            description=self.description,
            origin=self.origin,
            classes=tuple(
                ClassDef(id=c["id"], name=c["name"], color=tuple(c["color"])) for c in self.classes
            ),
            class_map=dict(self.class_map),
            ignored=tuple(self.ignored),
            active_head_id=self.active_head_id,
            created_at=self.created_at,
            version=self.version,
        )


class ImageRow(Row):
    __tablename__ = "image"

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = _project_id()
    name: Mapped[str]
    scene: Mapped[str]
    sha256: Mapped[str]
    source_name: Mapped[str]
    source_sha256: Mapped[str]
    source_width_px: Mapped[int]
    source_height_px: Mapped[int]
    x_px: Mapped[int]
    y_px: Mapped[int]
    width_px: Mapped[int]
    height_px: Mapped[int]
    bands: Mapped[int]
    dtype: Mapped[str]
    tile_path: Mapped[str]
    display_path: Mapped[str]
    stretch: Mapped[list[Any]]
    crs: Mapped[str | None]
    transform: Mapped[list[Any] | None] = mapped_column(FiniteJson(none_as_null=True))
    reference_mask_path: Mapped[str | None]
    generated: Mapped[bool]
    status: Mapped[ImageStatus] = mapped_column(default="open")
    best_score: Mapped[float | None] = mapped_column()
    worst_score: Mapped[float | None]
    uncertainty: Mapped[float | None] = mapped_column()
    disagreement: Mapped[float | None] = mapped_column()
    random_key: Mapped[int]
    version: Mapped[int] = mapped_column()

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012

    def record(self) -> ImageRecord:
        return ImageRecord(
            name=self.name,
            scene=self.scene,
            sha256=self.sha256,
            source_name=self.source_name,
            source_sha256=self.source_sha256,
            source_width_px=self.source_width_px,
            source_height_px=self.source_height_px,
            x_px=self.x_px,
            y_px=self.y_px,
            width_px=self.width_px,
            height_px=self.height_px,
            bands=self.bands,
            dtype=self.dtype,
            tile_path=self.tile_path,
            display_path=self.display_path,
            stretch=tuple((low, high) for low, high in self.stretch),
            crs=self.crs,
            transform=None if self.transform is None else (*self.transform,),
            reference_mask_path=self.reference_mask_path,
            generated=self.generated,
            id=self.id,
            project_id=self.project_id,
            status=self.status,
            best_score=self.best_score,
            worst_score=self.worst_score,
            uncertainty=self.uncertainty,
            disagreement=self.disagreement,
            version=self.version,
        )

    # After the columns, because the index of a descending order names the column itself. Each
    # order of the queue has one index; its pages are then read without sorting.
    __table_args__ = (
        UniqueConstraint("project_id", "source_sha256", "x_px", "y_px", "width_px", "height_px"),
        _one_of("status", IMAGE_STATUSES),
        *_unit("best_score", "worst_score", "uncertainty", "disagreement"),
        CheckConstraint("width_px > 0 AND height_px > 0", name="size_positive"),
        Index("ix_image_uncertain", "project_id", "status", uncertainty.desc(), "id"),
        Index("ix_image_worst", "project_id", "status", "best_score", "id"),
        Index("ix_image_best", "project_id", "status", best_score.desc(), "id"),
        Index("ix_image_disagreement", "project_id", "status", disagreement.desc(), "id"),
        Index("ix_image_random", "project_id", "status", "random_key", "id"),
        Index("ix_image_name", "project_id", "status", "name", "id"),
        Index("ix_image_scene", "project_id", "scene"),
        {"sqlite_autoincrement": True},
    )


class CandidateRow(Row):
    __tablename__ = "candidate"
    __table_args__ = (
        UniqueConstraint("image_id", "segmenter"),
        *_unit("overall_accuracy"),
        CheckConstraint("valid_px >= 0", name="valid_px_positive"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    image_id: Mapped[int] = mapped_column(ForeignKey("image.id", ondelete="CASCADE"))
    segmenter: Mapped[str]
    segmenter_fingerprint: Mapped[str | None]
    mask_path: Mapped[str]
    mask_sha256: Mapped[str]
    probs_path: Mapped[str | None]
    area_shares: Mapped[list[Any]]
    overall_accuracy: Mapped[float | None]
    valid_px: Mapped[int | None]
    version: Mapped[int]

    def record(self) -> Candidate:
        return Candidate(
            id=self.id,
            image_id=self.image_id,
            segmenter=self.segmenter,
            segmenter_fingerprint=self.segmenter_fingerprint,
            mask_path=self.mask_path,
            mask_sha256=self.mask_sha256,
            probs_path=self.probs_path,
            area_shares=tuple(self.area_shares),
            overall_accuracy=self.overall_accuracy,
            valid_px=self.valid_px,
            version=self.version,
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
    metrics: Mapped[dict[str, Any]]
    created_at: Mapped[dt.datetime] = mapped_column(default=_now)

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
        *_unit("score", "low", "high"),
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

    def record(self) -> Score:
        return Score(
            candidate_id=self.candidate_id,
            head_id=self.head_id,
            score=self.score,
            low=self.low,
            high=self.high,
        )


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
    created_at: Mapped[dt.datetime] = mapped_column(default=_now)

    def record(self) -> Promotion:
        return Promotion(
            id=self.id,
            project_id=self.project_id,
            head_id=self.head_id,
            previous_head_id=self.previous_head_id,
            reviewer=self.reviewer,
            created_at=self.created_at,
        )


class ReviewerRow(Row):
    __tablename__ = "reviewer"
    __table_args__ = (CheckConstraint("length(name) BETWEEN 1 AND 80", name="name_length"),)

    name: Mapped[str] = mapped_column(primary_key=True)
    created_at: Mapped[dt.datetime] = mapped_column(default=_now)


class VerdictRow(Row):
    """Append-only: triggers refuse UPDATE and DELETE (see ``db.append_only``).

    ``seq`` is the order in which rows were recorded; clocks that step back do not change it.
    """

    __tablename__ = "verdict"
    __table_args__ = (
        _one_of("kind", VERDICT_KINDS),
        *_unit("score", "score_shown"),
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
    project_id: Mapped[int] = _project_id()
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
    created_at: Mapped[dt.datetime] = mapped_column(default=_now)

    def record(self) -> Verdict:
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
        )


class JobRow(Row):
    __tablename__ = "job"
    __table_args__ = (
        _one_of("state", JOB_STATES),
        Index("ix_job_project_id_kind", "project_id", "kind", "id"),
        Index("ix_job_state", "state"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    project_id: Mapped[int | None] = _project_id(nullable=True)
    state: Mapped[JobState] = mapped_column(default="queued")
    step: Mapped[str] = mapped_column(default="")
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    message: Mapped[str] = mapped_column(default="")
    result: Mapped[dict[str, Any]] = mapped_column(default=dict)
    pid: Mapped[int | None]
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[dt.datetime] = mapped_column(default=_now)
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

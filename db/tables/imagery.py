"""Projects, images and candidates."""

from __future__ import annotations

import datetime as dt
from typing import Any, get_args

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from db.column_types import FiniteJson
from db.tables.base import Row, now, one_of, project_id_column, unit_interval
from rsqa_core.records import (
    IMAGE_STATUSES,
    Candidate,
    ClassDef,
    ImageRecord,
    ImageStatus,
    Origin,
    Project,
)


class ProjectRow(Row):
    __tablename__ = "project"
    __table_args__ = (one_of("origin", get_args(Origin)), {"sqlite_autoincrement": True})

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
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
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
    project_id: Mapped[int] = project_id_column()
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
    informative: Mapped[float | None] = mapped_column()
    diverse: Mapped[float | None] = mapped_column()
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
            informative=self.informative,
            diverse=self.diverse,
            version=self.version,
        )

    # After the columns, because the index of a descending order names the column itself. Each
    # order of the queue has one index; its pages are then read without sorting.
    __table_args__ = (
        UniqueConstraint("project_id", "source_sha256", "x_px", "y_px", "width_px", "height_px"),
        one_of("status", IMAGE_STATUSES),
        *unit_interval("best_score", "worst_score", "uncertainty", "disagreement", "informative"),
        *unit_interval("diverse"),
        CheckConstraint("width_px > 0 AND height_px > 0", name="size_positive"),
        Index("ix_image_uncertain", "project_id", "status", uncertainty.desc(), "id"),
        Index("ix_image_worst", "project_id", "status", "best_score", "id"),
        Index("ix_image_best", "project_id", "status", best_score.desc(), "id"),
        Index("ix_image_disagreement", "project_id", "status", disagreement.desc(), "id"),
        Index("ix_image_informative", "project_id", "status", informative.desc(), "id"),
        Index("ix_image_diverse", "project_id", "status", diverse.desc(), "id"),
        Index("ix_image_random", "project_id", "status", "random_key", "id"),
        Index("ix_image_name", "project_id", "status", "name", "id"),
        Index("ix_image_scene", "project_id", "scene"),
        {"sqlite_autoincrement": True},
    )


class CandidateRow(Row):
    __tablename__ = "candidate"
    __table_args__ = (
        UniqueConstraint("image_id", "segmenter"),
        *unit_interval("overall_accuracy"),
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

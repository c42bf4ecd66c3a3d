"""Random slices."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from db.tables.base import Row, now, one_of, project_id_column
from rsqa_core.slices import SLICE_DESIGNS, Slice, SliceImage


class SliceRow(Row):
    __tablename__ = "slice"
    __table_args__ = (
        UniqueConstraint("project_id", "name"),
        one_of("design", SLICE_DESIGNS),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = project_id_column()
    name: Mapped[str]
    design: Mapped[str]
    population: Mapped[int]
    size: Mapped[int]
    seed: Mapped[int]
    drawn_by: Mapped[str]
    drawn_at: Mapped[dt.datetime] = mapped_column(default=now)

    def record(self) -> Slice:
        return Slice(
            id=self.id,
            project_id=self.project_id,
            name=self.name,
            design=self.design,  # type: ignore[arg-type]
            population=self.population,
            size=self.size,
            seed=self.seed,
            drawn_by=self.drawn_by,
            drawn_at=self.drawn_at,
        )


class SliceImageRow(Row):
    __tablename__ = "slice_image"
    __table_args__ = (
        CheckConstraint("probability > 0 AND probability <= 1", name="probability_unit"),
        {"sqlite_with_rowid": False},
    )

    slice_id: Mapped[int] = mapped_column(
        ForeignKey("slice.id", ondelete="CASCADE"), primary_key=True
    )
    image_id: Mapped[int] = mapped_column(
        ForeignKey("image.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    stratum: Mapped[str]
    stratum_size: Mapped[int]
    probability: Mapped[float]

    def record(self) -> SliceImage:
        return SliceImage(self.image_id, self.stratum, self.stratum_size, self.probability)

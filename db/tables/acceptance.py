"""Spot checks and what was accepted after them."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from db.tables.base import Row, now, unit_interval


class SpotCheckRow(Row):
    __tablename__ = "spot_check"
    __table_args__ = (*unit_interval("above"),)

    slice_id: Mapped[int] = mapped_column(
        ForeignKey("slice.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    above: Mapped[float]
    head_id: Mapped[str] = mapped_column(ForeignKey("head.id", ondelete="CASCADE"))
    newest_image_id: Mapped[int]


class AcceptanceRow(Row):
    __tablename__ = "acceptance"
    __table_args__ = (*unit_interval("above"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(
        ForeignKey("project.id", ondelete="CASCADE"), index=True
    )
    # The name and not the slice: what was accepted stays on record when the slice is forgotten.
    spot_check: Mapped[str]
    above: Mapped[float]
    accepted: Mapped[int]
    accepted_by: Mapped[str] = mapped_column(ForeignKey("reviewer.name"))
    accepted_at: Mapped[dt.datetime] = mapped_column(default=now)

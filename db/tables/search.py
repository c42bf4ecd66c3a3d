"""Searches and what they found."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from db.tables.base import Row, now, project_id_column
from rsqa_core.searches import Search


class SearchRow(Row):
    __tablename__ = "search"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = project_id_column()
    words: Mapped[str]
    image_id: Mapped[int | None] = mapped_column(ForeignKey("image.id", ondelete="CASCADE"))
    hits: Mapped[int]
    made_at: Mapped[dt.datetime] = mapped_column(default=now)

    def record(self) -> Search:
        return Search(self.id, self.project_id, self.words, self.image_id, self.hits, self.made_at)


class SearchHitRow(Row):
    __tablename__ = "search_hit"
    __table_args__ = ({"sqlite_with_rowid": False},)

    search_id: Mapped[int] = mapped_column(
        ForeignKey("search.id", ondelete="CASCADE"), primary_key=True
    )
    image_id: Mapped[int] = mapped_column(
        ForeignKey("image.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    similarity: Mapped[float]

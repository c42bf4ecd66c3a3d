"""Stories."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from db.tables.base import Row, now
from rsqa_core.stories import Story, StoryImage


class StoryRow(Row):
    __tablename__ = "story"

    project_id: Mapped[int] = mapped_column(
        ForeignKey("project.id", ondelete="CASCADE"), primary_key=True
    )
    title: Mapped[str]
    lead: Mapped[str]
    images: Mapped[list[Any]]  # {"id": image id, "caption": text}
    version: Mapped[int]
    changed_at: Mapped[dt.datetime] = mapped_column(default=now, onupdate=now)

    def record(self) -> Story:
        images = tuple(StoryImage(entry["id"], entry["caption"]) for entry in self.images)
        return Story(self.title, self.lead, images, self.version)

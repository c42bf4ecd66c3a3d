"""Queues that somebody gave a name."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from db.tables.base import Row, now
from rsqa_core.saved_queues import SavedQueue


class SavedQueueRow(Row):
    __tablename__ = "saved_queue"

    project_id: Mapped[int] = mapped_column(
        ForeignKey("project.id", ondelete="CASCADE"), primary_key=True
    )
    name: Mapped[str] = mapped_column(primary_key=True)
    parameters: Mapped[dict[str, Any]]
    saved_by: Mapped[str]
    saved_at: Mapped[dt.datetime] = mapped_column(default=now, onupdate=now)

    def record(self) -> SavedQueue:
        return SavedQueue(self.name, dict(self.parameters), self.saved_by, self.saved_at)

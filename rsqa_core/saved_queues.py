"""Queues that somebody gave a name: filters and an order to come back to."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

LONGEST_NAME = 60
MOST_QUEUES = 100
"""Of a project: more than anybody chooses from."""


@dataclass(frozen=True, slots=True)
class SavedQueue:
    """A queue under its name, unique in its project.

    ``parameters`` are those of its address; an empty one is the queue that a project begins with.
    """

    name: str
    parameters: dict[str, str]
    saved_by: str
    saved_at: dt.datetime

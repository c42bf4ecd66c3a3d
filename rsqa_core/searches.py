"""Searches: images of a project that are like a text or like another image."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

LONGEST_WORDS = 120
MOST_HITS = 60
"""Images that a search finds: as many as somebody goes through."""
SEARCHES_KEPT = 100
"""Of a project; older ones are forgotten."""


@dataclass(frozen=True, slots=True)
class Search:
    """What was searched for, and how much it found.

    Attributes:
        words: what was to be seen; "" for a search by an image.
        image_id: the image that others were to be like; None for words.
        hits: images that were found.
    """

    id: int
    project_id: int
    words: str
    image_id: int | None
    hits: int
    made_at: dt.datetime

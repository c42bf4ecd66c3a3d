"""Accepting many candidates unseen after a random check of some of them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from rsqa_core.slices import Slice

USUAL_CHECK = 20
"""Images of a spot check: with none of them bad, at most one in six of the others is."""


@dataclass(frozen=True, slots=True)
class SpotCheck:
    """A random slice of the images that are to be accepted unseen.

    Attributes:
        slice: its ``population`` is the number of images that could be accepted when it was drawn.
        above: predicted quality of their best candidate, at least, 0..1.
        head_id: head that had predicted it.
        newest_image_id: no image of a larger id was among them.
    """

    slice: Slice
    above: float
    head_id: str
    newest_image_id: int


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Candidates that were accepted unseen, all at once.

    Attributes:
        spot_check: name of the random slice that was looked at before.
        above: predicted quality, at least, 0..1.
        accepted: candidates, one an image.
        holding: how many of them nobody took back or decided on since.
    """

    id: int
    project_id: int
    spot_check: str
    above: float
    accepted: int
    holding: int
    accepted_by: str
    accepted_at: dt.datetime

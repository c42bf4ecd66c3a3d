"""Area surveys: points of a project's map, drawn by class, whose true class somebody looks up."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

LONGEST_NAME = 60
MOST_POINTS = 5_000
FEWEST_PER_CLASS = 20
"""Points of a rare class, unless something else is asked for."""


@dataclass(frozen=True, slots=True)
class Survey:
    """One survey.

    Attributes:
        name: unique in its project.
        seed: of the drawing.
        unit: of the areas: "m2", or "px" where some image has no place on the globe.
        mapped: area of each class of the project in the map, in class order.
        points: how many were drawn.
        images: of the map; ``left_out`` were flagged as bad imagery or have no candidate.
    """

    id: int
    project_id: int
    name: str
    seed: int
    unit: str
    mapped: tuple[float, ...]
    points: int
    images: int
    left_out: int
    drawn_by: str
    drawn_at: dt.datetime


@dataclass(frozen=True, slots=True)
class NewPoint:
    """A pixel of the map: column and row in its image, and the class id that the map gives it."""

    image_id: int
    candidate_id: int
    x_px: int
    y_px: int
    map_class: int


@dataclass(frozen=True, slots=True)
class SurveyPoint(NewPoint):
    """A drawn point; ``number`` counts from 1 in the order in which points are looked at."""

    survey_id: int
    number: int


@dataclass(frozen=True, slots=True)
class SurveyAnswer:
    """What somebody said of a point; the newest answer of a point holds.

    ``id`` is a UUID made by the client, so that sending it twice records it once. ``class_id`` is
    None where nobody can tell.
    """

    id: str
    survey_id: int
    number: int
    class_id: int | None
    reviewer: str
    time_spent_s: float = 0.0
    answered_at: dt.datetime | None = None

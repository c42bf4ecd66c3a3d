"""What several reviewers of one project need: roles, decided disputes, and who looks at what."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal, get_args

Role = Literal["reviewer", "adjudicator", "observer"]
ROLES: tuple[Role, ...] = get_args(Role)

LONGEST_NOTE = 4000
LEASE_S = 300.0
"""How long an image is kept for the reviewer who was given it, from the last sign of life on."""
LEASED_AT_ONCE = 40


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who reviews; ``role`` holds in every project."""

    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class Adjudication:
    """What an adjudicator decided of a candidate; the newest row of a candidate holds.

    Attributes:
        id: a UUID made by whoever sends it, so that sending it twice records it once.
        score: the accuracy that the candidate has from then on, 0..1; None takes the last
            decision back, and the reviewers' mean counts again.
    """

    id: str
    project_id: int
    image_id: int
    candidate_id: int
    adjudicator: str
    score: float | None
    note: str = ""
    made_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Overlap:
    """Which images of a project two people decide on.

    Attributes:
        share: of all images, drawn by chance, 0..1.
        wider_than: and every image whose best candidate's interval is wider, 0..1; None for none.
    """

    share: float = 0.0
    wider_than: float | None = None

"""Random slices: images drawn with a known probability, so that figures of them hold for all."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal, get_args

SliceDesign = Literal["simple", "by_scene"]
SLICE_DESIGNS: tuple[SliceDesign, ...] = get_args(SliceDesign)

LARGEST_SLICE = 10_000
LONGEST_NAME = 60


@dataclass(frozen=True, slots=True)
class Slice:
    """Images of a project that were drawn at random; what comes later is not among them.

    Attributes:
        name: unique in its project.
        design: "simple" draws from all images alike, "by_scene" from each scene its share.
        population: images that the project had then.
        size: images that were drawn.
        seed: of the drawing.
    """

    id: int
    project_id: int
    name: str
    design: SliceDesign
    population: int
    size: int
    seed: int
    drawn_by: str
    drawn_at: dt.datetime


@dataclass(frozen=True, slots=True)
class SliceImage:
    """An image of a slice.

    Attributes:
        stratum: what it was drawn from, a scene or "" for the whole project.
        stratum_size: images of it at the drawing.
        probability: with which it was drawn, above 0 and at most 1.
    """

    image_id: int
    stratum: str
    stratum_size: int
    probability: float

"""Colours of classes that everyone can tell apart, as the review canvas gives them away.

The same rule as in canvas/assets/palette.js, for pictures that the server draws.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rsqa_core.datasets.classes import SAFE_COLORS
from rsqa_core.records import ClassDef

Colour = tuple[int, int, int]

QUALITY_RAMP = ("#440154", "#414487", "#2a788e", "#22a884", "#7ad151", "#fde725")
"""Values of 0..1 in equal steps, from dark to light: order can be seen without colour."""
UNKNOWN_COLOUR = "#8a9099"


_EXPECTED = (
    (r"water|river|lake|sea|ocean|pond", 4),
    (r"tree|forest|wood|vegetation|grass|park|green|crop", 2),
    (r"building|roof|house|built", 5),
    (r"road|street|pavement|asphalt|impervious|paved", 7),
    (r"land|soil|bare|barren|sand|ground|desert", 0),
    (r"field|farm|agri|shrub|low veg", 3),
)


def quality_colour(value: float | None) -> str:
    """Return the CSS colour of a value in 0..1, UNKNOWN_COLOUR of None.

    Example:
        >>> quality_colour(0.0), quality_colour(1.0), quality_colour(None)
        ('#440154', '#fde725', '#8a9099')
    """
    if value is None:
        return UNKNOWN_COLOUR
    return QUALITY_RAMP[min(int(value * len(QUALITY_RAMP)), len(QUALITY_RAMP) - 1)]


def quality_legend() -> list[tuple[str, str]]:
    """Return (CSS colour, range of values in per cent) of every step, then of the unknown."""
    step = 100 / len(QUALITY_RAMP)
    return [
        *(
            (colour, f"{step * i:.0f}–{step * (i + 1):.0f} %")
            for i, colour in enumerate(QUALITY_RAMP)
        ),
        (UNKNOWN_COLOUR, "not known"),
    ]


def safe_colours(classes: Sequence[ClassDef]) -> tuple[Colour, ...]:
    """Return a colour for each class in order; their own where there are more than safe ones."""
    if len(classes) > len(SAFE_COLORS):
        return tuple(entry.color for entry in classes)
    chosen: dict[int, int] = {}

    def give(place: int, index: int) -> None:
        if place not in chosen and index not in chosen.values():
            chosen[place] = index

    for names, index in _EXPECTED:
        for place, entry in enumerate(classes):
            if re.search(names, entry.name.lower()):
                give(place, index)
    pairs = sorted(
        (_distance(entry.color, colour), entry.id, index, place)
        for place, entry in enumerate(classes)
        for index, colour in enumerate(SAFE_COLORS)
    )
    for _, _, index, place in pairs:
        give(place, index)
    return tuple(SAFE_COLORS[chosen[place]] for place in range(len(classes)))


def _distance(a: Colour, b: Colour) -> float:
    """Return the "redmean" distance of two sRGB colours."""
    mean = (a[0] + b[0]) / 2
    red, green, blue = (x - y for x, y in zip(a, b, strict=True))
    return (2 + mean / 256) * red**2 + 4 * green**2 + (2 + (255 - mean) / 256) * blue**2

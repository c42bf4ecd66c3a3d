"""Points of a candidate for a reviewer to look at, and what the answers say of it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rsqa_core.errors import InvalidInputError
from rsqa_core.records import Candidate, PointDesign, Verdict
from workflows.opening import Installation

if TYPE_CHECKING:
    from rsqa_core.evaluation.point_check import Points

_TOLERANCE = 1e-6


def points_of(
    installation: Installation, candidate: Candidate, design: PointDesign, seed: int
) -> Points:
    """Draw the points of a candidate; the same mask, design and seed give the same ones.

    Raises:
        InvalidInputError: the design is unknown, or no pixel has a class.
    """
    from rsqa_core.evaluation.point_check import draw_points
    from rsqa_core.raster import read_mask

    mask = read_mask(installation.files.path(candidate.mask_path))
    return draw_points(mask, design, seed)


def require_estimated(installation: Installation, candidate: Candidate, verdict: Verdict) -> None:
    """Check that a verdict's score and interval are what its point check says.

    Raises:
        InvalidInputError: they are not, or the answers are more than there are points.
    """
    from rsqa_core.evaluation.point_check import estimate

    check = verdict.point_check
    if check is None:
        return
    points = points_of(installation, candidate, check.design, check.seed)
    found = estimate(points, check.answers)
    if found is None:
        raise InvalidInputError("Expected at least one answered point in a point check.")
    for name, stated, said in (
        ("score", verdict.score, found.accuracy),
        ("low", verdict.low, found.low),
        ("high", verdict.high, found.high),
    ):
        if stated is None or not math.isclose(stated, said, abs_tol=_TOLERANCE):
            raise InvalidInputError(
                f"Expected `{name}` to be {said:.6f}, which the answers give, but got {stated}. "
                "Reload the page, then check the points again."
            )

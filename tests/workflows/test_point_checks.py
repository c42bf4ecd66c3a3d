"""A verdict's score must be what its points say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from db.store import candidates, projects
from rsqa_core.errors import InvalidInputError
from rsqa_core.evaluation.point_check import estimate
from rsqa_core.records import Candidate, PointCheck, Verdict
from tests.workflows.harbour import SLUG
from workflows.opening import Installation
from workflows.point_checks import points_of, require_estimated


def checked(installation: Installation) -> tuple[Candidate, Verdict]:
    with installation.database.read() as session:
        candidate = candidates.all_of(session, projects.get(session, SLUG).id)[0]
    points = points_of(installation, candidate, "by_class", 11)
    answers = tuple(bool(n % 4) for n in range(40))
    found = estimate(points, answers)
    assert found is not None
    verdict = Verdict(
        id="0" * 8,
        project_id=1,
        image_id=candidate.image_id,
        reviewer="Ada",
        kind="correct",
        candidate_id=candidate.id,
        score=found.accuracy,
        low=found.low,
        high=found.high,
        point_check=PointCheck("by_class", 11, answers),
    )
    return candidate, verdict


def test_the_same_mask_design_and_seed_give_the_same_points(segmented: Installation) -> None:
    candidate, _ = checked(segmented)
    first, second = (points_of(segmented, candidate, "by_class", 11) for _ in range(2))
    assert np.array_equal(first.xy, second.xy)


def test_what_the_answers_give_is_accepted(segmented: Installation) -> None:
    candidate, verdict = checked(segmented)
    require_estimated(segmented, candidate, verdict)
    require_estimated(segmented, candidate, replace(verdict, point_check=None))


@pytest.mark.parametrize("name", ["score", "low", "high"])
def test_anything_else_is_refused_by_its_name(segmented: Installation, name: str) -> None:
    candidate, verdict = checked(segmented)
    moved = replace(verdict, **{name: getattr(verdict, name) - 0.01})
    with pytest.raises(InvalidInputError, match=f"Expected `{name}` to be"):
        require_estimated(segmented, candidate, moved)


def test_a_check_without_an_answer_is_refused(segmented: Installation) -> None:
    candidate, verdict = checked(segmented)
    silent = replace(verdict, point_check=PointCheck("by_class", 11, (None, None)))
    with pytest.raises(InvalidInputError, match="at least one answered point"):
        require_estimated(segmented, candidate, silent)

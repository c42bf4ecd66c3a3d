"""A verdict's score must be what its marks leave of the mask."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from db.store import candidates, projects
from rsqa_core.errors import InvalidInputError
from rsqa_core.raster import encode_mask, encode_runs
from rsqa_core.records import VOID, Candidate, ErrorMarks, Verdict
from tests.workflows.harbour import SLUG
from workflows.error_marks import require_marked
from workflows.opening import Installation


def marked(installation: Installation) -> tuple[Candidate, Verdict]:
    """A mask of 4 x 6 px with 20 that have a class, 5 of them and one other marked."""
    mask = np.zeros((4, 6), np.uint8)
    mask[:, 5] = VOID
    wrong = np.zeros(mask.shape, bool)
    wrong[0, :5] = True
    wrong[2, 5] = True
    with installation.database.read() as session:
        candidate = candidates.all_of(session, projects.get(session, SLUG).id)[0]
    path = installation.files.put(encode_mask(mask), ".png")
    verdict = Verdict(
        id="0" * 8,
        project_id=1,
        image_id=candidate.image_id,
        reviewer="Ada",
        kind="correct",
        candidate_id=candidate.id,
        score=0.75,
        marks=ErrorMarks((4, 6), encode_runs(wrong)),
    )
    return replace(candidate, mask_path=path), verdict


def test_only_pixels_with_a_class_count(segmented: Installation) -> None:
    candidate, verdict = marked(segmented)
    require_marked(segmented, candidate, verdict)
    require_marked(segmented, candidate, replace(verdict, marks=None, score=0.1))


@pytest.mark.parametrize("score", [0.74, 0.7, 0.75 + 2e-6, 1.0, float("nan"), None])
def test_another_score_is_refused(segmented: Installation, score: float | None) -> None:
    candidate, verdict = marked(segmented)
    with pytest.raises(InvalidInputError, match=r"Expected `score` to be 0\.750000"):
        require_marked(segmented, candidate, replace(verdict, score=score))


@pytest.mark.parametrize(
    ("marks", "reason"),
    [
        (ErrorMarks((6, 4), "P0"), "4 x 6 px, but got 6 x 4"),
        (ErrorMarks((4, 6), "999"), "run lengths that fill the mask"),
        (ErrorMarks((4, 6), encode_runs(np.zeros((4, 6), bool))), "at least one pixel"),
    ],
)
def test_marks_that_do_not_fit_are_refused(
    segmented: Installation, marks: ErrorMarks, reason: str
) -> None:
    candidate, verdict = marked(segmented)
    with pytest.raises(InvalidInputError, match=reason):
        require_marked(segmented, candidate, replace(verdict, marks=marks))


def test_marks_where_nothing_has_a_class_are_refused(segmented: Installation) -> None:
    candidate, verdict = marked(segmented)
    empty = segmented.files.put(encode_mask(np.full((4, 6), VOID, np.uint8)), ".png")
    with pytest.raises(InvalidInputError, match="at least one pixel"):
        require_marked(segmented, replace(candidate, mask_path=empty), verdict)

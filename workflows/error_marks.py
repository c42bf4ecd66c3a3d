"""What a reviewer marked as wrong in a mask, and the score that follows from it."""

from __future__ import annotations

import math

from rsqa_core.errors import InvalidInputError
from rsqa_core.records import VOID, Candidate, Verdict
from workflows.opening import Installation

_TOLERANCE = 1e-6


def require_marked(installation: Installation, candidate: Candidate, verdict: Verdict) -> None:
    """Check that a verdict's score is what its marks say of the candidate's mask.

    The score is one minus the share of marked pixels among those that have a class; marks on
    pixels without one count for nothing.

    Raises:
        InvalidInputError: the marks have another size than the mask, cannot be read, or mark no
            pixel that has a class; or the score is another.
    """
    marks = verdict.marks
    if marks is None:
        return
    import numpy as np

    from rsqa_core.raster import decode_runs, read_mask

    mask = read_mask(installation.files.path(candidate.mask_path))
    if marks.size != mask.shape:
        raise InvalidInputError(
            f"Expected marks of the mask's size, {mask.shape[0]} x {mask.shape[1]} px, but got "
            f"{marks.size[0]} x {marks.size[1]}. Reload the page, then mark again."
        )
    labelled = mask != VOID
    wrong = int(np.count_nonzero(decode_runs(marks.counts, marks.size) & labelled))
    if wrong == 0:
        raise InvalidInputError(
            "Expected marks on at least one pixel that has a class, but there are none. "
            "Mark what is wrong, or confirm the candidate without marks."
        )
    said = 1 - wrong / int(np.count_nonzero(labelled))
    if verdict.score is None or not math.isclose(verdict.score, said, abs_tol=_TOLERANCE):
        raise InvalidInputError(
            f"Expected `score` to be {said:.6f}, which the marks give, but got {verdict.score}. "
            "Reload the page, then mark again."
        )

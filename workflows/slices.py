"""What the decisions on random slices say of all images of their project."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from db.store import acceptances, slices
from rsqa_core.evaluation.sampling import Estimate, stratified_mean
from rsqa_core.records import ACCEPTABLE_ACCURACY, Project, Verdict
from rsqa_core.slices import Slice, SliceImage
from workflows.opening import Installation


@dataclass(frozen=True, slots=True)
class SliceResult:
    """A slice and what is known by it of the images that the project had when it was drawn.

    Attributes:
        decided: images of the slice with a score or without an acceptable candidate.
        passed: those that were skipped or flagged instead; they say nothing, and if they are hard
            ones the estimates are too good.
        acceptable: share of images with a candidate of ACCEPTABLE_ACCURACY or more.
        accuracy: mean score that reviewers gave an image's best candidate, where they gave one.
        error: mean absolute error of what the head had said.
        bias: mean of what the head had said minus what the reviewers did.
    """

    slice: Slice
    decided: int
    passed: int
    acceptable: Estimate | None
    accuracy: Estimate | None
    error: Estimate | None
    bias: Estimate | None


def slice_results(
    installation: Installation, project: Project, verdicts: Sequence[Verdict]
) -> list[SliceResult]:
    """Return every slice of a project, newest first, with its estimates.

    Spot checks are left out: they are of the images predicted best and not of the project.

    Args:
        verdicts: those of the project that hold.
    """
    with installation.database.read() as session:
        checks = {one.slice.id for one in acceptances.spot_checks(session, project.id)}
        found = [one for one in slices.all_of(session, project.id) if one.id not in checks]
        drawn = {one.id: slices.images_of(session, one.id) for one in found}
    by_image: dict[int, list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        if verdict.kind not in ("note", "accept"):
            by_image[verdict.image_id].append(verdict)
    return [result_of(one, drawn[one.id], by_image) for one in found]


def result_of(
    drawn: Slice, images: Sequence[SliceImage], by_image: dict[int, list[Verdict]]
) -> SliceResult:
    """Return what the verdicts that hold, by image id, say of a slice."""
    acceptable: dict[int, float] = {}
    accuracy: dict[int, float] = {}
    errors: dict[int, float] = {}
    biases: dict[int, float] = {}
    passed = 0
    for image in images:
        said = by_image.get(image.image_id, [])
        given = [(v.score, v.score_shown) for v in said if v.score is not None]
        if given:
            best = max(score for score, _ in given)
            accuracy[image.image_id] = best
            acceptable[image.image_id] = float(best >= ACCEPTABLE_ACCURACY)
        elif any(verdict.kind == "none_acceptable" for verdict in said):
            acceptable[image.image_id] = 0.0
        elif said:
            passed += 1
        gaps = [shown - score for score, shown in given if shown is not None]
        if gaps:
            errors[image.image_id] = sum(abs(gap) for gap in gaps) / len(gaps)
            biases[image.image_id] = sum(gaps) / len(gaps)

    def estimate(
        values: dict[int, float], lowest: float = 0.0, *, proportion: bool = False
    ) -> Estimate | None:
        own = [image for image in images if image.image_id in values]
        return stratified_mean(
            [values[image.image_id] for image in own],
            [image.stratum for image in own],
            {image.stratum: image.stratum_size for image in images},
            proportion=proportion,
            within=(lowest, 1.0),
        )

    return SliceResult(
        slice=drawn,
        decided=len(acceptable),
        passed=passed,
        acceptable=estimate(acceptable, proportion=True),
        accuracy=estimate(accuracy),
        error=estimate(errors),
        bias=estimate(biases, -1.0),
    )


def shown(estimate: Estimate | None, *, signed: bool = False) -> str:
    """Return an estimate in points of 100 with its interval, as tables have it.

    Example:
        >>> shown(Estimate(0.914, 0.87, 0.952, 30, 1.0)), shown(None)
        ('91.4 (87.0 to 95.2)', '–')
    """
    if estimate is None:
        return "–"
    sign = "+" if signed else ""
    words = f"{100 * estimate.mean:{sign}.1f}"
    if estimate.low is None or estimate.high is None:
        return words
    return f"{words} ({100 * estimate.low:{sign}.1f} to {100 * estimate.high:{sign}.1f})"

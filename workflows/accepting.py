"""Accepts many candidates unseen, but not before a random sample of them was looked at.

What is accepted in this way is no label (`db.store.acceptances`): it teaches no head and no figure
counts it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass

from db.store import acceptances, projects, scores
from db.store import slices as slice_store
from db.store import verdicts as verdict_store
from rsqa_core.acceptances import Acceptance, SpotCheck
from rsqa_core.errors import ConflictError, NotFoundError
from rsqa_core.evaluation.sampling import Estimate, stratified_mean, unseen_share
from rsqa_core.progress import Progress, no_progress
from rsqa_core.records import ACCEPTABLE_ACCURACY, NINETY_PERCENT_Z, Project, Verdict
from workflows.opening import Installation
from workflows.review_progress import probability_below


@dataclass(frozen=True, slots=True)
class Reach:
    """What the head says of the images that a threshold would accept.

    Attributes:
        images: how many.
        mean: predicted quality of their best candidates in mean, 0..1; None without an image.
        bad: how many of them the head expects to be below ACCEPTABLE_ACCURACY.
        low, high: 90 % range of that number, if the head's errors are independent.
    """

    images: int
    mean: float | None
    bad: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Confident:
    """The images that could be accepted: predicted quality and chance to be bad, best first."""

    scores: tuple[float, ...]
    chances: tuple[float, ...]

    def above(self, level: float) -> Reach:
        """Return what is known of those predicted ``level`` (0..1) or better."""
        count = sum(score >= level for score in self.scores)
        chances = self.chances[:count]
        bad = math.fsum(chances)
        half = NINETY_PERCENT_Z * math.sqrt(math.fsum(p * (1 - p) for p in chances))
        return Reach(
            count,
            math.fsum(self.scores[:count]) / count if count else None,
            bad,
            max(0.0, bad - half),
            min(float(count), bad + half),
        )


@dataclass(frozen=True, slots=True)
class CheckResult:
    """How far a spot check is, and what it says of the images that were not looked at.

    Attributes:
        looked_at: images of the check that were decided on; those passed over among them.
        passed: skipped or flagged; they count as not acceptable, to be on the safe side.
        bad: not acceptable: ``passed``, no acceptable candidate, or a score of the best predicted
            one below ACCEPTABLE_ACCURACY.
        to_accept: images that would be accepted now.
        share: of images that are not acceptable among those that were not looked at; None until all
            of the check were.
        error: mean absolute error of the predicted quality, 0..1; None without two scores.
        current: False once another head is current; the check is then of no use any more.
    """

    check: SpotCheck
    looked_at: int
    passed: int
    bad: int
    to_accept: int
    share: Estimate | None
    error: Estimate | None
    current: bool

    @property
    def complete(self) -> bool:
        """Whether every image of the check was decided on."""
        return self.looked_at == self.check.slice.size


def confident(installation: Installation, project: Project) -> Confident:
    """Return the images of a project that could be accepted, best predicted first."""
    with installation.database.read() as session:
        found = set(acceptances.acceptable_images(session, project.id, 0.0))
        best = scores.best_of_images(session, project.id)
    own = sorted((best[i] for i in found if i in best), key=lambda one: -one.score)
    return Confident(
        tuple(one.score for one in own),
        tuple(probability_below(one, ACCEPTABLE_ACCURACY) for one in own),
    )


def check_results(installation: Installation, project: Project) -> list[CheckResult]:
    """Return every spot check of a project, newest first, and what it says by now."""
    with installation.database.read() as session:
        project = projects.get_by_id(session, project.id)
        checks = acceptances.spot_checks(session, project.id)
        if not checks:
            return []
        drawn = {one.slice.id: slice_store.images_of(session, one.slice.id) for one in checks}
        best = scores.best_of_images(session, project.id)
        holding = verdict_store.effective(session, project.id)
        left = {
            one.slice.id: sum(
                image_id <= one.newest_image_id
                for image_id in acceptances.acceptable_images(session, project.id, one.above)
            )
            for one in checks
        }
    said: dict[int, list[Verdict]] = defaultdict(list)
    for verdict in holding:
        if verdict.kind not in ("note", "accept"):
            said[verdict.image_id].append(verdict)
    return [
        _result(
            one,
            {
                image.image_id: (best[image.image_id].candidate_id, said[image.image_id])
                for image in drawn[one.slice.id]
                if image.image_id in best
            },
            left[one.slice.id],
            current=project.active_head_id == one.head_id,
        )
        for one in checks
    ]


def check_named(installation: Installation, project: Project, name: str) -> CheckResult:
    """Return a spot check by its name.

    Raises:
        NotFoundError: the project has none of that name.
    """
    found = check_results(installation, project)
    for one in found:
        if one.check.slice.name == name:
            return one
    raise NotFoundError.named("spot check", name, [one.check.slice.name for one in found])


def accept_unseen(
    installation: Installation,
    project: Project,
    name: str,
    *,
    above: float,
    accepted_by: str,
    progress: Progress = no_progress,
) -> Acceptance:
    """Accept every image that a spot check stands for, in one transaction.

    Raises:
        NotFoundError: there is no such check.
        ConflictError: it was drawn for another threshold, was not looked at wholly, is by scores
            of another head, or no image is left.
        NotAllowedError: an observer decides nothing.
    """
    result = check_named(installation, project, name)
    if abs(result.check.above - above) > 1e-9:
        raise ConflictError(
            f"The check {name!r} was drawn of images predicted {result.check.above:g} or better "
            f"and says nothing of {above:g}. Draw another one."
        )
    if not result.complete:
        raise ConflictError(
            f"{result.looked_at:,} of the {result.check.slice.size:,} images of {name!r} were "
            "looked at. Decide on the best predicted candidate of the others first."
        )
    with installation.database.begin() as session:
        return acceptances.accept(session, result.check, accepted_by=accepted_by, progress=progress)


def _result(
    check: SpotCheck,
    images: dict[int, tuple[int, list[Verdict]]],
    left: int,
    *,
    current: bool,
) -> CheckResult:
    """Sum a check up; ``images`` has the best predicted candidate and what was said, by image."""
    looked_at = passed = bad = 0
    errors: list[float] = []
    for candidate_id, said in images.values():
        given = [v for v in said if v.candidate_id == candidate_id and v.score is not None]
        if given:
            looked_at += 1
            score = sum(float(v.score or 0.0) for v in given) / len(given)
            bad += score < ACCEPTABLE_ACCURACY
            shown = [v.score_shown for v in given if v.score_shown is not None]
            if shown:
                errors.append(abs(sum(shown) / len(shown) - score))
        elif any(v.kind == "none_acceptable" for v in said):
            looked_at += 1
            bad += 1
        elif any(v.kind in ("skip", "flag") for v in said):
            looked_at += 1
            passed += 1
            bad += 1
    size, population = check.slice.size, check.slice.population
    return CheckResult(
        check=check,
        looked_at=looked_at,
        passed=passed,
        bad=bad,
        to_accept=left,
        share=unseen_share(bad, size, population) if looked_at == size else None,
        error=stratified_mean(errors, [""] * len(errors), {"": population}, within=(0.0, 1.0))
        if len(errors) > 1
        else None,
        current=current,
    )


def share_text(result: CheckResult) -> str:
    """Say what a complete check tells of the images that nobody looked at.

    Raises:
        ConflictError: the check is not complete.
    """
    if result.share is None:
        raise ConflictError(f"The check {result.check.slice.name!r} is not complete yet.")
    share = result.share
    words = (
        f"{result.bad:,} of {result.looked_at:,} looked at are not acceptable. Of those that "
        f"nobody looked at, an estimated {100 * share.mean:.1f} % are not (95 % interval "
        f"{100 * (share.low or 0.0):.1f} to {100 * (share.high or 0.0):.1f} %)."
    )
    if result.error is not None and result.error.low is not None and result.error.high is not None:
        words += (
            f" The predicted quality is off by {100 * result.error.mean:.1f} points in mean "
            f"({100 * result.error.low:.1f} to {100 * result.error.high:.1f})."
        )
    if result.passed:
        words += f" {result.passed:,} were skipped or flagged and count as not acceptable."
    return words

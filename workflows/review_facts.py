"""What the Progress page tells of a project, read at one moment and no more than that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from db.store import candidates as candidate_store
from db.store import images as image_store
from db.store import projects
from db.store import scores as score_store
from db.store import verdicts as verdict_store
from rsqa_core.evaluation.reviewers import ReviewerAgreement, reviewer_agreement
from rsqa_core.records import Project, Score, Verdict
from workflows.opening import Installation


@dataclass(frozen=True)
class ReviewFacts:
    """How a project's review stands.

    Attributes:
        images, open_images: how many there are, and how many nobody decided on.
        labels: candidates that reviewers gave a score.
        verdicts: those that hold, oldest first.
        best: score of the best predicted candidate of each image by the current head, by image id.
        names: of the images that have a verdict, by id.
        segmenters: of the candidates that were given a score, by candidate id.
    """

    project: Project
    images: int
    open_images: int
    labels: int
    verdicts: list[Verdict]
    best: dict[int, Score]
    names: dict[int, str]
    segmenters: dict[int, str]

    @cached_property
    def given(self) -> list[Verdict]:
        """The verdicts that give a candidate a score, oldest first."""
        return scores_given(self.verdicts)

    def agreement(self) -> ReviewerAgreement | None:
        """Return how far the reviewers agree with one another, None where that says nothing."""
        return agreement_of(self.given)


def gather_review(installation: Installation, slug: str) -> ReviewFacts:
    """Read how a project's review stands.

    Raises:
        NotFoundError: no such project.
    """
    with installation.database.read() as session:
        project = projects.get(session, slug)
        by_status = image_store.count_by_status(session, project.id)
        verdicts = verdict_store.effective(session, project.id)
        given = scores_given(verdicts)
        return ReviewFacts(
            project=project,
            images=sum(by_status.values()),
            open_images=by_status.get("open", 0),
            labels=len(verdict_store.labels(session, project.id)),
            verdicts=verdicts,
            best=score_store.best_of_images(session, project.id),
            names=image_store.names(session, {one.image_id for one in verdicts}),
            segmenters=candidate_store.segmenters_of(
                session, {one.candidate_id for one in given if one.candidate_id is not None}
            ),
        )


def scores_given(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Return the verdicts that give a candidate a score, in their order."""
    return [v for v in verdicts if v.score is not None and v.candidate_id is not None]


def agreement_of(given: Sequence[Verdict]) -> ReviewerAgreement | None:
    """Return how far the reviewers of these scores agree, None where that says nothing."""
    return reviewer_agreement(
        [verdict.reviewer for verdict in given],
        [int(verdict.candidate_id or 0) for verdict in given],
        [verdict.image_id for verdict in given],
        [float(verdict.score or 0.0) for verdict in given],
    )

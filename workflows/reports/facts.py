"""Everything that a report tells of a project, read at one moment."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from db.store import candidates as candidate_store
from db.store import heads as head_store
from db.store import images as image_store
from db.store import projects
from db.store import scores as score_store
from db.store import verdicts as verdict_store
from rsqa_core.evaluation.reviewers import ReviewerAgreement
from rsqa_core.records import (
    Candidate,
    HeadRecord,
    ImageRecord,
    Project,
    Promotion,
    Score,
    ScoredCandidate,
    Verdict,
    is_synthetic,
)
from workflows.opening import Installation
from workflows.recommending import advise, best_margin
from workflows.review_facts import agreement_of, scores_given

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Facts:
    """A project as its database has it; degraded masks are left out.

    Attributes:
        images: by id.
        candidates: of each image by id, best predicted first; unscored ones come last.
        head: the current one, None before anything was scored.
        heads: every head of the project and the base heads, newest first.
        verdicts: those that hold, oldest first.
        labels: mean score that reviewers gave, 0..1, by candidate id.
    """

    project: Project
    images: dict[int, ImageRecord]
    candidates: dict[int, list[ScoredCandidate]]
    head: HeadRecord | None
    heads: list[HeadRecord]
    promotions: list[Promotion]
    verdicts: list[Verdict]
    labels: dict[int, float]
    made_at: dt.datetime

    @cached_property
    def every(self) -> list[Candidate]:
        """All candidates, image by image."""
        return [one.candidate for found in self.candidates.values() for one in found]

    @cached_property
    def given(self) -> list[Verdict]:
        """The verdicts that give a candidate a score, oldest first."""
        return scores_given(self.verdicts)

    @cached_property
    def scores(self) -> dict[int, Score]:
        """What the current head says, by candidate id."""
        return {
            one.candidate.id: one.score
            for found in self.candidates.values()
            for one in found
            if one.score is not None
        }

    @cached_property
    def segmenters(self) -> list[str]:
        """Names of the segmenters, sorted."""
        return sorted({one.segmenter for one in self.every})

    @cached_property
    def recommended(self) -> dict[int, int]:
        """Candidate that is recommended in each image, by image id; none where none will do."""
        margin = best_margin(self.head.metrics) if self.head is not None else None
        found = {}
        for image_id, candidates in self.candidates.items():
            chosen = advise(candidates, margin).recommended_id
            if chosen is not None:
                found[image_id] = chosen
        return found

    @cached_property
    def best(self) -> dict[int, Score]:
        """Score of the best predicted candidate of each image, by image id."""
        return {
            image_id: found[0].score
            for image_id, found in self.candidates.items()
            if found and found[0].score is not None
        }

    def agreement(self) -> ReviewerAgreement | None:
        """Return how far the reviewers agree with one another, None where that says nothing."""
        return agreement_of(self.given)

    def known_accuracy(self) -> dict[int, float]:
        """Return the accuracy measured on reference masks, 0..1, by candidate id."""
        return {
            one.id: one.overall_accuracy for one in self.every if one.overall_accuracy is not None
        }


def gather(installation: Installation, slug: str) -> Facts:
    """Read a project.

    Raises:
        NotFoundError: no such project.
    """
    with installation.database.read() as session:
        project = projects.get(session, slug)
        images = image_store.all_of(session, project.id)
        every = candidate_store.all_of(session, project.id)
        scores: dict[int, Score] = {}
        head = None
        if project.active_head_id is not None:
            head = head_store.get(session, project.active_head_id)
            scores = score_store.of_head(session, project.id, head.id)
        heads = head_store.of_project(session, project.id)
        promotions = head_store.history(session, project.id)
        verdicts = verdict_store.effective(session, project.id)
        labels = verdict_store.labels(session, project.id)
    of_image: dict[int, list[ScoredCandidate]] = defaultdict(list)
    for one in every:
        if not is_synthetic(one.segmenter):
            of_image[one.image_id].append(ScoredCandidate(one, scores.get(one.id)))
    for found in of_image.values():
        found.sort(key=_best_first)
    return Facts(
        project=project,
        images={image.id: image for image in images},
        candidates=dict(of_image),
        head=head,
        heads=heads,
        promotions=promotions,
        verdicts=verdicts,
        labels=labels,
        made_at=dt.datetime.now(dt.UTC),
    )


def _best_first(one: ScoredCandidate) -> tuple[bool, float, int]:
    known = one.score is not None
    return not known, -one.score.score if one.score is not None else 0.0, one.candidate.id

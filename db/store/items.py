"""Review items: images with all that a reviewer needs to see of them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from db.store.chunks import chunked
from db.store.holding import holds
from db.store.images import missing
from db.tables import CandidateRow, ImageRow, ProjectRow, ScoreRow, VerdictRow
from rsqa_core.records import ReviewItem, ScoredCandidate, Verdict, is_synthetic


def item(session: Session, image_id: int, reviewer: str | None = None) -> ReviewItem:
    """Return one image with its candidates and the verdicts that hold on it; see `items`.

    Raises:
        NotFoundError: there is no such image.
    """
    return items(session, [image_id], reviewer)[0]


def items(
    session: Session, image_ids: Sequence[int], reviewer: str | None = None
) -> list[ReviewItem]:
    """Return images in the order of ``image_ids``, each with candidates and verdicts.

    Candidates go by the current head's score, the best first, those without one last, and
    synthetic ones after all others, so that none is what is shown or taken first;
    verdicts are those that hold, oldest first, with a ``reviewer`` only theirs. The number of
    queries does not depend on the number of images.

    Raises:
        NotFoundError: an image does not exist.
    """
    wanted = dict.fromkeys(image_ids)
    images = {}
    candidates: dict[int, list[ScoredCandidate]] = {image_id: [] for image_id in wanted}
    verdicts: dict[int, list[Verdict]] = {image_id: [] for image_id in wanted}
    for portion in chunked(wanted):
        for row in session.scalars(select(ImageRow).where(ImageRow.id.in_(portion))):
            images[row.id] = row.record()
        for scored in _scored(session, portion):
            candidates[scored.candidate.image_id].append(scored)
        for verdict in _verdicts(session, portion, reviewer):
            verdicts[verdict.image_id].append(verdict)
    for image_id in wanted:
        if image_id not in images:
            raise missing(image_id)
        candidates[image_id].sort(key=_best_first)
    return [
        ReviewItem(
            image=images[image_id],
            candidates=tuple(candidates[image_id]),
            verdicts=tuple(verdicts[image_id]),
        )
        for image_id in image_ids
    ]


def _best_first(scored: ScoredCandidate) -> tuple[bool, float, int]:
    unscored = 1.0  # after every negated score
    return (
        is_synthetic(scored.candidate.segmenter),
        unscored if scored.score is None else -scored.score.score,
        scored.candidate.id,
    )


def _scored(session: Session, image_ids: Sequence[int]) -> list[ScoredCandidate]:
    rows = session.execute(
        select(CandidateRow, ScoreRow)
        .join(ImageRow, ImageRow.id == CandidateRow.image_id)
        .join(ProjectRow, ProjectRow.id == ImageRow.project_id)
        .outerjoin(
            ScoreRow,
            and_(
                ScoreRow.candidate_id == CandidateRow.id,
                ScoreRow.head_id == ProjectRow.active_head_id,
            ),
        )
        .where(CandidateRow.image_id.in_(image_ids))
    )
    return [
        # SQLAlchemy gives None for the side of an outer join that is missing; its types do not.
        ScoredCandidate(candidate=candidate.record(), score=score.record() if score else None)
        for candidate, score in rows
    ]


def _verdicts(session: Session, image_ids: Sequence[int], reviewer: str | None) -> list[Verdict]:
    query = select(VerdictRow).where(VerdictRow.image_id.in_(image_ids), holds(VerdictRow))
    if reviewer is not None:
        query = query.where(VerdictRow.reviewer == reviewer)
    return [row.record() for row in session.scalars(query.order_by(VerdictRow.seq))]

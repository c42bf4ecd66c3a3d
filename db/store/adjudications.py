"""Disputes that an adjudicator decided: opinions stay, and the decided score is the label."""

from __future__ import annotations

import math
import uuid

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.store import people
from db.store.candidates import missing as missing_candidate
from db.store.holding import holds
from db.store.reviewers import ensure
from db.tables import AdjudicationRow, CandidateRow, ImageRow, VerdictRow
from rsqa_core.errors import ConflictError, InvalidInputError, NotAllowedError
from rsqa_core.teamwork import LONGEST_NOTE, Adjudication


def decide(session: Session, made: Adjudication) -> bool:
    """Record what an adjudicator decided; False where this very row is recorded already.

    Raises:
        InvalidInputError: the id, the score or the note has no sense.
        NotFoundError: there is no such candidate in the project.
        NotAllowedError: the role does not allow it, or it would be on an opinion of one's own.
        ConflictError: the id was used before, or nobody gave the candidate a score.
    """
    _require_sound(made)
    known = session.scalar(select(AdjudicationRow).where(AdjudicationRow.id == made.id))
    if known is not None:
        if (known.candidate_id, known.score, known.adjudicator) != (
            made.candidate_id,
            made.score,
            made.adjudicator,
        ):
            raise ConflictError(f"The id {made.id} belongs to another decision. Decide again.")
        return False
    candidate = session.get(CandidateRow, made.candidate_id)
    image = None if candidate is None else session.get(ImageRow, candidate.image_id)
    if candidate is None or image is None or image.project_id != made.project_id:
        raise missing_candidate(made.candidate_id)
    people.require_may_adjudicate(session, made.adjudicator)
    scored_by = set(
        session.scalars(
            select(VerdictRow.reviewer).where(
                VerdictRow.candidate_id == candidate.id,
                VerdictRow.score.is_not(None),
                VerdictRow.candidate_version == candidate.version,
                holds(VerdictRow),
            )
        )
    )
    if not scored_by:
        raise ConflictError(
            f"Nobody scored this mask of {candidate.segmenter!r} yet, so there is nothing to "
            "decide. Review it first."
        )
    if made.adjudicator in scored_by:
        raise NotAllowedError(
            f"{made.adjudicator!r} scored this candidate: nobody decides on their own opinion. "
            "Somebody else has to."
        )
    ensure(session, made.adjudicator)
    session.add(
        AdjudicationRow(
            id=made.id,
            project_id=made.project_id,
            image_id=candidate.image_id,
            candidate_id=candidate.id,
            candidate_version=candidate.version,
            adjudicator=made.adjudicator,
            score=made.score,
            note=made.note,
        )
    )
    session.flush()
    return True


def gold(session: Session, project_id: int) -> dict[int, Adjudication]:
    """Return the decisions that hold, by candidate id; those on an earlier mask do not."""
    newest = (
        select(func.max(AdjudicationRow.seq))
        .where(AdjudicationRow.project_id == project_id)
        .group_by(AdjudicationRow.candidate_id)
    )
    rows = session.scalars(
        select(AdjudicationRow)
        .join(
            CandidateRow,
            (CandidateRow.id == AdjudicationRow.candidate_id)
            & (CandidateRow.version == AdjudicationRow.candidate_version),
        )
        .where(AdjudicationRow.seq.in_(newest), AdjudicationRow.score.is_not(None))
        .order_by(AdjudicationRow.candidate_id)
    )
    return {row.candidate_id: row.record() for row in rows}


def history(session: Session, project_id: int) -> list[Adjudication]:
    """Return every row of a project, newest first."""
    rows = session.scalars(
        select(AdjudicationRow)
        .where(AdjudicationRow.project_id == project_id)
        .order_by(AdjudicationRow.seq.desc())
    )
    return [row.record() for row in rows]


def unseen_gold(session: Session, project_id: int, reviewer: str) -> list[int]:
    """Return images with a decided candidate of which a reviewer said nothing yet, by id.

    Who decided one has seen it.
    """
    held = gold(session, project_id)
    images = {one.image_id for one in held.values() if one.adjudicator != reviewer}
    if not images:
        return []
    seen = session.scalars(
        select(VerdictRow.image_id)
        .where(VerdictRow.image_id.in_(images), VerdictRow.reviewer == reviewer)
        .distinct()
    )
    return sorted(images - set(seen))


def _require_sound(made: Adjudication) -> None:
    try:
        uuid.UUID(made.id)
    except ValueError as error:
        raise InvalidInputError(f"Expected `id` to be a UUID, but got {made.id!r}.") from error
    if made.score is not None and not (math.isfinite(made.score) and 0.0 <= made.score <= 1.0):
        raise InvalidInputError(f"Expected a score between 0 and 1, but got {made.score}.")
    if len(made.note) > LONGEST_NOTE:
        raise InvalidInputError(
            f"Expected a note of at most {LONGEST_NOTE:,} characters, but got {len(made.note):,}."
        )

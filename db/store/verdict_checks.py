"""What a verdict must be before it is recorded."""

from __future__ import annotations

import math
import uuid

from sqlalchemy.orm import Session

from db.store import people, reviewers
from db.store.candidates import missing as missing_candidate
from db.store.heads import usable_head
from db.store.images import missing as missing_image
from db.store.projects import get_by_id
from db.tables import CandidateRow, ImageRow, VerdictRow
from rsqa_core.errors import ConflictError, InvalidInputError
from rsqa_core.records import (
    MAX_MARK_CHARACTERS,
    VERDICT_KINDS,
    Verdict,
    require_unit_interval,
)

NOTE_LENGTH = 4000

_CONTENT = (
    "project_id",
    "image_id",
    "candidate_id",
    "reviewer",
    "kind",
    "score",
    "note",
    "head_id",
    "score_shown",
    "score_visible",
    "time_spent_s",
    "low",
    "high",
)


def require_same(stored: VerdictRow, verdict: Verdict) -> None:
    """Check that a verdict with a recorded id is the recorded one, sent again.

    Raises:
        ConflictError: it says something else.
    """
    differing = [name for name in _CONTENT if getattr(stored, name) != getattr(verdict, name)]
    if stored.record().point_check != verdict.point_check:
        differing.append("point_check")
    if stored.record().marks != verdict.marks:
        differing.append("marks")
    if verdict.kind == "undo" and stored.supersedes_id != verdict.supersedes_id:
        differing.append("supersedes_id")
    if differing:
        raise ConflictError(
            f"The verdict id {verdict.id} was used before with another {', '.join(differing)}; "
            "nothing was written. Give every verdict an id of its own."
        )


def require_sound(session: Session, verdict: Verdict) -> tuple[ImageRow, CandidateRow | None]:
    """Check a new verdict and return the rows that it is about.

    Raises:
        InvalidInputError, NotFoundError: see `db.store.verdicts.record`.
    """
    _require_fields(verdict)
    get_by_id(session, verdict.project_id)
    image = session.get(ImageRow, verdict.image_id)
    if image is None or image.project_id != verdict.project_id:
        raise missing_image(verdict.image_id)
    candidate = None
    if verdict.candidate_id is not None:
        candidate = session.get(CandidateRow, verdict.candidate_id)
        if candidate is None or candidate.image_id != image.id:
            raise missing_candidate(verdict.candidate_id)
    if verdict.head_id is not None:
        usable_head(session, verdict.project_id, verdict.head_id)
    people.require_may_decide(session, verdict.reviewer)
    reviewers.ensure(session, verdict.reviewer)
    return image, candidate


def _require_fields(verdict: Verdict) -> None:
    try:
        canonical = str(uuid.UUID(verdict.id)) == verdict.id
    except ValueError:
        canonical = False
    if not canonical:
        raise InvalidInputError(
            f"Expected a verdict's id to be a UUID in lower case, but got {verdict.id!r}. "
            "Make it with crypto.randomUUID() or uuid.uuid4()."
        )
    if verdict.kind not in VERDICT_KINDS:
        raise InvalidInputError(
            f"Expected a verdict's kind to be one of {', '.join(VERDICT_KINDS)}, but got "
            f"{verdict.kind!r}."
        )
    if verdict.kind == "accept" or verdict.acceptance_id is not None:
        raise InvalidInputError(
            "Expected a decision of somebody who looked, but got one of an acceptance. Accept many "
            "candidates with `rsqa accept` or on the Queue page."
        )
    if verdict.kind in ("confirm", "correct"):
        if verdict.score is None or verdict.candidate_id is None:
            raise InvalidInputError(
                f"Expected a {verdict.kind} to have a candidate and a score in [0, 1], but got "
                f"candidate {verdict.candidate_id} and score {verdict.score}."
            )
        require_unit_interval("score", verdict.score)
    elif verdict.score is not None:
        raise InvalidInputError(
            f"Expected no score with a {verdict.kind}, but got {verdict.score}. "
            "Only confirm and correct carry one."
        )
    _require_interval(verdict)
    _require_marks(verdict)
    if verdict.score_shown is not None:
        require_unit_interval("score_shown", verdict.score_shown)
    if not (math.isfinite(verdict.time_spent_s) and verdict.time_spent_s >= 0):
        raise InvalidInputError(
            f"Expected `time_spent_s` to be 0 or more seconds, but got {verdict.time_spent_s}."
        )
    if len(verdict.note) > NOTE_LENGTH:
        raise InvalidInputError(
            f"Expected a note of at most {NOTE_LENGTH} characters, but got {len(verdict.note)}."
        )
    try:
        verdict.note.encode()
    except UnicodeEncodeError as error:
        raise InvalidInputError(
            "Expected a note of whole characters, but it holds half of a surrogate pair. "
            "Type it again."
        ) from error
    if verdict.kind == "note" and not verdict.note.strip():
        raise InvalidInputError("Expected a note to have a text, but it is empty.")


def _require_interval(verdict: Verdict) -> None:
    given = [value for value in (verdict.low, verdict.high) if value is not None]
    if not given and verdict.point_check is None:
        return
    if len(given) < 2 or verdict.point_check is None or verdict.score is None:
        raise InvalidInputError(
            "Expected an interval and a point check to come together, with a score, but got low "
            f"{verdict.low}, high {verdict.high} and score {verdict.score}."
        )
    low = require_unit_interval("low", given[0])
    high = require_unit_interval("high", given[1])
    if not low <= verdict.score <= high:
        raise InvalidInputError(
            f"Expected low <= score <= high, but got {low}, {verdict.score} and {high}."
        )


def _require_marks(verdict: Verdict) -> None:
    if verdict.marks is None:
        return
    if verdict.kind != "correct" or verdict.point_check is not None:
        raise InvalidInputError(
            "Expected marks only with a correct whose score comes from them, but got them with a "
            f"{verdict.kind}{'' if verdict.point_check is None else ' from a point check'}."
        )
    if len(verdict.marks.counts) > MAX_MARK_CHARACTERS:
        raise InvalidInputError(
            f"Expected marks of at most {MAX_MARK_CHARACTERS:,} characters, but got "
            f"{len(verdict.marks.counts):,}. Mark with a larger brush."
        )

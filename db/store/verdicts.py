"""Verdicts: what reviewers said, as rows that are added and never changed.

Which of them count is said in ``db.store.holding``. "Newest" means recorded last, whatever the
clocks said.
"""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from db.store import adjudications, verdict_checks
from db.store.holding import holds
from db.tables import CandidateRow, ImageRow, VerdictRow
from rsqa_core.errors import ConflictError, InvalidInputError, NotFoundError
from rsqa_core.records import (
    NINETY_PERCENT_Z,
    VERDICT_KINDS,
    ErrorMarks,
    ImageStatus,
    Verdict,
    VerdictKind,
)

_LABELS: tuple[VerdictKind, ...] = ("confirm", "correct")
_STATUS_OF: dict[VerdictKind, ImageStatus] = {
    "confirm": "reviewed",
    "correct": "reviewed",
    "skip": "skipped",
    "flag": "flagged",
    "none_acceptable": "none_acceptable",
    "accept": "accepted",
}


def record(session: Session, verdict: Verdict) -> tuple[Verdict, bool]:
    """Record one verdict and set its image's status by it, in the same transaction.

    The row supersedes the one that the same reviewer's decision on the same image and candidate
    held by until now (notes replace nothing); an undo names the row that it takes back.

    Returns:
        The row as recorded and True; or, when it was recorded before, that row and False.

    Raises:
        InvalidInputError: a field has no sense (see the message).
        NotFoundError: the project, image, candidate, head or row to undo does not exist, or does
            not belong together with the others.
        ConflictError: the id was used for another content, the row to undo does not hold any
            more, or the candidate's mask was replaced meanwhile.
    """
    stored = session.scalar(select(VerdictRow).where(VerdictRow.id == verdict.id))
    if stored is not None:
        verdict_checks.require_same(stored, verdict)
        return stored.record(), False
    image, candidate = verdict_checks.require_sound(session, verdict)
    row = VerdictRow(
        id=verdict.id,
        project_id=verdict.project_id,
        image_id=verdict.image_id,
        candidate_id=verdict.candidate_id,
        candidate_version=None if candidate is None else candidate.version,
        reviewer=verdict.reviewer,
        kind=verdict.kind,
        score=verdict.score,
        note=verdict.note,
        head_id=verdict.head_id,
        score_shown=verdict.score_shown,
        score_visible=verdict.score_visible,
        time_spent_s=verdict.time_spent_s,
        supersedes_id=_superseded_by(session, verdict),
        low=verdict.low,
        high=verdict.high,
        point_check=None if verdict.point_check is None else asdict(verdict.point_check),
        marks=None if verdict.marks is None else asdict(verdict.marks),
    )
    if verdict.created_at is not None:
        row.created_at = verdict.created_at
    session.add(row)
    session.flush()
    refresh_status(session, image)
    return row.record(), True


def _superseded_by(session: Session, verdict: Verdict) -> str | None:
    if verdict.kind == "undo":
        return _undone_by(session, verdict)
    if verdict.kind == "note":
        current = None
    else:
        current = session.scalar(
            select(VerdictRow.id)
            .where(
                VerdictRow.image_id == verdict.image_id,
                VerdictRow.candidate_id.is_(None)
                if verdict.candidate_id is None
                else VerdictRow.candidate_id == verdict.candidate_id,
                VerdictRow.reviewer == verdict.reviewer,
                VerdictRow.kind != "note",
                holds(VerdictRow),
            )
            .order_by(VerdictRow.seq.desc())
            .limit(1)
        )
    if verdict.supersedes_id not in (None, current):
        raise ConflictError(
            f"The verdict names {verdict.supersedes_id} as the row that it replaces, but what "
            f"holds for this reviewer, image and candidate is {current or 'none'}. "
            "Reload the item and decide again."
        )
    return current


def _undone_by(session: Session, undo: Verdict) -> str:
    if undo.supersedes_id is None:
        raise InvalidInputError("Expected an undo to name the row to take back, but it names none.")
    row = session.scalar(
        select(VerdictRow).where(
            VerdictRow.id == undo.supersedes_id, VerdictRow.image_id == undo.image_id
        )
    )
    if row is None or row.reviewer != undo.reviewer:
        raise ConflictError(
            f"There is no verdict {undo.supersedes_id} by {undo.reviewer!r} on image "
            f"{undo.image_id}. Reviewers take back only their own verdicts."
        )
    if undo.candidate_id not in (None, row.candidate_id):
        raise ConflictError(
            f"The undo names candidate {undo.candidate_id}, but the row to take back is about "
            f"{row.candidate_id}."
        )
    if session.scalar(select(VerdictRow.id).where(VerdictRow.id == row.id, holds(VerdictRow))):
        return row.id
    raise ConflictError(
        f"The verdict {row.id} does not hold any more: it was taken back or replaced already. "
        "Reload the item to see what holds."
    )


def refresh_status(session: Session, image: ImageRow) -> None:
    """Set an image's status by the newest decision that holds."""
    kind = session.scalar(
        select(VerdictRow.kind)
        .where(VerdictRow.image_id == image.id, VerdictRow.kind != "note", holds(VerdictRow))
        .order_by(VerdictRow.seq.desc())
        .limit(1)
    )
    image.status = "open" if kind is None else _STATUS_OF[kind]
    session.flush()


def effective(session: Session, project_id: int) -> list[Verdict]:
    """Return the verdicts of a project that hold, in the order they were recorded."""
    rows = session.scalars(
        select(VerdictRow)
        .where(VerdictRow.project_id == project_id, holds(VerdictRow))
        .order_by(VerdictRow.seq)
    )
    return [row.record() for row in rows]


def history(
    session: Session,
    project_id: int,
    reviewer: str | None = None,
    limit: int | None = 50,
    *,
    looked_at: bool = False,
) -> list[Verdict]:
    """Return a project's last rows, newest first, undone and replaced ones included.

    ``reviewer`` restricts them to one person's; ``limit`` None gives all; ``looked_at`` leaves out
    what was accepted unseen and what took such rows back.
    """
    query = select(VerdictRow).where(VerdictRow.project_id == project_id)
    if looked_at:
        query = query.where(VerdictRow.kind != "accept", VerdictRow.acceptance_id.is_(None))
    if reviewer is not None:
        query = query.where(VerdictRow.reviewer == reviewer)
    rows = session.scalars(query.order_by(VerdictRow.seq.desc()).limit(limit))
    return [row.record() for row in rows]


def total(session: Session) -> int:
    """Return how many rows there are in all projects, undone and replaced ones included."""
    return session.scalar(select(func.count()).select_from(VerdictRow)) or 0


def marks(session: Session, project_id: int, reviewer: str, verdict_id: str) -> ErrorMarks:
    """Return what a reviewer marked as wrong with a verdict of their own.

    Raises:
        NotFoundError: this reviewer has no such verdict in the project, or it has no marks.
        ConflictError: the candidate's mask was replaced since; the marks do not fit the new one.
    """
    found = session.execute(
        select(VerdictRow, CandidateRow.version)
        .join(CandidateRow, CandidateRow.id == VerdictRow.candidate_id)
        .where(
            VerdictRow.id == verdict_id,
            VerdictRow.project_id == project_id,
            VerdictRow.reviewer == reviewer,
        )
    ).one_or_none()
    recorded = None if found is None else found[0].record().marks
    if found is None or recorded is None:
        raise NotFoundError(f"{reviewer!r} has no verdict {verdict_id!r} with marks here.")
    if found[0].candidate_version != found[1]:
        raise ConflictError("The mask was replaced after it was marked. Mark the new one.")
    return recorded


def reviewers(session: Session, project_id: int) -> list[str]:
    """Return the names of everyone who ever recorded something in a project, sorted."""
    return list(
        session.scalars(
            select(VerdictRow.reviewer)
            .where(VerdictRow.project_id == project_id)
            .distinct()
            .order_by(VerdictRow.reviewer)
        )
    )


def labels(session: Session, project_id: int) -> dict[int, float]:
    """Return the score that each candidate was given, 0..1, by candidate id.

    It is what an adjudicator decided, or else the mean over reviewers. Verdicts on an earlier mask
    of a candidate do not count: they say nothing about the present one.
    """
    rows = session.execute(_by_candidate(project_id, func.avg(VerdictRow.score)))
    means = {candidate_id: mean for candidate_id, mean in rows if candidate_id is not None}
    return means | decided_scores(session, project_id)


def label_doubts(session: Session, project_id: int) -> dict[int, float]:
    """Return the standard error of labels that are unsure, by candidate id.

    It is the larger of what two sources say of the mean over reviewers: how far they differ, and
    the intervals of point checks. A label by one reviewer without a point check has none, nor has
    one that an adjudicator decided.
    """
    score = VerdictRow.score
    half = (VerdictRow.high - VerdictRow.low) / (2 * NINETY_PERCENT_Z)
    statement = _by_candidate(
        project_id,
        func.count(),
        func.avg(score),
        func.avg(score * score),
        func.total(half * half),
    ).having((func.count() > 1) | (func.count(VerdictRow.low) > 0))
    doubts: dict[int, float] = {}
    for candidate_id, count, mean, squares, checked in session.execute(statement):
        differing = max(squares - mean**2, 0.0) / (count - 1) if count > 1 else 0.0
        if candidate_id is not None:
            doubts[candidate_id] = math.sqrt(max(differing, checked / count**2))
    for candidate_id in decided_scores(session, project_id):
        doubts.pop(candidate_id, None)
    return doubts


def decided_scores(session: Session, project_id: int) -> dict[int, float]:
    """Return what an adjudicator decided of each candidate, 0..1, by candidate id."""
    held = adjudications.gold(session, project_id)
    return {key: one.score for key, one in held.items() if one.score is not None}


def _by_candidate(project_id: int, *columns: ColumnElement[Any]) -> Select[Any]:
    """Return a query of aggregates over the labels of each candidate, its id first."""
    return (
        select(VerdictRow.candidate_id, *columns)
        .join(
            CandidateRow,
            (CandidateRow.id == VerdictRow.candidate_id)
            & (CandidateRow.version == VerdictRow.candidate_version),
        )
        .where(
            VerdictRow.project_id == project_id,
            VerdictRow.kind.in_(_LABELS),
            holds(VerdictRow),
        )
        .group_by(VerdictRow.candidate_id)
        .order_by(VerdictRow.candidate_id)
    )


def counts(session: Session, project_id: int) -> dict[str, int]:
    """Return how many verdicts of each kind hold; every kind but undo has an entry."""
    found = dict.fromkeys((kind for kind in VERDICT_KINDS if kind != "undo"), 0)
    rows = session.execute(
        select(VerdictRow.kind, func.count())
        .where(VerdictRow.project_id == project_id, holds(VerdictRow))
        .group_by(VerdictRow.kind)
    )
    return found | dict(rows.all())

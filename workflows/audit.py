"""Every decision on record, also those that were replaced or taken back."""

from __future__ import annotations

import csv
import datetime as dt
import io
from dataclasses import astuple, dataclass, fields

from db.store import candidates as candidate_store
from db.store import images as image_store
from db.store import projects
from db.store import verdicts as verdict_store
from rsqa_core.records import VerdictKind
from workflows.exporting import safe_cell
from workflows.opening import Installation


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One row of the record.

    Attributes:
        recorded_at: when the server stored it, UTC.
        score, score_shown: what the reviewer gave and what the head had said, 0..1.
        score_visible: whether the head's score was on screen.
        has_marks: whether the score comes from pixels that the reviewer marked as wrong.
        holds: False where a later row replaced it or took it back, and for the rows that do so.
    """

    recorded_at: dt.datetime | None
    reviewer: str
    kind: VerdictKind
    image: str
    segmenter: str
    score: float | None
    score_shown: float | None
    score_visible: bool
    head_id: str
    time_spent_s: float
    has_marks: bool
    holds: bool
    note: str
    id: str
    supersedes_id: str


def audit_rows(
    installation: Installation,
    slug: str,
    *,
    reviewer: str | None = None,
    limit: int | None = None,
    unseen: bool = True,
) -> list[AuditRow]:
    """Return what was recorded in a project, newest first.

    Args:
        reviewer: only this one's.
        limit: of rows; None gives all.
        unseen: with what was accepted unseen and what took that back.

    Raises:
        NotFoundError: no such project.
    """
    with installation.database.read() as session:
        project = projects.get(session, slug)
        rows = verdict_store.history(session, project.id, reviewer, limit, looked_at=not unseen)
        holding = {verdict.id for verdict in verdict_store.effective(session, project.id)}
        names = image_store.names(session, {row.image_id for row in rows})
        segmenters = candidate_store.segmenters_of(
            session, {row.candidate_id for row in rows if row.candidate_id is not None}
        )
    return [
        AuditRow(
            recorded_at=row.created_at,
            reviewer=row.reviewer,
            kind=row.kind,
            image=names[row.image_id],
            segmenter=segmenters.get(row.candidate_id or 0, ""),
            score=row.score,
            score_shown=row.score_shown,
            score_visible=row.score_visible,
            head_id=row.head_id or "",
            time_spent_s=row.time_spent_s,
            has_marks=row.marks is not None,
            holds=row.id in holding,
            note=row.note,
            id=row.id,
            supersedes_id=row.supersedes_id or "",
        )
        for row in rows
    ]


def audit_csv(installation: Installation, slug: str) -> bytes:
    """Return the whole record of a project as UTF-8 CSV, newest first."""
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow([field.name for field in fields(AuditRow)])
    for row in audit_rows(installation, slug):
        writer.writerow([_cell(value) for value in astuple(row)])
    return stream.getvalue().encode()


def _cell(value: object) -> object:
    if isinstance(value, dt.datetime):
        aware = value if value.tzinfo is not None else value.replace(tzinfo=dt.UTC)
        return aware.isoformat(timespec="milliseconds")
    if isinstance(value, str):
        return safe_cell(value)
    return "" if value is None else value

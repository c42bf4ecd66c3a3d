"""Candidates that are accepted unseen: the random check before, the rows, and taking them back.

A row of the kind ``accept`` has no score. It is therefore no label: no training, no held-out
figure, no agreement and no report counts it, like degraded masks (``records.is_synthetic``).
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterable

from sqlalchemy import ColumnElement, Select, func, insert, select, update
from sqlalchemy.orm import Session

from db.store import people
from db.store.chunks import chunked
from db.store.holding import holds
from db.store.naming import plain_name
from db.store.projects import get_by_id
from db.store.reviewers import ensure
from db.store.scores import best_of_images
from db.store.slices import require_free_name
from db.store.verdicts import refresh_status
from db.tables import (
    AcceptanceRow,
    CandidateRow,
    ImageRow,
    SliceImageRow,
    SliceRow,
    SpotCheckRow,
    VerdictRow,
)
from rsqa_core.acceptances import Acceptance, SpotCheck
from rsqa_core.errors import ConflictError, InvalidInputError, NotFoundError
from rsqa_core.progress import Progress, no_progress
from rsqa_core.records import require_unit_interval
from rsqa_core.slices import LARGEST_SLICE, LONGEST_NAME

_BATCH = 2000


def acceptable_images(session: Session, project_id: int, above: float) -> list[int]:
    """Return the open images whose best candidate is predicted ``above`` (0..1) or better, by id.

    Images of random slices are left out: they were drawn to be looked at.
    """
    return list(
        session.scalars(_acceptable(select(ImageRow.id), project_id, above).order_by(ImageRow.id))
    )


def draw_spot_check(
    session: Session,
    project_id: int,
    *,
    name: str,
    above: float,
    size: int,
    seed: int,
    drawn_by: str,
) -> SpotCheck:
    """Draw a random slice of the images that could be accepted at a threshold.

    Raises:
        NotFoundError: there is no such project.
        InvalidInputError: a name or number has no sense, nothing is scored, or ``size`` leaves no
            image to accept.
        ConflictError: the project has a slice of that name.
    """
    project = get_by_id(session, project_id)
    require_unit_interval("above", above)
    name = plain_name(name, LONGEST_NAME)
    ensure(session, drawn_by)
    require_free_name(session, project_id, name)
    if project.active_head_id is None:
        raise InvalidInputError("Nothing was scored yet. Score the project first.")
    found = acceptable_images(session, project_id, above)
    if not 1 <= size <= min(len(found) - 1, LARGEST_SLICE):
        raise InvalidInputError(
            f"Expected a check of 1 to {max(0, min(len(found) - 1, LARGEST_SLICE)):,} of the "
            f"{len(found):,} images predicted {above:.2f} or better, but got {size:,}."
        )
    chance = random.Random(seed)  # noqa: S311 - a draw that can be repeated, not a secret
    drawn = sorted(chance.sample(found, size))
    row = SliceRow(
        project_id=project_id,
        name=name,
        design="simple",
        population=len(found),
        size=size,
        seed=seed,
        drawn_by=drawn_by,
    )
    session.add(row)
    session.flush()
    session.execute(
        insert(SliceImageRow),
        [
            {
                "slice_id": row.id,
                "image_id": image_id,
                "stratum": "",
                "stratum_size": len(found),
                "probability": size / len(found),
            }
            for image_id in drawn
        ],
    )
    check = SpotCheckRow(
        slice_id=row.id, above=above, head_id=project.active_head_id, newest_image_id=found[-1]
    )
    session.add(check)
    session.flush()
    return SpotCheck(row.record(), check.above, check.head_id, check.newest_image_id)


def spot_checks(session: Session, project_id: int) -> list[SpotCheck]:
    """Return a project's spot checks, newest first."""
    rows = session.execute(
        select(SliceRow, SpotCheckRow)
        .join(SpotCheckRow, SpotCheckRow.slice_id == SliceRow.id)
        .where(SliceRow.project_id == project_id)
        .order_by(SliceRow.id.desc())
    )
    return [
        SpotCheck(row.record(), check.above, check.head_id, check.newest_image_id)
        for row, check in rows
    ]


def accept(
    session: Session,
    check: SpotCheck,
    *,
    accepted_by: str,
    progress: Progress = no_progress,
) -> Acceptance:
    """Accept the best candidate of every image that the check stands for, in this transaction.

    Those are the open images that the check was drawn from and that are still predicted that well
    by the same head. Whether the check was looked at is for the caller to see to
    (`workflows.accepting`).

    Raises:
        ConflictError: another head is current by now, or no image is left.
        NotAllowedError: an observer decides nothing.
    """
    project = get_by_id(session, check.slice.project_id)
    people.require_may_decide(session, accepted_by)
    ensure(session, accepted_by)
    if project.active_head_id != check.head_id:
        raise ConflictError(
            f"The check {check.slice.name!r} was drawn by scores of another head. Draw a new one."
        )
    found = [
        image_id
        for image_id in acceptable_images(session, project.id, check.above)
        if image_id <= check.newest_image_id
    ]
    if not found:
        raise ConflictError("No image is left to accept. Choose a lower threshold.")
    best = best_of_images(session, project.id)
    versions = _versions(session, [best[image_id].candidate_id for image_id in found])
    row = AcceptanceRow(
        project_id=project.id,
        spot_check=check.slice.name,
        above=check.above,
        accepted=len(found),
        accepted_by=accepted_by,
    )
    session.add(row)
    session.flush()
    for start in range(0, len(found), _BATCH):
        progress("accepting", start, len(found))
        portion = found[start : start + _BATCH]
        session.execute(
            insert(VerdictRow),
            [
                {
                    "id": str(uuid.uuid4()),
                    "project_id": project.id,
                    "image_id": image_id,
                    "candidate_id": best[image_id].candidate_id,
                    "candidate_version": versions[best[image_id].candidate_id],
                    "reviewer": accepted_by,
                    "kind": "accept",
                    "note": "",
                    "head_id": check.head_id,
                    "score_shown": best[image_id].score,
                    "score_visible": False,
                    "time_spent_s": 0.0,
                    "acceptance_id": row.id,
                }
                for image_id in portion
            ],
        )
        _set_statuses(session, portion, "accepted")
    progress("accepting", len(found), len(found))
    session.expire_all()
    return _record(row, len(found))


def take_back(
    session: Session, acceptance_id: int, *, by: str, progress: Progress = no_progress
) -> int:
    """Take back, by rows of their own, what still holds of an acceptance; return how many.

    Raises:
        NotFoundError: there is no such acceptance.
        ConflictError: somebody else accepted, or nothing of it holds any more.
    """
    row = session.get(AcceptanceRow, acceptance_id)
    if row is None:
        raise NotFoundError(f"There is no acceptance {acceptance_id}.")
    people.require_may_decide(session, by)
    if row.accepted_by != by:
        raise ConflictError(
            f"{row.accepted_by!r} accepted these. Reviewers take back only their own decisions."
        )
    held = session.execute(
        select(VerdictRow.id, VerdictRow.image_id, VerdictRow.candidate_id)
        .where(VerdictRow.acceptance_id == acceptance_id, _holding())
        .order_by(VerdictRow.seq)
    ).all()
    if not held:
        raise ConflictError("Nothing of this holds any more: it was taken back or decided since.")
    for start in range(0, len(held), _BATCH):
        progress("taking back", start, len(held))
        portion = held[start : start + _BATCH]
        session.execute(
            insert(VerdictRow),
            [
                {
                    "id": str(uuid.uuid4()),
                    "project_id": row.project_id,
                    "image_id": image_id,
                    "candidate_id": candidate_id,
                    "reviewer": by,
                    "kind": "undo",
                    "note": "",
                    "score_visible": False,
                    "time_spent_s": 0.0,
                    "supersedes_id": verdict_id,
                    "acceptance_id": acceptance_id,
                }
                for verdict_id, image_id, candidate_id in portion
            ],
        )
        image_ids = [image_id for _, image_id, _ in portion]
        others = _decided(session, image_ids)
        _set_statuses(session, [i for i in image_ids if i not in others], "open")
        for image in session.scalars(select(ImageRow).where(ImageRow.id.in_(others))):
            refresh_status(session, image)
    progress("taking back", len(held), len(held))
    session.expire_all()
    return len(held)


def all_of(session: Session, project_id: int) -> list[Acceptance]:
    """Return a project's acceptances, newest first."""
    holding = dict(
        session.execute(
            select(VerdictRow.acceptance_id, func.count())
            .where(VerdictRow.project_id == project_id, VerdictRow.kind == "accept", _holding())
            .group_by(VerdictRow.acceptance_id)
        ).all()
    )
    rows = session.scalars(
        select(AcceptanceRow)
        .where(AcceptanceRow.project_id == project_id)
        .order_by(AcceptanceRow.id.desc())
    )
    return [_record(row, holding.get(row.id, 0)) for row in rows]


def _record(row: AcceptanceRow, holding: int) -> Acceptance:
    return Acceptance(
        id=row.id,
        project_id=row.project_id,
        spot_check=row.spot_check,
        above=row.above,
        accepted=row.accepted,
        holding=holding,
        accepted_by=row.accepted_by,
        accepted_at=row.accepted_at,
    )


def _holding() -> ColumnElement[bool]:
    return holds(VerdictRow)


def _acceptable(query: Select[int], project_id: int, above: float) -> Select[int]:
    drawn = (
        select(SliceImageRow.image_id)
        .join(SliceRow, SliceRow.id == SliceImageRow.slice_id)
        .where(SliceRow.project_id == project_id)
    )
    return query.where(
        ImageRow.project_id == project_id,
        ImageRow.status == "open",
        ImageRow.best_score >= above,
        ImageRow.id.not_in(drawn),
    )


def _versions(session: Session, candidate_ids: Iterable[int]) -> dict[int, int]:
    found: dict[int, int] = {}
    for portion in chunked(list(candidate_ids)):
        found |= dict(
            session.execute(
                select(CandidateRow.id, CandidateRow.version).where(CandidateRow.id.in_(portion))
            ).all()
        )
    return found


def _decided(session: Session, image_ids: list[int]) -> set[int]:
    """Return which of the images have another decision that holds."""
    found: set[int] = set()
    for portion in chunked(image_ids):
        found.update(
            session.scalars(
                select(VerdictRow.image_id).where(
                    VerdictRow.image_id.in_(portion), VerdictRow.kind != "note", _holding()
                )
            )
        )
    return found


def _set_statuses(session: Session, image_ids: list[int], status: str) -> None:
    for portion in chunked(image_ids):
        session.execute(
            update(ImageRow)
            .where(ImageRow.id.in_(portion))
            .values(status=status, version=ImageRow.version + 1)
            .execution_options(synchronize_session=False)
        )

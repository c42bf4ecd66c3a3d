"""Candidates: one segmenter's mask of one image."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from db.store.chunks import chunked
from db.store.images import missing as missing_image
from db.store.ranking import refresh_ranking
from db.tables import CandidateRow, ImageRow, ScoreRow, VerdictRow
from rsqa_core.errors import InvalidInputError, NotFoundError
from rsqa_core.records import Candidate, NewCandidate, require_unit_interval


def put(session: Session, candidates: Sequence[NewCandidate]) -> list[Candidate]:
    """Record candidates by (image, segmenter) and return them in the order given.

    One whose mask or segmenter differs from what is recorded becomes the next version of it and
    loses its scores; verdicts stay, but no longer count as labels. One with the same mask keeps
    its measured accuracy unless a new one is given.

    Raises:
        InvalidInputError: a segmenter has no name, or an accuracy or share is outside [0, 1].
        NotFoundError: an image does not exist.
    """
    for new in candidates:
        _require_sound(new)
    image_ids = sorted({new.image_id for new in candidates})
    known = _rows_by_key(session, image_ids)
    images = set[int]()
    for portion in chunked(image_ids):
        images.update(session.scalars(select(ImageRow.id).where(ImageRow.id.in_(portion))))
    outdated: list[CandidateRow] = []
    for new in candidates:
        if new.image_id not in images:
            raise missing_image(new.image_id)
        row = known.get((new.image_id, new.segmenter))
        if row is None:
            row = CandidateRow(image_id=new.image_id, segmenter=new.segmenter, version=1)
            known[(new.image_id, new.segmenter)] = row
            session.add(row)
        elif (row.mask_sha256, row.segmenter_fingerprint) != (
            new.mask_sha256,
            new.segmenter_fingerprint,
        ):
            row.version += 1
            outdated.append(row)
        elif new.overall_accuracy is None:
            new = replace(new, overall_accuracy=row.overall_accuracy, valid_px=row.valid_px)
        _fill(row, new)
    session.flush()
    if outdated:
        for portion in chunked(row.id for row in outdated):
            session.execute(delete(ScoreRow).where(ScoreRow.candidate_id.in_(portion)))
        refresh_ranking(session, image_ids={row.image_id for row in outdated})
    return [known[(new.image_id, new.segmenter)].record() for new in candidates]


def remove(session: Session, candidate_ids: Sequence[int]) -> int:
    """Remove candidates with their scores, but none that a verdict names, and return how many.

    Verdicts are never removed, so what they are about stays.
    """
    images = set[int]()
    count = 0
    for portion in chunked(candidate_ids):
        judged = select(VerdictRow.candidate_id).where(VerdictRow.candidate_id.in_(portion))
        rows = session.execute(
            select(CandidateRow.id, CandidateRow.image_id).where(
                CandidateRow.id.in_(portion), CandidateRow.id.not_in(judged)
            )
        ).all()
        # The rows' scores go with them through their foreign key.
        session.execute(delete(CandidateRow).where(CandidateRow.id.in_([row.id for row in rows])))
        images.update(row.image_id for row in rows)
        count += len(rows)
    if images:
        refresh_ranking(session, image_ids=images)
    return count


def _require_sound(new: NewCandidate) -> None:
    if not new.segmenter.strip():
        raise InvalidInputError(
            "Expected a candidate to name its segmenter, but the name is empty."
        )
    for share in new.area_shares:
        require_unit_interval("area_shares", share)
    if new.overall_accuracy is not None:
        require_unit_interval("overall_accuracy", new.overall_accuracy)


def _fill(row: CandidateRow, new: NewCandidate) -> None:
    row.segmenter_fingerprint = new.segmenter_fingerprint
    row.mask_path = new.mask_path
    row.mask_sha256 = new.mask_sha256
    row.probs_path = new.probs_path
    row.overall_accuracy = new.overall_accuracy
    row.valid_px = new.valid_px
    shares = [float(share) for share in new.area_shares]
    if row.area_shares != shares:
        row.area_shares = shares


def _rows_by_key(session: Session, image_ids: Sequence[int]) -> dict[tuple[int, str], CandidateRow]:
    found: dict[tuple[int, str], CandidateRow] = {}
    for portion in chunked(image_ids):
        rows = session.scalars(select(CandidateRow).where(CandidateRow.image_id.in_(portion)))
        found.update(((row.image_id, row.segmenter), row) for row in rows)
    return found


def _row(session: Session, candidate_id: int) -> CandidateRow:
    row = session.get(CandidateRow, candidate_id)
    if row is None:
        raise missing(candidate_id)
    return row


def missing(candidate_id: int) -> NotFoundError:
    """Return the error for a candidate that is not there."""
    return NotFoundError(
        f"There is no candidate with the id {candidate_id}. Its project may have been deleted; "
        "go back to the queue."
    )


def get(session: Session, candidate_id: int) -> Candidate:
    """Return one candidate.

    Raises:
        NotFoundError: there is none with this id.
    """
    return _row(session, candidate_id).record()


def of_images(session: Session, image_ids: Sequence[int]) -> dict[int, list[Candidate]]:
    """Return the candidates of each image by id; an image without any has an empty list."""
    found: dict[int, list[Candidate]] = {image_id: [] for image_id in image_ids}
    for portion in chunked(found):
        rows = session.scalars(
            select(CandidateRow).where(CandidateRow.image_id.in_(portion)).order_by(CandidateRow.id)
        )
        for row in rows:
            found[row.image_id].append(row.record())
    return found


def all_of(session: Session, project_id: int) -> list[Candidate]:
    """Return every candidate of a project by image and id."""
    rows = session.execute(
        select(CandidateRow.__table__)
        .join(ImageRow, ImageRow.id == CandidateRow.image_id)
        .where(ImageRow.project_id == project_id)
        .order_by(CandidateRow.image_id, CandidateRow.id)
    )
    # Plain rows have the same names; a mapped object for each costs more than all else here.
    return [CandidateRow.record(row) for row in rows]  # type: ignore[arg-type]


def segmenters(session: Session, project_id: int) -> list[str]:
    """Return the names of the segmenters that a project has candidates of, sorted."""
    return list(
        session.scalars(
            select(CandidateRow.segmenter)
            .join(ImageRow, ImageRow.id == CandidateRow.image_id)
            .where(ImageRow.project_id == project_id)
            .distinct()
            .order_by(CandidateRow.segmenter)
        )
    )


def newest_id(session: Session) -> int:
    """Return the largest id of a candidate of any project, 0 without one; it grows with each."""
    return session.scalar(select(func.max(CandidateRow.id))) or 0


def segmenters_of(session: Session, candidate_ids: Collection[int]) -> dict[int, str]:
    """Return the segmenters of some candidates by id; ids without a candidate are left out."""
    found: dict[int, str] = {}
    for portion in chunked(candidate_ids):
        found |= dict(
            session.execute(
                select(CandidateRow.id, CandidateRow.segmenter).where(CandidateRow.id.in_(portion))
            ).all()
        )
    return found


def images_of(session: Session, candidate_ids: Collection[int]) -> dict[int, int]:
    """Return the image of some candidates by id; ids without a candidate are left out."""
    found: dict[int, int] = {}
    for portion in chunked(candidate_ids):
        found |= dict(
            session.execute(
                select(CandidateRow.id, CandidateRow.image_id).where(CandidateRow.id.in_(portion))
            ).all()
        )
    return found


def set_overall_accuracy(
    session: Session, candidate_id: int, overall_accuracy: float | None, valid_px: int | None
) -> None:
    """Set the measured share of right pixels, 0..1, and how many pixels it was measured on.

    Raises:
        InvalidInputError: the accuracy is not a number in [0, 1].
        NotFoundError: there is no such candidate.
    """
    row = _row(session, candidate_id)
    if overall_accuracy is not None:
        overall_accuracy = require_unit_interval("overall_accuracy", overall_accuracy)
    row.overall_accuracy = overall_accuracy
    row.valid_px = valid_px
    session.flush()

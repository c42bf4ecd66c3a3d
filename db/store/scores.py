"""Scores: what a head predicts for candidates."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Text, and_, bindparam, select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.orm import Session

from db.store.chunks import chunked
from db.store.heads import usable_head
from db.store.projects import get_by_id
from db.store.ranking import refresh_ranking
from db.tables import CandidateRow, ImageRow, ProjectRow, ScoreRow
from rsqa_core.errors import InvalidInputError, NotFoundError
from rsqa_core.records import ALARMS, SYNTHETIC_PREFIX, Score, require_unit_interval

_PREDICTED = ("score", "low", "high", "alarms", "mean_iou", "boundary_f1", "class_iou")


def publish(session: Session, project_id: int, head_id: str, scores: Sequence[Score]) -> int:
    """Record scores of a project's candidates by one head, replacing earlier ones by it.

    Where the head is the project's current one, its images take their place in the queue anew.

    Returns:
        How many scores were recorded.

    Raises:
        InvalidInputError: a score is by another head, is no number in [0, 1], its interval is
            upside down, its classes are not the project's, or it has an unknown alarm.
        NotFoundError: the project, the head or a candidate of the project does not exist.
    """
    project = get_by_id(session, project_id)
    usable_head(session, project_id, head_id)
    for score in scores:
        _require_sound(score, head_id, len(project.classes))
    image_of = _images_of(session, project_id, [score.candidate_id for score in scores])
    if scores:
        # Both lists as text: what a column of JSON does with each value takes longer than the rest.
        texts = {name: bindparam(name, type_=Text) for name in ("alarms", "class_iou")}
        statement = insert(ScoreRow).values(texts)
        session.connection().execute(
            statement.on_conflict_do_update(
                index_elements=["candidate_id", "head_id"],
                set_={name: statement.excluded[name] for name in _PREDICTED},
            ),
            [_columns(score) for score in scores],
        )
    if scores and project.active_head_id == head_id:
        refresh_ranking(session, image_ids=set(image_of.values()))
    return len(scores)


def _columns(score: Score) -> dict[str, Any]:
    return {
        "candidate_id": score.candidate_id,
        "head_id": score.head_id,
        "score": float(score.score),
        "low": float(score.low),
        "high": float(score.high),
        "alarms": json.dumps(score.alarms) if score.alarms else None,
        "mean_iou": _plain(score.mean_iou),
        "boundary_f1": _plain(score.boundary_f1),
        "class_iou": json.dumps([*map(_plain, score.class_iou)]) if score.class_iou else None,
    }


def _plain(value: float | None) -> float | None:
    """Return a number as JSON and SQLite take it; those of arrays are none."""
    return None if value is None else float(value)


def _require_sound(score: Score, head_id: str, classes: int) -> None:
    if score.head_id != head_id:
        raise InvalidInputError(
            f"Expected scores by the head {head_id!r}, but candidate {score.candidate_id} has one "
            f"by {score.head_id!r}."
        )
    for name in ("score", "low", "high"):
        require_unit_interval(f"{name} of candidate {score.candidate_id}", getattr(score, name))
    for name, value in (
        ("mean_iou", score.mean_iou),
        ("boundary_f1", score.boundary_f1),
        *(("class_iou", iou) for iou in score.class_iou),
    ):
        if value is not None:
            require_unit_interval(f"{name} of candidate {score.candidate_id}", value)
    if len(score.class_iou) not in (0, classes):
        raise InvalidInputError(
            f"Expected `class_iou` to have one value for each of the {classes} classes, or none, "
            f"but candidate {score.candidate_id} has {len(score.class_iou)}."
        )
    if unknown := [alarm for alarm in score.alarms if alarm not in ALARMS]:
        raise InvalidInputError(
            f"Expected `alarms` to be among {', '.join(ALARMS)}, but candidate "
            f"{score.candidate_id} has {unknown[0]!r}."
        )
    if score.low > score.high:
        raise InvalidInputError(
            f"Expected low <= high, but candidate {score.candidate_id} has {score.low} and "
            f"{score.high}."
        )


def _images_of(session: Session, project_id: int, candidate_ids: Sequence[int]) -> dict[int, int]:
    found: dict[int, int] = {}
    for portion in chunked(candidate_ids):
        rows = session.execute(
            select(CandidateRow.id, CandidateRow.image_id)
            .join(ImageRow, ImageRow.id == CandidateRow.image_id)
            .where(CandidateRow.id.in_(portion), ImageRow.project_id == project_id)
        )
        found.update((candidate_id, image_id) for candidate_id, image_id in rows)
    if unknown := sorted(set(candidate_ids) - found.keys()):
        raise NotFoundError(
            f"The project has no candidate with the id {unknown[0]}. "
            "It may have been deleted meanwhile; score the project again."
        )
    return found


def of_head(session: Session, project_id: int, head_id: str) -> dict[int, Score]:
    """Return a head's scores of a project's candidates, by candidate id."""
    rows = session.execute(
        select(ScoreRow.__table__)
        .join(CandidateRow, CandidateRow.id == ScoreRow.candidate_id)
        .join(ImageRow, ImageRow.id == CandidateRow.image_id)
        .where(ImageRow.project_id == project_id, ScoreRow.head_id == head_id)
        .order_by(ScoreRow.candidate_id)
    )
    # Plain rows have the same names; a mapped object for each costs more than all else here.
    return {row.candidate_id: ScoreRow.record(row) for row in rows}  # type: ignore[arg-type]


def best_of_images(session: Session, project_id: int) -> dict[int, Score]:
    """Return the current head's score of each image's best candidate, by image id.

    Images without a scored candidate are left out, and degraded masks do not count.
    """
    rows = session.execute(
        select(ImageRow.id.label("image_id"), ScoreRow.__table__)
        .join(ProjectRow, ProjectRow.id == ImageRow.project_id)
        .join(CandidateRow, CandidateRow.image_id == ImageRow.id)
        .join(
            ScoreRow,
            (ScoreRow.candidate_id == CandidateRow.id)
            & (ScoreRow.head_id == ProjectRow.active_head_id)
            & (ScoreRow.score == ImageRow.best_score),
        )
        .where(
            ImageRow.project_id == project_id,
            CandidateRow.segmenter.not_like(f"{SYNTHETIC_PREFIX}%"),
        )
        # Of several best ones the first counts, which comes last here.
        .order_by(ImageRow.id, CandidateRow.id.desc())
    )
    return {row.image_id: ScoreRow.record(row) for row in rows}  # type: ignore[arg-type]


def of_candidates(session: Session, head_id: str, candidate_ids: Sequence[int]) -> dict[int, Score]:
    """Return a head's scores of some candidates, by candidate id; unscored ones are left out."""
    found: dict[int, Score] = {}
    for portion in chunked(candidate_ids):
        rows = session.scalars(
            select(ScoreRow).where(ScoreRow.head_id == head_id, ScoreRow.candidate_id.in_(portion))
        )
        found.update((row.candidate_id, row.record()) for row in rows)
    return found


def unscored(session: Session, project_id: int, head_id: str) -> list[int]:
    """Return the ids of a project's candidates that a head has not scored, by image and id."""
    return list(
        session.scalars(
            select(CandidateRow.id)
            .join(ImageRow, ImageRow.id == CandidateRow.image_id)
            .outerjoin(
                ScoreRow,
                and_(ScoreRow.candidate_id == CandidateRow.id, ScoreRow.head_id == head_id),
            )
            .where(ImageRow.project_id == project_id, ScoreRow.candidate_id.is_(None))
            .order_by(CandidateRow.image_id, CandidateRow.id)
        )
    )

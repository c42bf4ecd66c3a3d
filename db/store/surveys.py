"""Area surveys: their points, and the answers of which the newest of each point holds."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from db.store import people
from db.store.naming import plain_name
from db.store.projects import get_by_id
from db.store.reviewers import ensure
from db.tables import SurveyAnswerRow, SurveyPointRow, SurveyRow
from rsqa_core.errors import ConflictError, InvalidInputError, NotFoundError
from rsqa_core.surveys import (
    LONGEST_NAME,
    MOST_POINTS,
    NewPoint,
    Survey,
    SurveyAnswer,
    SurveyPoint,
)

LONGEST_TIME_S = 7 * 24 * 3600.0


def add(
    session: Session,
    project_id: int,
    points: Sequence[NewPoint],
    *,
    name: str,
    seed: int,
    unit: str,
    mapped: Sequence[float],
    images: int,
    left_out: int,
    drawn_by: str,
) -> Survey:
    """Keep a survey with its points, in the order in which they are to be looked at.

    Raises:
        NotFoundError: there is no such project.
        InvalidInputError: the name is empty or too long, or there are no points or too many.
        ConflictError: the project has a survey of that name.
    """
    project = get_by_id(session, project_id)
    ensure(session, drawn_by)
    name = plain_name(name, LONGEST_NAME)
    if not 1 <= len(points) <= MOST_POINTS:
        raise InvalidInputError(
            f"Expected between 1 and {MOST_POINTS:,} points, but got {len(points):,}."
        )
    if len(mapped) != len(project.classes):
        raise InvalidInputError(
            f"Expected an area for each of {len(project.classes)} classes, but got {len(mapped)}."
        )
    if _row(session, project_id, name) is not None:
        raise ConflictError(f"The project has a survey {name!r} already. Choose another name.")
    row = SurveyRow(
        project_id=project_id,
        name=name,
        seed=seed,
        unit=unit,
        mapped=[float(area) for area in mapped],
        points=len(points),
        images=images,
        left_out=left_out,
        drawn_by=drawn_by,
    )
    session.add(row)
    session.flush()
    session.execute(
        insert(SurveyPointRow),
        [
            {
                "survey_id": row.id,
                "number": number,
                "image_id": point.image_id,
                "candidate_id": point.candidate_id,
                "x_px": point.x_px,
                "y_px": point.y_px,
                "map_class": point.map_class,
            }
            for number, point in enumerate(points, start=1)
        ],
    )
    return row.record()


def all_of(session: Session, project_id: int) -> list[Survey]:
    """Return a project's surveys, newest first."""
    rows = session.scalars(
        select(SurveyRow).where(SurveyRow.project_id == project_id).order_by(SurveyRow.id.desc())
    )
    return [row.record() for row in rows]


def get(session: Session, project_id: int, survey_id: int) -> Survey:
    """Return a survey of a project.

    Raises:
        NotFoundError: the project has no such survey.
    """
    row = session.get(SurveyRow, survey_id) if 0 < survey_id < 2**63 else None
    if row is None or row.project_id != project_id:
        raise NotFoundError(f"This project has no survey {survey_id}. Open Areas again.")
    return row.record()


def named(session: Session, project_id: int, name: str) -> Survey:
    """Return a survey of a project by its name.

    Raises:
        NotFoundError: the project has none of that name.
    """
    row = _row(session, project_id, name)
    if row is None:
        raise NotFoundError.named("survey", name, [s.name for s in all_of(session, project_id)])
    return row.record()


def points(session: Session, survey_id: int) -> list[SurveyPoint]:
    """Return the points of a survey in their order."""
    rows = session.scalars(
        select(SurveyPointRow)
        .where(SurveyPointRow.survey_id == survey_id)
        .order_by(SurveyPointRow.number)
    )
    return [row.record() for row in rows]


def answers(session: Session, survey_id: int) -> dict[int, SurveyAnswer]:
    """Return the answer of each point that holds, by the point's number."""
    newest = (
        select(func.max(SurveyAnswerRow.seq))
        .where(SurveyAnswerRow.survey_id == survey_id)
        .group_by(SurveyAnswerRow.number)
    )
    rows = session.scalars(select(SurveyAnswerRow).where(SurveyAnswerRow.seq.in_(newest)))
    return {row.number: row.record() for row in rows}


def answer(session: Session, project_id: int, given: SurveyAnswer) -> bool:
    """Record an answer; False where this very answer is recorded already.

    Raises:
        InvalidInputError: no UUID, or the class or the time is none.
        NotFoundError: the project has no such survey, or the survey no such point.
        NotAllowedError: the reviewer observes.
        ConflictError: the id belongs to another answer.
    """
    survey = get(session, project_id, given.survey_id)
    _require_sound(session, survey, given)
    known = session.scalar(select(SurveyAnswerRow).where(SurveyAnswerRow.id == given.id))
    if known is not None:
        same = (known.survey_id, known.number, known.class_id, known.reviewer)
        if same != (given.survey_id, given.number, given.class_id, given.reviewer):
            raise ConflictError(f"The id {given.id} belongs to another answer. Answer again.")
        return False
    people.require_may_decide(session, given.reviewer)
    ensure(session, given.reviewer)
    session.add(
        SurveyAnswerRow(
            id=given.id,
            survey_id=given.survey_id,
            number=given.number,
            class_id=given.class_id,
            reviewer=given.reviewer,
            time_spent_s=given.time_spent_s,
        )
    )
    session.flush()
    return True


def remove(session: Session, project_id: int, name: str) -> None:
    """Forget a survey with its points and answers.

    Raises:
        NotFoundError: the project has no survey of that name.
    """
    survey = named(session, project_id, name)
    session.delete(session.get_one(SurveyRow, survey.id))
    session.flush()


def _require_sound(session: Session, survey: Survey, given: SurveyAnswer) -> None:
    try:
        uuid.UUID(given.id)
    except ValueError as error:
        raise InvalidInputError(f"Expected `id` to be a UUID, but got {given.id!r}.") from error
    if given.class_id is not None and not 0 <= given.class_id < len(survey.mapped):
        raise InvalidInputError(
            f"Expected a class between 0 and {len(survey.mapped) - 1}, but got {given.class_id}."
        )
    if not 0 <= given.time_spent_s <= LONGEST_TIME_S:
        raise InvalidInputError(
            f"Expected a time from 0 s to a week, but got {given.time_spent_s} s."
        )
    if session.get(SurveyPointRow, (survey.id, given.number)) is None:
        raise NotFoundError(f"The survey {survey.name!r} has no point {given.number}.")


def _row(session: Session, project_id: int, name: str) -> SurveyRow | None:
    return session.scalar(
        select(SurveyRow).where(SurveyRow.project_id == project_id, SurveyRow.name == name)
    )

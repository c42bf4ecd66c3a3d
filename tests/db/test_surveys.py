"""Area surveys: kept with their points, answered by anyone, never rewritten."""

from __future__ import annotations

import sqlite3
import uuid

import pytest

from db.sqlite_driver import load_driver
from db.store import projects, surveys
from rsqa_core.errors import ConflictError, InvalidInputError, NotFoundError
from rsqa_core.surveys import NewPoint, Survey, SurveyAnswer
from tests.db.filled import Filled, fill


def add(filled: Filled, name: str = "spring", count: int = 4) -> Survey:
    points = [
        NewPoint(filled.images[n % 2].id, filled.of(n % 2).id, n, 2 * n, n % 2)
        for n in range(count)
    ]
    with filled.database.begin() as session:
        return surveys.add(
            session,
            filled.project.id,
            points,
            name=name,
            seed=5,
            unit="px",
            mapped=[30.0, 70.0],
            images=2,
            left_out=1,
            drawn_by="ada",
        )


def answer(
    filled: Filled, survey: Survey, number: int, class_id: int | None, reviewer: str = "ada"
) -> SurveyAnswer:
    given = SurveyAnswer(str(uuid.uuid4()), survey.id, number, class_id, reviewer, 1.5)
    with filled.database.begin() as session:
        assert surveys.answer(session, filled.project.id, given)
    return given


def held(filled: Filled, survey: Survey) -> dict[int, int | None]:
    with filled.database.read() as session:
        return {n: one.class_id for n, one in surveys.answers(session, survey.id).items()}


def test_a_survey_keeps_its_points_in_their_order(filled: Filled) -> None:
    survey = add(filled)

    with filled.database.read() as session:
        assert surveys.all_of(session, filled.project.id) == [survey]
        assert surveys.named(session, filled.project.id, "spring") == survey
        points = surveys.points(session, survey.id)
    assert (survey.mapped, survey.points, survey.left_out) == ((30.0, 70.0), 4, 1)
    assert [(p.number, p.x_px, p.y_px, p.map_class) for p in points] == [
        (1, 0, 0, 0),
        (2, 1, 2, 1),
        (3, 2, 4, 0),
        (4, 3, 6, 1),
    ]


def test_the_newest_answer_of_a_point_holds(filled: Filled) -> None:
    survey = add(filled)
    answer(filled, survey, 1, 0)
    answer(filled, survey, 2, None)
    answer(filled, survey, 1, 1, "ben")

    assert held(filled, survey) == {1: 1, 2: None}


def test_an_answer_that_is_sent_twice_is_one(filled: Filled) -> None:
    survey = add(filled)
    given = answer(filled, survey, 1, 0)
    answer(filled, survey, 1, 1)

    with filled.database.begin() as session:
        assert not surveys.answer(session, filled.project.id, given)
    assert held(filled, survey) == {1: 1}  # it does not come back as the newest
    other = SurveyAnswer(given.id, survey.id, 2, 0, "ada")
    with (
        filled.database.begin() as session,
        pytest.raises(ConflictError, match="another answer"),
    ):
        surveys.answer(session, filled.project.id, other)


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"id": "7"}, InvalidInputError, "UUID"),
        ({"class_id": 2}, InvalidInputError, "between 0 and 1"),
        ({"class_id": -1}, InvalidInputError, "between 0 and 1"),
        ({"time_spent_s": -1.0}, InvalidInputError, "a week"),
        ({"number": 5}, NotFoundError, "no point 5"),
        ({"survey_id": 99}, NotFoundError, "no survey 99"),
    ],
)
def test_senseless_answers_are_refused(
    filled: Filled, changes: dict[str, object], error: type[Exception], words: str
) -> None:
    survey = add(filled)
    fields: dict[str, object] = {
        "id": str(uuid.uuid4()),
        "survey_id": survey.id,
        "number": 1,
        "class_id": 0,
        "reviewer": "ada",
    }
    given = SurveyAnswer(**{**fields, **changes})  # type: ignore[arg-type]
    with filled.database.begin() as session, pytest.raises(error, match=words):
        surveys.answer(session, filled.project.id, given)
    assert held(filled, survey) == {}


def test_another_projects_survey_is_not_there(filled: Filled) -> None:
    survey = add(filled)
    other = fill(filled.database, slug="village")

    with filled.database.read() as session:
        with pytest.raises(NotFoundError, match="no survey"):
            surveys.get(session, other.project.id, survey.id)
        assert surveys.all_of(session, other.project.id) == []


def test_names_and_sizes_are_checked(filled: Filled) -> None:
    add(filled)
    with pytest.raises(ConflictError, match="already"):
        add(filled)
    with pytest.raises(InvalidInputError, match="printable"):
        add(filled, " ")
    with pytest.raises(InvalidInputError, match="points"):
        add(filled, "none", 0)


@pytest.mark.parametrize(
    "statement", ["UPDATE survey_answer SET class_id = 1", "DELETE FROM survey_answer"]
)
def test_no_program_rewrites_answers(filled: Filled, statement: str) -> None:
    survey = add(filled)
    answer(filled, survey, 1, 0)
    driver = load_driver()
    connection = driver.connect(str(filled.database.path))
    try:
        with pytest.raises((driver.IntegrityError, sqlite3.IntegrityError), match="append-only"):
            connection.execute(statement)
    finally:
        connection.close()
    assert held(filled, survey) == {1: 0}


def test_a_survey_goes_with_its_answers_and_so_does_its_project(filled: Filled) -> None:
    first, second = add(filled, "a"), add(filled, "b")
    answer(filled, first, 1, 0)
    answer(filled, second, 1, 0)

    with filled.database.begin() as session:
        surveys.remove(session, filled.project.id, "a")
    assert held(filled, first) == {}
    assert held(filled, second) == {1: 0}
    with filled.database.begin() as session:
        projects.delete(session, filled.project.slug)
    assert held(filled, second) == {}
    with filled.database.begin() as session, pytest.raises(NotFoundError, match="survey"):
        surveys.remove(session, filled.project.id, "a")

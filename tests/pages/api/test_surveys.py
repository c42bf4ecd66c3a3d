"""Surveys over the routes: points without the map's class, answers recorded once."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from starlette.testclient import TestClient

from db.store import surveys
from pages.api import API_ROOT, mint_token
from rsqa_core.records import Candidate, Project
from rsqa_core.surveys import NewPoint, Survey
from tests.pages.seeding import add_project
from workflows.opening import Installation


@pytest.fixture
def survey(installation: Installation, project: Project, first: Candidate) -> Survey:
    points = [NewPoint(first.image_id, first.id, 3 * n, 5 * n, n % 2) for n in range(4)]
    with installation.database.begin() as session:
        return surveys.add(
            session,
            project.id,
            points,
            name="spring",
            seed=1,
            unit="px",
            mapped=[3.0, 7.0],
            images=6,
            left_out=0,
            drawn_by="Ada",
        )


def answer(number: int, class_id: int | None = 1, **changes: Any) -> dict[str, Any]:
    given = {
        "id": str(uuid.uuid4()),
        "number": number,
        "class_id": class_id,
        "time_spent_s": 1.5,
    }
    return given | changes


def post(client: TestClient, headers: dict[str, str], survey_id: int, *entries: Any) -> Any:
    return client.post(
        f"{API_ROOT}/surveys/{survey_id}/answers", json={"answers": list(entries)}, headers=headers
    )


def test_points_come_without_what_the_map_says(
    client: TestClient, signed: dict[str, str], survey: Survey, first: Candidate
) -> None:
    found = client.get(f"{API_ROOT}/surveys/{survey.id}", headers=signed).json()

    assert [p["number"] for p in found["points"]] == [1, 2, 3, 4]
    assert all(set(p) == {"number", "image_id", "x_px", "y_px"} for p in found["points"])
    image = found["images"][str(first.image_id)]
    assert set(image) == {"name", "scene", "width_px", "height_px", "display"}
    assert client.get(f"{API_ROOT}/{image['display']}", headers=signed).status_code == 200
    assert found["answers"] == {}


def test_answers_are_recorded_once_and_come_back(
    client: TestClient, signed: dict[str, str], survey: Survey, installation: Installation
) -> None:
    known, unsure = answer(1), answer(3, None)
    first_time = post(client, signed, survey.id, known, unsure).json()["results"]
    again = post(client, signed, survey.id, known).json()["results"]
    changed = post(client, signed, survey.id, answer(1, 0)).json()["results"]

    assert [r["status"] for r in (*first_time, *again, *changed)] == [
        "saved",
        "saved",
        "duplicate",
        "saved",
    ]
    found = client.get(f"{API_ROOT}/surveys/{survey.id}", headers=signed).json()
    assert found["answers"] == {"1": 0, "3": None}
    with installation.database.read() as session:
        held = surveys.answers(session, survey.id)
    assert (held[1].reviewer, held[1].time_spent_s) == ("Ada", 1.5)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (answer(1, 2), "between 0 and 1"),
        (answer(1, True), "a class id"),  # type: ignore[arg-type]
        (answer(9), "no point 9"),
        (answer(1, id="A"), "UUID"),
        (answer(1, reviewer="Eve"), "Unknown field"),
        ("yes", "an object"),
    ],
)
def test_a_senseless_answer_is_refused_and_the_others_stay(
    client: TestClient, signed: dict[str, str], survey: Survey, entry: Any, words: str
) -> None:
    refused, saved = post(client, signed, survey.id, entry, answer(2)).json()["results"]

    assert (refused["status"], saved["status"]) == ("refused", "saved")
    assert words in refused["message"]


def test_another_projects_survey_is_not_there(
    client: TestClient, installation: Installation, survey: Survey
) -> None:
    other = add_project(installation, slug="village")
    headers = {"Authorization": f"Bearer {mint_token(installation.settings, 'Eve', other.id)}"}

    assert client.get(f"{API_ROOT}/surveys/{survey.id}", headers=headers).status_code == 404
    (result,) = post(client, headers, survey.id, answer(1)).json()["results"]
    assert result["status"] == "refused"
    assert client.get(f"{API_ROOT}/surveys/{survey.id}").status_code == 401

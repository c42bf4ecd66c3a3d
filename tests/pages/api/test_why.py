"""Why a score, as the canvas asks for it: who may, what comes back, and why there is none."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from db.store import images
from pages.api import API_ROOT, why
from pages.api.item_json import content_key
from rsqa_core.errors import InvalidInputError
from rsqa_core.records import Candidate, Project
from tests.pages.seeding import add_candidates, add_project
from workflows.model_process import ModelsUnavailableError
from workflows.opening import Installation


class Asked:
    """Stands in for the process with the models."""

    def __init__(self, image_id: int) -> None:
        self.image_id = image_id
        self.error: Exception | None = None
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def ask(self, op: str, **args: Any) -> dict[str, Any]:
        self.calls.append((op, args))
        if self.error is not None:
            raise self.error
        return {"score": 0.5, "examples": [{"image_id": self.image_id, "label": 0.7}]}


@pytest.fixture
def asked(first: Candidate, monkeypatch: pytest.MonkeyPatch) -> Asked:
    process = Asked(first.image_id + 1)
    monkeypatch.setattr(why, "model_process", lambda settings: process)
    return process


def address(candidate_id: int, **parameters: str) -> str:
    query = "&".join(f"{name}={value}" for name, value in parameters.items())
    return f"{API_ROOT}/candidates/{candidate_id}/why?{query}"


def test_an_explanation_comes_with_the_pictures_of_its_examples(
    client: TestClient,
    installation: Installation,
    signed: dict[str, str],
    first: Candidate,
    asked: Asked,
) -> None:
    answer = client.get(address(first.id, method="lime"), headers=signed)

    assert answer.status_code == 200
    assert asked.calls == [("explain_candidate", {"candidate_id": first.id, "method": "lime"})]
    with installation.database.read() as session:
        image = images.get(session, asked.image_id)
    (example,) = answer.json()["examples"]
    assert example["display"] == f"media/{image.id}/display?v={content_key(image.display_path)}"
    assert client.get(f"{API_ROOT}/{example['display']}", headers=signed).status_code == 200


def test_gradients_are_what_is_asked_for_without_a_method(
    client: TestClient, signed: dict[str, str], first: Candidate, asked: Asked
) -> None:
    assert client.get(address(first.id), headers=signed).status_code == 200
    assert asked.calls[0][1]["method"] == "grad-cam"


def test_an_unknown_method_is_refused_before_a_model_is_asked(
    client: TestClient, signed: dict[str, str], first: Candidate, asked: Asked
) -> None:
    answer = client.get(address(first.id, method="guess"), headers=signed)

    assert answer.status_code == 400
    assert "grad-cam, occlusion, lime" in answer.json()["error"]["message"]
    assert asked.calls == []


def test_without_a_token_or_from_another_project_nothing_is_explained(
    client: TestClient,
    installation: Installation,
    signed: dict[str, str],
    project: Project,
    first: Candidate,
    asked: Asked,
) -> None:
    elsewhere = add_candidates(installation, add_project(installation, slug="village", seed=9))[0]

    assert client.get(address(first.id)).status_code == 401
    assert client.get(address(elsewhere.id), headers=signed).status_code == 404
    assert client.get(address(10**9), headers=signed).status_code == 404
    assert asked.calls == []


@pytest.mark.parametrize(
    ("error", "status"),
    [(ModelsUnavailableError("no answer"), 503), (InvalidInputError("no score"), 400)],
)
def test_why_there_is_no_explanation_is_said(
    client: TestClient,
    signed: dict[str, str],
    first: Candidate,
    asked: Asked,
    error: Exception,
    status: int,
) -> None:
    asked.error = error
    answer = client.get(address(first.id), headers=signed)
    assert (answer.status_code, answer.json()["error"]["message"]) == (status, str(error))

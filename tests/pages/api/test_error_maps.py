"""Pictures of error maps: made by the process with the models when they are first asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from db.store import candidates, projects, scores
from pages.api import API_ROOT, media
from rsqa_core.errors import InvalidInputError
from rsqa_core.files import write_atomically
from rsqa_core.raster import encode_mask
from rsqa_core.records import Candidate, NewCandidate, Project
from workflows.error_images import error_image_path
from workflows.model_process import ModelsUnavailableError
from workflows.opening import Installation

PICTURE = encode_mask(np.full((4, 4), 9, np.uint8))


class Asked:
    """Stands in for the process: writes the picture, or fails as it was told."""

    def __init__(self, path: Any, error: Exception | None = None) -> None:
        self.path, self.error = path, error
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def ask(self, op: str, **args: Any) -> int:
        self.calls.append((op, args))
        if self.error is not None:
            raise self.error
        write_atomically(self.path, PICTURE)
        return 1


@pytest.fixture
def asked(
    installation: Installation, project: Project, first: Candidate, monkeypatch: pytest.MonkeyPatch
) -> Asked:
    with installation.database.read() as session:
        head = projects.get_by_id(session, project.id).active_head_id or ""
        score = scores.of_candidates(session, head, [first.id])[first.id]
    process = Asked(error_image_path(installation.settings, first, score))
    monkeypatch.setattr(media, "model_process", lambda settings: process)
    return process


def address(client: TestClient, signed: dict[str, str], first: Candidate) -> str:
    item = client.get(f"{API_ROOT}/items/{first.image_id}", headers=signed).json()
    (own,) = [one for one in item["candidates"] if one["id"] == first.id]
    return f"{API_ROOT}/{own['errors']}"


def test_a_picture_is_made_once_and_may_be_kept_for_good(
    client: TestClient, signed: dict[str, str], first: Candidate, asked: Asked
) -> None:
    where = address(client, signed, first)
    for _ in range(2):
        answer = client.get(where, headers=signed)
        assert (answer.status_code, answer.content) == (200, PICTURE)
        assert answer.headers["content-type"] == "image/png"
        assert "immutable" in answer.headers["cache-control"]
    assert asked.calls == [("error_images", {"image_id": first.image_id})]


def test_the_map_of_an_earlier_score_is_a_conflict_and_is_not_made(
    client: TestClient, signed: dict[str, str], first: Candidate, asked: Asked
) -> None:
    where = address(client, signed, first).partition("?")[0]
    assert client.get(f"{where}?v=base-123", headers=signed).status_code == 409
    assert asked.calls == []


@pytest.mark.parametrize(
    ("error", "status"),
    [(ModelsUnavailableError("no answer"), 503), (InvalidInputError("no score"), 400)],
)
def test_why_there_is_no_map_is_said(
    client: TestClient,
    signed: dict[str, str],
    first: Candidate,
    asked: Asked,
    error: Exception,
    status: int,
) -> None:
    asked.error = error
    answer = client.get(address(client, signed, first), headers=signed)
    assert (answer.status_code, answer.json()["error"]["message"]) == (status, str(error))


def test_a_candidate_without_a_score_has_no_map(
    client: TestClient,
    installation: Installation,
    signed: dict[str, str],
    project: Project,
    first: Candidate,
) -> None:
    with installation.database.begin() as session:
        bare = candidates.put(
            session,
            [
                NewCandidate(
                    image_id=first.image_id,
                    segmenter="unscored",
                    mask_path=first.mask_path,
                    mask_sha256=first.mask_sha256,
                    area_shares=first.area_shares,
                )
            ],
        )[0]
    item = client.get(f"{API_ROOT}/items/{first.image_id}", headers=signed).json()
    (own,) = [one for one in item["candidates"] if one["id"] == bare.id]
    assert own["errors"] is None
    answer = client.get(f"{API_ROOT}/media/candidates/{bare.id}/errors", headers=signed)
    assert answer.status_code == 404
    assert "no score" in answer.json()["error"]["message"]

"""Several reviewers on one queue: images that are kept, and decided ones slipped in."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from starlette.testclient import TestClient

from db.store import adjudications, overlap
from pages.api import API_ROOT, mint_token
from rsqa_core.records import Candidate, Project
from rsqa_core.teamwork import Adjudication, Overlap
from tests.pages.seeding import correct
from workflows.opening import Installation


@pytest.fixture
def bob(installation: Installation, project: Project) -> dict[str, str]:
    return {"Authorization": f"Bearer {mint_token(installation.settings, 'Bob', project.id)}"}


def queue(client: TestClient, headers: dict[str, str], **parameters: str) -> Any:
    return client.get(f"{API_ROOT}/queue", headers=headers, params=parameters).json()


def ids(page: Any) -> list[int]:
    return [item["id"] for item in page["items"]]


def lease(client: TestClient, headers: dict[str, str], **document: Any) -> Any:
    return client.post(f"{API_ROOT}/leases", json=document, headers=headers)


def test_two_reviewers_are_given_different_images(
    client: TestClient, signed: dict[str, str], bob: dict[str, str]
) -> None:
    every = ids(queue(client, signed))
    mine = every[:2]
    assert lease(client, signed, take=mine).json() == {"taken": mine, "others": {}}

    others = queue(client, bob)
    assert ids(others) == every[2:]
    assert (others["total"], others["elsewhere"]) == (len(every), 2)
    answer = lease(client, bob, take=[mine[0], every[3]]).json()
    assert answer == {"taken": [every[3]], "others": {str(mine[0]): "Ada"}}
    assert every[3] not in ids(queue(client, signed))
    lease(client, signed, give_back=mine)
    assert set(mine) <= set(ids(queue(client, bob)))


@pytest.mark.parametrize(
    "document", [[], {"take": 1}, {"take": ["a"]}, {"take": [True]}, {"other": []}]
)
def test_senseless_leases_are_refused(
    client: TestClient, signed: dict[str, str], document: Any
) -> None:
    answer = client.post(f"{API_ROOT}/leases", json=document, headers=signed)
    assert answer.status_code == 400
    assert "Expected" in answer.json()["error"]["message"]


def test_a_decided_image_is_slipped_in_for_who_has_not_seen_it(
    client: TestClient,
    installation: Installation,
    project: Project,
    first: Candidate,
    signed: dict[str, str],
    bob: dict[str, str],
) -> None:
    with installation.database.begin() as session:
        correct(session, project, first, "Ada", 0.4)
        adjudications.decide(
            session,
            Adjudication(str(uuid.uuid4()), project.id, first.image_id, first.id, "Cleo", 0.5),
        )

    page = queue(client, bob)
    assert first.image_id in ids(page)
    assert ids(page) == ids(queue(client, bob))  # in the same place until it is judged
    slipped = next(item for item in page["items"] if item["id"] == first.image_id)
    assert slipped["status"] == "open"
    assert slipped["verdicts"] == []
    assert first.image_id not in ids(queue(client, signed))  # Ada has seen it
    assert first.image_id not in ids(queue(client, bob, below="1"))  # narrowed, though by nothing
    with installation.database.begin() as session:
        correct(session, project, first, "Bob", 0.6)
    assert first.image_id not in ids(queue(client, bob))


def test_what_waits_for_a_second_opinion_comes_among_the_others(
    client: TestClient,
    installation: Installation,
    project: Project,
    first: Candidate,
    signed: dict[str, str],
    bob: dict[str, str],
) -> None:
    with installation.database.begin() as session:
        overlap.put(session, project.id, Overlap(share=1.0))
        correct(session, project, first, "Ada", 0.4)
    page = queue(client, bob)
    slipped = next(item for item in page["items"] if item["id"] == first.image_id)
    assert (slipped["status"], slipped["verdicts"]) == ("open", [])
    assert first.image_id not in ids(queue(client, signed))
    assert first.image_id not in ids(queue(client, bob, status="open,flagged"))
    assert first.image_id not in ids(queue(client, bob, below="1"))

"""Verdicts over HTTP: once each, in order, and only when they make sense."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from db.store import candidates, heads, images, verdicts
from pages.api import API_ROOT
from rsqa_core.records import Candidate, NewCandidate, Project
from tests.pages.api.sending import confirm, post
from tests.pages.seeding import add_head
from workflows.opening import Installation

Get = Callable[..., Any]


def test_a_verdict_sent_twice_is_one_row(
    client: TestClient, installation: Installation, signed: dict[str, str], first: Candidate
) -> None:
    entry = confirm(first, note="twice")
    assert post(client, signed, entry).json() == {
        "results": [{"id": entry["id"], "status": "saved", "message": ""}],
        "head_id": "base",
    }
    assert post(client, signed, entry, entry).json()["results"][1]["status"] == "duplicate"
    with installation.database.read() as session:
        (row,) = verdicts.history(session, _project_id(installation, first))
        assert images.get(session, first.image_id).status == "reviewed"
    assert (row.id, row.reviewer, row.note, row.time_spent_s) == (entry["id"], "Ada", "twice", 1.5)


def _project_id(installation: Installation, candidate: Candidate) -> int:
    with installation.database.read() as session:
        return images.get(session, candidate.image_id).project_id


def test_one_bad_verdict_does_not_stop_the_others(
    client: TestClient, installation: Installation, signed: dict[str, str], first: Candidate
) -> None:
    good, bad, late = confirm(first), confirm(first, score=None), confirm(first, score=0.5)
    results = post(client, signed, good, bad, "nonsense", late).json()["results"]
    assert [result["status"] for result in results] == ["saved", "refused", "refused", "saved"]
    assert [result["id"] for result in results] == [good["id"], bad["id"], None, late["id"]]
    with installation.database.read() as session:
        rows = verdicts.history(session, _project_id(installation, first))
    assert [row.id for row in rows] == [late["id"], good["id"]]


@pytest.mark.parametrize(
    "change",
    [
        {"id": "not-a-uuid"},
        {"id": str(uuid.uuid4()).upper()},
        {"image_id": "1"},
        {"image_id": True},
        {"image_id": 10**30},
        {"candidate_id": 999_999},
        {"kind": "approve"},
        {"kind": ["confirm"]},
        {"score": 1.0001},
        {"score": -0.1},
        {"score": "0.5"},
        {"score": True},
        {"score": 10**400},
        {"note": 5},
        {"note": "x" * 4001},
        {"note": "\ud800"},
        {"note": "a\x00b"},
        {"head_id": "unknown-head"},
        {"time_spent_s": -1},
        {"score_visible": "yes"},
        {"reviewer": "Bob"},
        {"project_id": 2},
        {"created_at": "2020-01-01"},
    ],
)
def test_a_malformed_verdict_is_refused_with_a_reason(
    client: TestClient,
    installation: Installation,
    signed: dict[str, str],
    first: Candidate,
    change: dict[str, Any],
) -> None:
    answer = client.post(
        f"{API_ROOT}/verdicts",
        content=json.dumps({"verdicts": [confirm(first, **change)]}),
        headers={**signed, "Content-Type": "application/json"},
    )
    (result,) = answer.json()["results"]
    assert result["status"] == "refused"
    assert len(result["message"]) > 20
    with installation.database.read() as session:
        assert verdicts.history(session, _project_id(installation, first)) == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b'{"verdicts": []}', 400),
        (b'{"verdicts": {}}', 400),
        (b'{"verdicts": [1], "more": 1}', 400),
        (b'{"verdicts": [{"score": NaN}]}', 400),
        (b'{"verdicts": [' + b"[" * 100_000 + b"]}", 400),
        (b'{"verdicts": [' + b"1," * 200 + b"1]}", 400),
        (b'{"verdicts": ["' + b"x" * 300_000 + b'"]}', 413),
        (b"\xff\xfe", 400),
    ],
)
def test_a_body_that_is_no_batch_is_an_error(
    client: TestClient, signed: dict[str, str], body: bytes, status: int
) -> None:
    answer = client.post(
        f"{API_ROOT}/verdicts",
        content=body,
        headers={**signed, "Content-Type": "application/json"},
    )
    assert answer.status_code == status
    assert answer.json()["error"]["message"]


def test_only_json_is_taken(client: TestClient, signed: dict[str, str]) -> None:
    answer = client.post(f"{API_ROOT}/verdicts", data={"verdicts": "x"}, headers=signed)
    assert answer.status_code == 415


def test_a_verdict_on_a_mask_that_was_replaced_is_refused_but_a_repeated_one_is_not(
    client: TestClient, installation: Installation, signed: dict[str, str], first: Candidate
) -> None:
    before = confirm(first)
    post(client, signed, before)
    with installation.database.begin() as session:
        candidates.put(
            session,
            [
                NewCandidate(
                    image_id=first.image_id,
                    segmenter=first.segmenter,
                    mask_path=first.mask_path,
                    mask_sha256="e" * 64,
                    area_shares=first.area_shares,
                )
            ],
        )
    results = post(client, signed, before, confirm(first)).json()["results"]
    assert [result["status"] for result in results] == ["duplicate", "refused"]
    assert "was replaced after it was shown" in results[1]["message"]
    with installation.database.read() as session:
        rows = verdicts.history(session, _project_id(installation, first))
    assert [row.id for row in rows] == [before["id"]]


def test_the_answer_names_the_current_head(
    client: TestClient,
    installation: Installation,
    signed: dict[str, str],
    project: Project,
    first: Candidate,
) -> None:
    add_head(installation, project, "newer", seed=3)
    with installation.database.begin() as session:
        heads.promote(session, project.id, "newer", reviewer="Bob")
    answer = post(client, signed, confirm(first)).json()
    assert answer["head_id"] == "newer"
    assert answer["results"][0]["status"] == "saved"  # the head that was shown still counts


def test_a_fault_of_the_server_is_a_503_that_hides_its_cause(
    client: TestClient, signed: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise RuntimeError("secret path /srv/x")

    monkeypatch.setattr("pages.api.routes.queue.page", fail)
    answer = client.get(f"{API_ROOT}/queue", headers=signed)
    assert answer.status_code == 503
    assert "secret" not in answer.text

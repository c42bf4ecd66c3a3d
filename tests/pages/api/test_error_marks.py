"""Marks over the routes: sent with a verdict, checked, and given back to their reviewer alone."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from db.store import candidates, verdicts
from pages.api import API_ROOT, mint_token
from rsqa_core.raster import encode_runs
from rsqa_core.records import MAX_MARK_CHARACTERS, Candidate, ErrorMarks, NewCandidate, Project
from tests.pages.api.sending import confirm, post
from tests.pages.seeding import SIZE_PX
from workflows.opening import Installation

COUNTS = encode_runs(np.arange(SIZE_PX**2).reshape(SIZE_PX, SIZE_PX) % 4 == 0)
SIZE = [SIZE_PX, SIZE_PX]


def sent(first: Candidate, **changes: Any) -> dict[str, Any]:
    marked = {"kind": "correct", "marks": {"size": SIZE, "counts": COUNTS}}
    return confirm(first, **(marked | changes))


def answer(client: TestClient, signed: dict[str, str], verdict: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = post(client, signed, verdict).json()["results"][0]
    return found


def marks(client: TestClient, signed: dict[str, str], verdict: dict[str, Any]) -> Any:
    return client.get(f"{API_ROOT}/verdicts/{verdict['id']}/marks", headers=signed)


def test_marks_are_recorded_once_and_come_back_when_asked_for(
    client: TestClient,
    installation: Installation,
    signed: dict[str, str],
    project: Project,
    first: Candidate,
) -> None:
    verdict = sent(first)
    assert answer(client, signed, verdict)["status"] == "saved"
    assert answer(client, signed, verdict)["status"] == "duplicate"
    other = {**verdict, "marks": {"size": SIZE, "counts": "0" + COUNTS}}
    assert "another marks" in answer(client, signed, other)["message"]
    with installation.database.read() as session:
        (row,) = verdicts.history(session, project.id)
    assert row.marks == ErrorMarks((SIZE_PX, SIZE_PX), COUNTS)
    assert (row.kind, row.score) == ("correct", 0.75)

    assert marks(client, signed, verdict).json() == verdict["marks"]
    history = client.get(f"{API_ROOT}/history", headers=signed).json()["verdicts"]
    item = client.get(f"{API_ROOT}/items/{first.image_id}", headers=signed).json()
    assert [one["has_marks"] for one in (*history, *item["verdicts"])] == [True, True]
    assert COUNTS not in json.dumps([history, item])  # too much to be sent along


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"score": 0.76}, "Expected `score` to be 0.750000"),
        ({"kind": "confirm"}, "Expected marks only with a correct"),
        ({"kind": "skip", "candidate_id": None, "score": None}, "Expected marks only"),
        ({"marks": {"size": [8, 8], "counts": "P2"}}, "but got 8 x 8"),
        ({"marks": {"size": [10**9, 10**9], "counts": "P2"}}, "of the mask's size"),
        ({"marks": {"size": SIZE, "counts": "rubbish"}}, "run lengths that fill the mask"),
        ({"marks": {"size": SIZE, "counts": ""}}, "run lengths that fill the mask"),
        ({"marks": {"size": SIZE, "counts": "0" * (MAX_MARK_CHARACTERS + 1)}}, "at most 32000"),
        ({"marks": {"size": SIZE, "counts": [1, 2]}}, "`counts`"),
        ({"marks": {"size": SIZE, "counts": "\x00"}}, "NUL"),
        ({"marks": {"size": [SIZE_PX], "counts": COUNTS}}, "`size`"),
        ({"marks": {"size": [64.0, 64.0], "counts": COUNTS}}, "`size`"),
        ({"marks": {"size": [True, True], "counts": COUNTS}}, "`size`"),
        ({"marks": {"size": SIZE}}, "`marks`"),
        ({"marks": [SIZE, COUNTS]}, "`marks`"),
        ({"marks": {"size": SIZE, "counts": COUNTS, "more": 1}}, "`marks`"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_written(
    client: TestClient,
    installation: Installation,
    signed: dict[str, str],
    project: Project,
    first: Candidate,
    changes: dict[str, Any],
    reason: str,
) -> None:
    result = answer(client, signed, sent(first, **changes))
    assert (result["status"], reason in result["message"]) == ("refused", True), result
    with installation.database.read() as session:
        assert verdicts.history(session, project.id) == []


def test_a_score_that_is_no_number_is_no_json(
    client: TestClient, signed: dict[str, str], first: Candidate
) -> None:
    body = json.dumps({"verdicts": [sent(first, score=float("nan"))]})
    headers = {**signed, "Content-Type": "application/json"}
    found = client.post(f"{API_ROOT}/verdicts", content=body, headers=headers)
    assert found.status_code == 400


def test_marks_are_their_reviewers_own(
    client: TestClient,
    installation: Installation,
    signed: dict[str, str],
    project: Project,
    first: Candidate,
) -> None:
    verdict, plain = sent(first), sent(first, marks=None)
    post(client, signed, plain, verdict)
    token = mint_token(installation.settings, "Bob", project.id)
    assert marks(client, {"Authorization": f"Bearer {token}"}, verdict).status_code == 404
    assert marks(client, {}, verdict).status_code == 401
    assert marks(client, signed, plain).status_code == 404
    assert marks(client, signed, {"id": "nothing"}).status_code == 404
    assert marks(client, signed, verdict).status_code == 200


def test_marks_of_a_mask_that_was_replaced_are_not_shown_on_the_new_one(
    client: TestClient, installation: Installation, signed: dict[str, str], first: Candidate
) -> None:
    verdict = sent(first)
    post(client, signed, verdict)
    with installation.database.begin() as session:
        candidates.put(
            session,
            [
                NewCandidate(
                    image_id=first.image_id,
                    segmenter=first.segmenter,
                    mask_path=first.mask_path,
                    mask_sha256="another",
                    area_shares=first.area_shares,
                )
            ],
        )
    found = marks(client, signed, verdict)
    assert found.status_code == 409
    assert "replaced" in found.json()["error"]["message"]

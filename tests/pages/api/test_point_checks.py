"""Points over the routes: drawn for a candidate, sent back with a verdict."""

from __future__ import annotations

import uuid
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from db.store import verdicts
from pages.api import API_ROOT
from rsqa_core.evaluation.point_check import Points, estimate
from rsqa_core.records import Candidate, PointCheck, Project
from workflows.opening import Installation

ANSWERS: list[bool | None] = [True] * 30 + [False] * 6 + [None] * 2


@pytest.fixture
def drawn(client: TestClient, signed: dict[str, str], first: Candidate) -> dict[str, Any]:
    answer = client.get(
        f"{API_ROOT}/candidates/{first.id}/points?design=random&seed=5", headers=signed
    )
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def sent(first: Candidate, drawn: dict[str, Any], **changes: Any) -> dict[str, Any]:
    points = Points(np.array(drawn["points"]), np.array(drawn["strata"]), tuple(drawn["weights"]))
    found = estimate(points, ANSWERS)
    assert found is not None
    return {
        "id": str(uuid.uuid4()),
        "image_id": first.image_id,
        "candidate_id": first.id,
        "kind": "correct",
        "score": found.accuracy,
        "low": found.low,
        "high": found.high,
        "point_check": {"design": "random", "seed": 5, "answers": ANSWERS},
        "mask_sha256": drawn["mask_sha256"],
        **changes,
    }


def post(client: TestClient, signed: dict[str, str], verdict: dict[str, Any]) -> dict[str, Any]:
    answer = client.post(f"{API_ROOT}/verdicts", json={"verdicts": [verdict]}, headers=signed)
    assert answer.status_code == 200
    result: dict[str, Any] = answer.json()["results"][0]
    return result


def test_a_checked_score_is_recorded_with_its_interval_and_answers_once(
    client: TestClient,
    installation: Installation,
    signed: dict[str, str],
    project: Project,
    first: Candidate,
    drawn: dict[str, Any],
) -> None:
    verdict = sent(first, drawn)
    assert post(client, signed, verdict)["status"] == "saved"
    assert post(client, signed, verdict)["status"] == "duplicate"
    with installation.database.read() as session:
        (row,) = verdicts.history(session, project.id)
        doubts = verdicts.label_doubts(session, project.id)
    assert row.point_check == PointCheck("random", 5, tuple(ANSWERS))
    assert (row.score, row.low, row.high) == (verdict["score"], verdict["low"], verdict["high"])
    assert doubts[first.id] == pytest.approx((row.high - row.low) / 2 / 1.645, rel=1e-3)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"score": 0.8}, "Expected `score` to be 0.833333"),
        ({"low": None}, "come together"),
        ({"point_check": None}, "come together"),
        ({"low": 0.9}, "low <= score <= high"),
        ({"point_check": {"design": "grid", "seed": 5, "answers": []}}, "random, by_class"),
        ({"point_check": {"design": "random", "seed": -1, "answers": []}}, "`seed`"),
        ({"point_check": {"design": "random", "seed": 5, "answers": [1]}}, "`answers`"),
        ({"point_check": {"design": "random", "seed": 5, "answers": [True] * 999}}, "`answers`"),
        ({"point_check": {"design": "random", "seed": 5}}, "`point_check`"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_written(
    client: TestClient,
    installation: Installation,
    signed: dict[str, str],
    project: Project,
    first: Candidate,
    drawn: dict[str, Any],
    changes: dict[str, Any],
    reason: str,
) -> None:
    result = post(client, signed, sent(first, drawn, **changes))
    assert result["status"] == "refused"
    assert reason in result["message"]
    with installation.database.read() as session:
        assert verdicts.history(session, project.id) == []


@pytest.mark.parametrize(
    "query", ["", "?design=grid&seed=1", "?design=random&seed=x", "?design=random&seed=99999999999"]
)
def test_a_wrong_question_is_told(
    client: TestClient, signed: dict[str, str], first: Candidate, query: str
) -> None:
    answer = client.get(f"{API_ROOT}/candidates/{first.id}/points{query}", headers=signed)
    assert answer.status_code == 400

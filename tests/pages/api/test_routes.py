"""The canvas's routes: what they answer, and what they refuse to whom."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from starlette.testclient import TestClient

from db.store import candidates, heads, images, scores, verdicts
from pages.api import API_ROOT, mint_token
from pages.components.canvas.assets_route import assets_key
from rsqa_core.records import ACCEPTABLE_ACCURACY, INTERVAL_COVERAGE, Candidate, Project, Score
from tests.pages.api.sending import confirm, post
from tests.pages.seeding import add_candidates, add_project
from workflows.opening import Installation

Get = Callable[..., Any]


# -- who may ask -----------------------------------------------------------------------------------

PATHS = [
    "/queue",
    "/items/1",
    "/history",
    "/media/1/display",
    "/media/1/reference",
    "/media/candidates/1/mask",
    "/media/candidates/1/errors",
]


@pytest.mark.parametrize("path", PATHS)
def test_every_route_asks_for_a_token(client: TestClient, project: Project, path: str) -> None:
    answer = client.get(API_ROOT + path)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "no_token"
    wrong = client.get(API_ROOT + path, headers={"Authorization": "Bearer abc.def"})
    assert wrong.status_code == 401


def test_verdicts_ask_for_a_token_too(client: TestClient, first: Candidate) -> None:
    assert post(client, {}, confirm(first)).status_code == 401


def test_requests_from_another_origin_are_refused(
    client: TestClient, signed: dict[str, str]
) -> None:
    foreign = client.get(f"{API_ROOT}/queue", headers={**signed, "Origin": "http://evil.example"})
    assert foreign.status_code == 403
    own = client.get(f"{API_ROOT}/queue", headers={**signed, "Origin": "http://localhost"})
    assert own.status_code == 200


@pytest.mark.parametrize("path", PATHS[1:2] + PATHS[3:])
def test_what_belongs_to_another_project_does_not_exist(
    client: TestClient, installation: Installation, project: Project, path: str
) -> None:
    other = add_project(installation, slug="other", name="Other", seed=5)
    token = mint_token(installation.settings, "Ada", other.id)
    answer = client.get(API_ROOT + path, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 404


def test_a_verdict_on_another_project_is_refused_and_nothing_is_written(
    client: TestClient, installation: Installation, project: Project, first: Candidate
) -> None:
    other = add_project(installation, slug="other", name="Other", seed=5)
    token = mint_token(installation.settings, "Ada", other.id)
    answer = post(client, {"Authorization": f"Bearer {token}"}, confirm(first))
    assert answer.json()["results"][0]["status"] == "refused"
    with installation.database.read() as session:
        for one in (project, other):
            assert verdicts.history(session, one.id) == []


def test_answers_carry_the_headers_that_keep_content_inert(
    client: TestClient, signed: dict[str, str]
) -> None:
    answer = client.get(f"{API_ROOT}/queue", headers=signed)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in answer.headers["content-security-policy"]


# -- queue, items, history -------------------------------------------------------------------------


def test_the_queue_gives_whole_items_page_by_page(
    client: TestClient, signed: dict[str, str]
) -> None:
    seen: list[int] = []
    cursor = ""
    while True:
        page = client.get(
            f"{API_ROOT}/queue",
            params={"order": "name", "limit": "4", "cursor": cursor},
            headers=signed,
        ).json()
        assert (page["total"], page["done"], page["head_id"]) == (6, 0, "base")
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == sorted(seen)
    assert len(seen) == 6
    best, *_, worst = page["items"][0]["candidates"]
    assert best["score"]["value"] > worst["score"]["value"]
    assert best["score"]["head_id"] == "base"


def publish(
    installation: Installation, first: Candidate, head_id: str, metrics: dict[str, Any], top: float
) -> list[Candidate]:
    """Score the first image's candidates by a head that becomes current: ``top``, -0.1, -0.3."""
    with installation.database.begin() as session:
        found = candidates.of_images(session, [first.image_id])[first.image_id]
        project_id = images.get(session, first.image_id).project_id
        head = replace(heads.get(session, "base"), id=head_id, sha256=head_id, metrics=metrics)
        heads.add(session, head)
        rows = [
            Score(c.id, head_id, top - less, top - less - 0.125, top - less + 0.125)
            for c, less in zip(found, (0.0, 0.1, 0.3), strict=True)
        ]
        rows[1] = replace(
            rows[1],
            alarms=("unlike_training",),
            mean_iou=0.5,
            boundary_f1=0.25,
            class_iou=(0.75, None),
        )
        scores.publish(session, project_id, head_id, rows)
        heads.promote(session, project_id, head_id, reviewer="Ada")
    return found


def test_an_item_says_what_else_is_predicted_and_what_to_take(
    client: TestClient, installation: Installation, signed: dict[str, str], first: Candidate
) -> None:
    metrics = {"best_margin": 0.2, "best_risk": 0.1, "interval_coverage": 0.8}
    best, second, _ = publish(installation, first, "margin", metrics, top=0.8)
    item = client.get(f"{API_ROOT}/items/{first.image_id}", headers=signed).json()
    assert (item["recommended_id"], item["none_acceptable"]) == (best.id, False)
    assert (item["best_risk"], item["interval_coverage"]) == (0.1, 0.8)
    assert [c["score"]["may_be_best"] for c in item["candidates"]] == [True, True, False]
    plain, full, _ = (c["score"] for c in item["candidates"])
    assert item["candidates"][1]["id"] == second.id
    assert (full["alarms"], full["class_iou"]) == (["unlike_training"], [0.75, None])
    assert (full["mean_iou"], full["boundary_f1"]) == (0.5, 0.25)
    assert (plain["alarms"], plain["class_iou"], plain["mean_iou"]) == ([], [], None)
    page = client.get(f"{API_ROOT}/queue?order=best&limit=1", headers=signed).json()
    assert page["items"] == [item]


def test_a_head_without_a_margin_says_nothing_of_who_may_be_best(
    client: TestClient, installation: Installation, signed: dict[str, str], first: Candidate
) -> None:
    publish(installation, first, "plain", {}, top=0.8)
    item = client.get(f"{API_ROOT}/items/{first.image_id}", headers=signed).json()
    assert (item["best_risk"], item["interval_coverage"]) == (None, INTERVAL_COVERAGE)
    assert [c["score"]["may_be_best"] for c in item["candidates"]] == [None] * 3


def test_an_image_whose_best_interval_ends_too_low_has_no_recommendation(
    client: TestClient, installation: Installation, signed: dict[str, str], first: Candidate
) -> None:
    publish(installation, first, "low", {"best_margin": 0.2}, top=ACCEPTABLE_ACCURACY - 0.13)
    item = client.get(f"{API_ROOT}/items/{first.image_id}", headers=signed).json()
    assert (item["none_acceptable"], item["recommended_id"]) == (True, None)


def test_an_image_without_scores_has_no_advice(
    client: TestClient, installation: Installation
) -> None:
    project = add_project(installation, slug="bare", name="Bare", seed=5)
    first, *_ = add_candidates(installation, project)
    headers = {"Authorization": f"Bearer {mint_token(installation.settings, 'Ada', project.id)}"}
    item = client.get(f"{API_ROOT}/items/{first.image_id}", headers=headers).json()
    assert (item["none_acceptable"], item["recommended_id"]) == (False, None)
    assert {c["score"] for c in item["candidates"]} == {None}


def test_the_most_informative_images_come_first(
    client: TestClient, installation: Installation, signed: dict[str, str], project: Project
) -> None:
    with installation.database.begin() as session:
        ids = [image.id for image in images.all_of(session, project.id)]
        images.set_informative(session, {ids[4]: 1.0, ids[2]: 0.5})
    page = client.get(f"{API_ROOT}/queue?order=informative", headers=signed).json()
    assert [i["id"] for i in page["items"]] == [ids[4], ids[2], ids[0], ids[1], ids[3], ids[5]]


def test_the_true_accuracy_of_a_candidate_is_never_sent(
    client: TestClient, installation: Installation, signed: dict[str, str], first: Candidate
) -> None:
    with installation.database.begin() as session:
        candidates.set_overall_accuracy(session, first.id, 0.123456, 4096)
    text = client.get(f"{API_ROOT}/items/{first.image_id}", headers=signed).text
    assert "accuracy" not in text
    assert "0.123456" not in text


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("order", "fastest", 404),
        ("status", "open,lost", 404),
        ("below", "nan", 400),
        ("below", "1.5", 400),
        ("limit", "0", 400),
        ("limit", "1000", 400),
        ("limit", "²", 400),
        ("seed", "-1", 400),
        ("cursor", "AAAA", 400),
        ("name", "x" * 300, 400),
        ("sort", "id; DROP TABLE image", 400),
    ],
)
def test_a_wrong_queue_parameter_is_told(
    client: TestClient, signed: dict[str, str], name: str, value: str, status: int
) -> None:
    answer = client.get(f"{API_ROOT}/queue", params={name: value}, headers=signed)
    assert answer.status_code == status
    assert answer.json()["error"]["message"]


def test_ids_beyond_any_row_are_not_found(client: TestClient, signed: dict[str, str]) -> None:
    for path in (f"items/{2**70}", "items/0", f"media/candidates/{2**70}/mask"):
        assert client.get(f"{API_ROOT}/{path}", headers=signed).status_code == 404


def test_history_is_the_callers_own_and_marks_what_was_taken_back(
    client: TestClient, installation: Installation, signed: dict[str, str], first: Candidate
) -> None:
    kept, undone = confirm(first), confirm(first, kind="skip", candidate_id=None, score=None)
    undo = {
        "id": str(uuid.uuid4()),
        "image_id": first.image_id,
        "kind": "undo",
        "supersedes_id": undone["id"],
    }
    post(client, signed, kept, undone, undo)
    rows = client.get(f"{API_ROOT}/history?limit=10", headers=signed).json()["verdicts"]
    assert [(row["id"], row["taken_back"]) for row in rows] == [
        (undone["id"], True),
        (kept["id"], False),
    ]
    project_id = int(json.loads(_payload(signed))["project_id"])
    bob = {"Authorization": f"Bearer {mint_token(installation.settings, 'Bob', project_id)}"}
    assert client.get(f"{API_ROOT}/history", headers=bob).json()["verdicts"] == []


def _payload(headers: dict[str, str]) -> bytes:
    import base64

    payload = headers["Authorization"].split()[1].split(".")[0]
    return base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))


# -- media -----------------------------------------------------------------------------------------


def test_media_may_be_kept_for_good_under_the_address_that_names_its_content(
    client: TestClient, signed: dict[str, str], first: Candidate
) -> None:
    item = client.get(f"{API_ROOT}/items/{first.image_id}", headers=signed).json()
    for address, kind in (
        (item["display"], "image/jpeg"),
        (item["candidates"][0]["mask"], "image/png"),
    ):
        answer = client.get(f"{API_ROOT}/{address}", headers=signed)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == kind
        assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
        again = client.get(
            f"{API_ROOT}/{address}",
            headers={**signed, "If-None-Match": answer.headers["etag"]},
        )
        assert (again.status_code, again.content) == (304, b"")


def test_an_address_of_replaced_content_is_a_conflict_and_not_the_new_content(
    client: TestClient, signed: dict[str, str], first: Candidate
) -> None:
    answer = client.get(f"{API_ROOT}/media/candidates/{first.id}/mask?v=old", headers=signed)
    assert answer.status_code == 409
    plain = client.get(f"{API_ROOT}/media/candidates/{first.id}/mask", headers=signed)
    assert plain.headers["cache-control"] == "private, no-cache"


def test_a_missing_reference_and_a_missing_file_are_not_found(
    client: TestClient, installation: Installation, signed: dict[str, str], first: Candidate
) -> None:
    assert (
        client.get(f"{API_ROOT}/media/{first.image_id}/reference", headers=signed).status_code
        == 404
    )
    installation.files.path(first.mask_path).unlink()
    answer = client.get(f"{API_ROOT}/media/candidates/{first.id}/mask", headers=signed)
    assert answer.status_code == 404
    assert str(installation.settings.home) not in answer.text


def test_the_modules_are_served_to_anyone_and_nothing_beside_them(client: TestClient) -> None:
    found = client.get(f"{API_ROOT}/canvas/{assets_key()}/main.js")
    assert found.headers["content-type"].startswith("text/javascript")
    assert "immutable" in found.headers["cache-control"]
    assert client.get(f"{API_ROOT}/canvas/other/main.js").headers["cache-control"] == "no-store"
    for name in ("a_base.css", "..%2F__init__.py", "%2e%2e/mounting.py", "nothing.js"):
        assert client.get(f"{API_ROOT}/canvas/{assets_key()}/{name}").status_code == 404

"""The review page as Streamlit runs it; what happens in the browser is tested in tests/browser."""

from __future__ import annotations

import json
from typing import Any

from streamlit.testing.v1 import AppTest

from pages.api import read_token
from rsqa_core.records import ACCEPTABLE_ACCURACY
from tests.pages.conftest import OpenPage
from tests.pages.seeding import add_candidates, add_head, add_project, promote
from workflows.opening import Installation


def canvas_data(page: AppTest) -> dict[str, Any]:
    """What the canvas was mounted with."""
    for element in page.main:
        proto = getattr(element, "proto", None)
        if getattr(proto, "component_name", "") == "rsqa_review":
            data: dict[str, Any] = json.loads(proto.json)
            return data
    raise AssertionError("The page has no canvas.")


def test_the_canvas_gets_project_classes_queue_and_a_token_of_its_reviewer(
    installation: Installation, open_page: OpenPage
) -> None:
    project = add_project(installation)
    add_candidates(installation, project)
    add_head(installation, project, "base")
    promote(installation, project, "base")
    page = open_page("review", project="harbour", order="worst", scene="scene 1", item="3")
    assert not page.exception
    data = canvas_data(page)
    assert data["project"] == {"id": project.id, "slug": "harbour", "name": "Harbour survey"}
    assert [entry["name"] for entry in data["classes"]] == ["Building", "Water"]
    assert data["query"] == {"order": "worst", "scene": "scene 1"}
    assert (data["item"], data["head_id"]) == (3, "base")
    assert data["counts"] == {"images": 6, "candidates": 18}
    assert data["acceptable"] == ACCEPTABLE_ACCURACY
    caller = read_token(installation.settings, data["token"])
    assert (caller.reviewer, caller.project_id) == ("Reviewer", project.id)


def test_an_item_that_is_no_number_is_left_out(
    installation: Installation, open_page: OpenPage
) -> None:
    add_project(installation)
    for item in ("x", "-1", "²", "9" * 30):
        assert canvas_data(open_page("review", project="harbour", item=item))["item"] is None


def test_a_mistyped_order_is_told_and_no_canvas_is_mounted(
    installation: Installation, open_page: OpenPage
) -> None:
    add_project(installation)
    page = open_page("review", project="harbour", order="fastest")
    assert "No queue order is called 'fastest'" in page.error[0].value


def test_without_a_project_the_page_leads_home(
    installation: Installation, open_page: OpenPage
) -> None:
    page = open_page("review")
    assert not page.exception
    assert "no project yet" in page.info[0].value

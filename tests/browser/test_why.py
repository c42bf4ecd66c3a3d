"""Why this score, in the browser: the panel, its map, its methods, and that it blocks nothing.

What the models say is tested elsewhere (tests/workflows/test_explaining.py); here the answers of
the route are given by hand, and everything after it is the app's.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.conftest import Review, Server
from tests.browser.seeding import Seeded
from tests.browser.test_viewing import pixel
from workflows.opening import Installation

WHY = "**/candidates/*/why?*"
CELLS = [0.02 if cell % 8 < 2 else -0.01 for cell in range(64)]
"""The two columns at the left, a quarter of all cells, carry the score."""


def falls(values: list[float]) -> list[float]:
    total, found = 0.0, [0.0]
    for value in values:
        total += value
        found.append(round(total, 6))
    return found


class Explained:
    """Answers the route, and remembers what it was asked."""

    def __init__(self, review: Review) -> None:
        self.review = review
        self.asked: list[tuple[int, str]] = []
        self.fail = False
        review.page.route(WHY, self.answer)

    def answer(self, route: Route) -> None:
        address = route.request.url
        candidate_id = int(address.split("/candidates/")[1].split("/")[0])
        method = address.split("method=")[1]
        self.asked.append((candidate_id, method))
        if self.fail:
            error = {"code": "conflict", "message": "Score the project again."}
            route.fulfill(status=409, body=json.dumps({"error": error}))
            return
        route.fulfill(body=json.dumps(self.of(candidate_id, method)))

    def of(self, candidate_id: int, method: str) -> dict[str, Any]:
        score = self.review.seeded.scores[candidate_id].score
        image = self.review.seeded.images[5]
        mean = sum(CELLS) / 64
        chance = [round(mean * count, 6) for count in range(65)]
        shares = {"semantic": 0.2, "segmentation": -0.05, "disagreement": 0.1, "labels": 0.031}
        cells = CELLS if method != "lime" else [0.01] * 64
        return {
            "candidate_id": candidate_id,
            "method": method,
            "score": score,
            "base": score - sum(shares.values()),
            "shares": [{"key": key, "value": value} for key, value in shares.items()],
            "cells": cells,
            "deletion": {
                "by_map": falls(sorted(cells, reverse=True)),
                "by_chance": chance,
                "chance_low": [value - 0.02 for value in chance],
                "chance_high": [value + 0.02 for value in chance],
                "falls": [],
                "faithfulness": 0.81,
            },
            "examples": [
                {
                    "image_id": image.id,
                    "image": image.name,
                    "candidate_id": 1,
                    "segmenter": "<b>unet</b>",
                    "label": 0.84,
                    "likeness": 0.36,
                    "display": f"media/{image.id}/display",
                }
            ],
        }


@pytest.fixture
def explained(review: Review) -> Explained:
    return Explained(review)


def panel(review: Review) -> Locator:
    return review.page.get_by_role("region", name="Why this score")


def candidate_ids(review: Review) -> list[int]:
    image = review.seeded.images[0]
    return [candidate.id for candidate in review.seeded.candidates[image.id]]


def test_the_key_opens_what_drove_the_score_and_escape_closes_it(explained: Explained) -> None:
    review = explained.review
    before = pixel(review, 0.5, 0.5)
    review.press("i")

    expect(panel(review).locator(".why-row")).to_have_count(6)
    rows = panel(review).locator(".why-row").all_inner_texts()
    assert [row.split("\n")[-1] for row in rows[1:5]] == ["+20.0", "−5.0", "+10.0", "+3.1"]
    assert "Learnt from your labels" in rows[4]
    score = review.seeded.scores[candidate_ids(review)[0]].score
    assert f"{score * 100:.1f} %" in rows[5]
    expect(panel(review)).to_contain_text(
        "Taking away the outlined quarter lowers the score by 32.0 points; "
        "a random quarter raises it by 4.0."
    )
    expect(panel(review)).to_contain_text("Faithfulness 81 %")
    left, middle = pixel(review, 0.1, 0.3), pixel(review, 0.5, 0.5)
    assert left[2] > left[0]  # blue adds
    assert middle != before

    review.press("Escape")
    expect(panel(review)).to_be_hidden()
    assert pixel(review, 0.5, 0.5) == before
    assert review.rows() == []


def test_labelled_examples_are_links_and_their_names_are_no_markup(explained: Explained) -> None:
    review = explained.review
    review.press("i")

    link = panel(review).get_by_role("link")
    expect(link).to_have_count(1)
    expect(link).to_contain_text("84 %")
    name = link.get_attribute("aria-label") or ""
    assert name.startswith("<b>unet</b> on ")
    assert "36 % alike" in name
    assert f"item={review.seeded.images[5].id}" in (link.get_attribute("href") or "")
    thumbnail = link.locator("canvas").element_handle()
    review.page.wait_for_function(
        "node => node.getContext('2d').getImageData(56, 56, 1, 1).data[3] === 255", arg=thumbnail
    )


def test_methods_are_chosen_by_mouse_and_asked_for_once(explained: Explained) -> None:
    review = explained.review
    first = candidate_ids(review)[0]
    review.page.get_by_role("button", name="Why this score").click()
    expect(panel(review).locator(".why-plot")).to_be_visible()
    for name in ("LIME", "Grad-CAM", "LIME"):
        chosen = panel(review).get_by_role("button", name=name)
        chosen.click()
        expect(chosen).to_have_attribute("aria-pressed", "true")
        expect(panel(review).locator(".why-plot")).to_be_visible()
    expect(panel(review)).to_contain_text("a quarter of the image, within the outline")

    assert explained.asked == [(first, "grad-cam"), (first, "lime")]


def test_decisions_go_on_beside_it_and_it_follows_them(explained: Explained) -> None:
    review = explained.review
    review.press("i")
    expect(panel(review).locator(".why-plot")).to_be_visible()
    review.press("ArrowDown")
    review.page.wait_for_function(
        "id => __rsqa.painted?.candidateId === id", arg=candidate_ids(review)[1]
    )
    expect(panel(review).locator(".why-plot")).to_be_visible()
    review.press("7", "Escape")  # leaves the typed score, not the panel
    expect(panel(review)).to_be_visible()
    review.press("Enter")
    review.wait_saved()
    review.wait_painted(review.seeded.images[1].id)
    expect(panel(review).locator(".why-plot")).to_be_visible()

    (row,) = review.rows()
    assert row.candidate_id == candidate_ids(review)[1]
    following = review.seeded.candidates[review.seeded.images[1].id][0].id
    assert [one for one, _ in explained.asked] == [*candidate_ids(review)[:2], following]


def test_another_view_takes_the_place_of_the_map_only(explained: Explained) -> None:
    review = explained.review
    review.press("i")
    expect(panel(review).locator(".why-plot")).to_be_visible()
    eye = panel(review).get_by_role("button", name="Map over the image")
    expect(eye).to_have_attribute("aria-pressed", "true")
    mapped = pixel(review, 0.1, 0.3)
    review.press("m")
    expect(eye).to_have_attribute("aria-pressed", "false")
    assert pixel(review, 0.1, 0.3) != mapped
    eye.click()
    expect(eye).to_have_attribute("aria-pressed", "true")
    assert pixel(review, 0.1, 0.3) == mapped


def test_why_there_is_none_is_said_with_a_way_on(explained: Explained) -> None:
    review = explained.review
    explained.fail = True
    review.press("i")
    expect(panel(review).get_by_role("status")).to_have_text(
        "No explanation: Score the project again."
    )
    explained.fail = False
    panel(review).get_by_role("button", name="Try again").click()
    expect(panel(review).locator(".why-plot")).to_be_visible()


def test_hidden_predictions_are_not_given_away(explained: Explained) -> None:
    review = explained.review
    review.press("h", "i")
    expect(panel(review).get_by_role("status")).to_have_text("Hidden until you have decided.")
    assert explained.asked == []


def test_a_candidate_without_a_score_has_nothing_to_explain(
    page: Page, server: Server, installation: Installation, make_project: Callable[..., Seeded]
) -> None:
    review = Review(page, server.url, installation, make_project(image_count=1, scored=False))
    explained = Explained(review)
    review.open()
    review.press("i")
    expect(panel(review).get_by_role("status")).to_have_text(
        "Not scored yet, so there is nothing to explain. Score the project first."
    )
    assert explained.asked == []


def test_nothing_moves_while_the_next_one_is_worked_out(explained: Explained) -> None:
    review = explained.review
    review.press("i")
    expect(panel(review).locator(".why-plot")).to_be_visible()
    methods = panel(review).get_by_role("group", name="How places are found")
    before = methods.bounding_box()
    review.press("ArrowDown")
    expect(panel(review).get_by_role("status")).to_be_visible()
    assert methods.bounding_box() == before


def test_marking_errors_shows_the_mask_again(explained: Explained) -> None:
    review = explained.review
    masked = pixel(review, 0.1, 0.3)
    review.press("i")
    expect(panel(review).locator(".why-plot")).to_be_visible()
    mapped = pixel(review, 0.1, 0.3)
    review.press("a")
    expect(review.page.get_by_role("group", name="Mark errors")).to_be_visible()
    expect(panel(review)).to_be_visible()
    assert pixel(review, 0.1, 0.3) != mapped
    review.press("Escape", "Escape")
    expect(panel(review)).to_be_hidden()
    assert pixel(review, 0.1, 0.3) == masked


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_panel_withholds_nothing(explained: Explained, scheme: str) -> None:
    review = explained.review
    review.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    review.press("i")
    expect(panel(review).locator(".why-plot")).to_be_visible()
    review.page.wait_for_timeout(300)

    found = Axe().run(review.page).response

    assert len(found["passes"]) > 10
    assert [
        (rule["id"], [node["target"] for node in rule["nodes"]])
        for rule in found["violations"]
        if rule["impact"] in ("serious", "critical")
    ] == []

"""What the canvas shows when there is nothing, not yet, no more, or something failed."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Review, Server
from tests.browser.seeding import Seeded
from workflows.opening import Installation

MakeProject = Callable[..., Seeded]


def test_unscored_candidates_are_shown_and_take_a_typed_score(
    page: Page, server: Server, installation: Installation, make_project: MakeProject
) -> None:
    review = Review(page, server.url, installation, make_project(image_count=2, scored=False))
    review.open()
    expect(page.get_by_text("not scored yet").first).to_be_visible()
    review.press("Enter")
    expect(page.locator(".hint")).to_contain_text("Not scored yet")
    assert review.rows() == []
    review.press("6", "4", "Enter")
    review.wait_saved()
    (row,) = review.rows()
    assert (row.kind, row.score, row.score_shown, row.head_id) == ("correct", 0.64, None, None)
    assert not row.score_visible


def test_an_image_without_candidates_says_so_and_can_be_skipped(
    page: Page, server: Server, installation: Installation, make_project: MakeProject
) -> None:
    review = Review(page, server.url, installation, make_project(image_count=2, candidate_count=0))
    page.goto(f"{server.url}/review?project={review.seeded.project.slug}")
    expect(page.get_by_text("no candidates yet")).to_be_visible(timeout=30_000)
    page.wait_for_function("() => __rsqa.painted !== null")
    review.press("Enter", "5")
    review.press("s")
    review.wait_saved()
    assert [row.kind for row in review.rows()] == ["skip"]
    page.get_by_role("button", name="Make candidates").click()
    page.wait_for_url(lambda address: "/review" not in address)


def test_a_project_without_images_points_to_the_import(
    page: Page, server: Server, make_project: MakeProject
) -> None:
    slug = make_project(image_count=0).project.slug
    page.goto(f"{server.url}/review?project={slug}")
    expect(page.get_by_role("heading", name="No images yet")).to_be_visible(timeout=30_000)


def test_filters_that_match_nothing_offer_another_queue(
    page: Page, server: Server, make_project: MakeProject
) -> None:
    slug = make_project(image_count=2).project.slug
    page.goto(f"{server.url}/review?project={slug}&name=nowhere")
    expect(page.get_by_role("heading", name="No image matches")).to_be_visible(timeout=30_000)
    page.get_by_role("button", name="Choose another queue").click()
    page.wait_for_url(re.compile("/queue"))


def test_a_finished_queue_counts_what_was_done_and_leads_to_training(
    page: Page, server: Server, installation: Installation, make_project: MakeProject
) -> None:
    review = Review(page, server.url, installation, make_project(image_count=3))
    review.open()
    review.wait_ready(2)
    review.press("Enter", "j", "s")
    expect(page.get_by_role("heading", name="End of the queue")).to_be_visible()
    page.get_by_role("button", name="Go to the image left").click()
    review.wait_painted(review.seeded.images[1].id)
    review.press("7", "Enter")
    expect(page.get_by_role("heading", name="Queue finished")).to_be_visible()
    expect(page.locator(".summary")).to_contain_text("1")
    review.wait_saved()
    assert sorted(row.kind for row in review.rows()) == ["confirm", "correct", "skip"]
    page.get_by_role("button", name="Train on these answers").click()
    page.wait_for_url(re.compile("/train"))


def test_an_image_that_fails_to_load_offers_a_retry_and_takes_no_decision(
    page: Page, server: Server, installation: Installation, make_project: MakeProject
) -> None:
    review = Review(page, server.url, installation, make_project(image_count=3))
    first = review.seeded.images[0].id
    display = re.compile(rf"/rsqa/v1/media/{first}/display")

    def fail(route: Route) -> None:
        route.fulfill(status=503, json={"error": {"code": "unavailable", "message": "Disk gone"}})

    page.route(display, fail)
    page.goto(f"{server.url}/review?project={review.seeded.project.slug}")
    expect(page.get_by_text("Disk gone")).to_be_visible(timeout=30_000)
    review.press("Enter", "s")
    assert review.image_id == first
    review.press("j")  # not stuck
    review.wait_painted(review.seeded.images[1].id)
    review.press("k")
    page.unroute(display)
    page.get_by_role("button", name="Try again").click()
    review.wait_painted(first)
    review.press("Enter")
    review.wait_saved()
    assert [row.image_id for row in review.rows()] == [first]


def test_names_are_text_and_never_markup(
    page: Page, server: Server, installation: Installation, make_project: MakeProject
) -> None:
    hostile = "<img src=x onerror='window.hacked=1'>"
    review = Review(page, server.url, installation, make_project(image_count=2, name=hostile))
    review.open()
    expect(page.locator(".topbar .project")).to_have_text(hostile)
    assert page.evaluate("() => window.hacked") is None


def test_a_broken_queue_address_is_told_on_the_page(
    page: Page, server: Server, make_project: MakeProject
) -> None:
    slug = make_project(image_count=1).project.slug
    page.goto(f"{server.url}/review?project={slug}&order=best-of-all")
    expect(page.get_by_text("No queue order is called 'best-of-all'")).to_be_visible(timeout=30_000)

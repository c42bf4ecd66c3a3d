"""What the canvas says of a prediction beside its value: what to take, and when to doubt it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Review, Server
from tests.browser.seeding import Seeded, publish_advice
from workflows.opening import Installation


@pytest.fixture
def advised(
    page: Page, server: Server, installation: Installation, make_project: Callable[..., Seeded]
) -> Review:
    session = Review(page, server.url, installation, make_project(image_count=4))
    publish_advice(installation, session.seeded)
    return session


def show(review: Review, index: int) -> None:
    image_id = review.seeded.images[index].id
    review.open(item=image_id)
    review.wait_painted(image_id)


def test_the_recommended_candidate_and_those_that_may_be_best_are_marked(advised: Review) -> None:
    show(advised, 0)
    rows = advised.page.locator(".candidate:not(.vacant)")
    marks = [rows.nth(i).get_attribute("data-mark") for i in range(4)]
    assert marks == ["recommended", "maybe", "", ""]
    shown = [rows.nth(i).locator(".mark").is_visible() for i in range(4)]
    assert shown == [True, True, False, False]
    words = advised.page.locator(".prediction")
    expect(words).to_contain_text("Recommended")
    expect(words).to_contain_text("mIoU 72 %, boundary F1 63 %")
    expect(words.locator(".warning:visible")).to_have_count(0)
    advised.press("ArrowDown")
    expect(words).to_contain_text("May be best (10 % risk)")
    expect(words).to_contain_text("mIoU 62 %, boundary F1 53 %")
    advised.press("ArrowDown")
    expect(words).not_to_contain_text("best")
    for text in ("90 % interval: 83 % to 100 %", "Recommended", "predicted mIoU 72 %"):
        assert text in (rows.first.get_attribute("title") or "")
        assert text in (rows.first.get_attribute("aria-label") or "")


def test_a_prediction_out_of_its_depth_says_why(advised: Review) -> None:
    show(advised, 1)
    words = advised.page.locator(".prediction")
    expect(words).to_contain_text("Unlike the training imagery: the interval is widened")
    expect(advised.page.locator(".candidate[data-alarm='true'] .range .icon")).to_have_count(4)
    show(advised, 2)
    expect(words).to_contain_text("Unknown class; unknown segmenter: the interval is widened")
    alarmed = advised.page.locator(".candidate[data-alarm='true']")
    expect(alarmed).to_have_count(1)
    expect(alarmed.locator(".range .icon")).to_be_visible()
    advised.press("ArrowDown")
    expect(words.get_by_text("widened")).to_be_hidden()


def test_an_image_without_an_acceptable_candidate_says_so(advised: Review) -> None:
    show(advised, 3)
    page = advised.page
    expect(page.locator(".prediction")).to_contain_text(
        "Probably none acceptable: even the best interval ends below 60 %"
    )
    expect(page.locator(".candidate[data-mark='recommended']")).to_have_count(0)
    expect(page.get_by_title("No candidate is acceptable")).to_have_attribute(
        "data-advised", "true"
    )
    show(advised, 0)
    expect(page.get_by_text("Probably none acceptable")).to_be_hidden()
    expect(page.get_by_title("No candidate is acceptable")).to_have_attribute(
        "data-advised", "false"
    )


def test_the_legend_shows_the_predicted_iou_of_each_class(advised: Review) -> None:
    show(advised, 0)
    iou = advised.page.locator(".legend .iou")
    expect(iou).to_have_text(["81 %", "90 %", "–", "62 %", "34 %"])
    advised.press("ArrowDown")
    expect(iou.first).to_have_text("71 %")


def test_without_iou_the_legend_has_no_column_for_it(review: Review) -> None:
    expect(review.page.locator(".legend .share").first).to_be_visible()
    expect(review.page.locator(".legend .iou").first).to_be_hidden()
    expect(review.page.locator(".class-head")).to_be_hidden()


def test_the_top_bar_says_what_the_informative_order_is(advised: Review) -> None:
    advised.open()
    order = advised.page.get_by_label("Order of the queue")
    expect(order).to_have_value("informative")
    assert "would gain most" in (order.get_attribute("title") or "")
    assert advised.image_id == advised.seeded.images[2].id


def test_the_order_is_chosen_in_the_top_bar_and_stands_in_the_address(advised: Review) -> None:
    first, second = advised.seeded.images[0].id, advised.seeded.images[2].id
    advised.open(scene="scene 1", item=second)
    order = advised.page.get_by_label("Order of the queue")
    expect(order).to_have_value("informative")
    order.select_option(label="most uncertain first")
    advised.page.wait_for_url("**order=uncertain**")
    advised.page.wait_for_function("() => window.__rsqa?.order.length === 2")
    advised.wait_painted(first)
    assert advised.read("order") == [first, second]
    assert "scene=scene" in advised.page.url
    assert "item=" not in advised.page.url
    advised.press("s")  # the canvas has the keys again
    advised.wait_saved()
    assert [(row.kind, row.image_id) for row in advised.rows()] == [("skip", first)]

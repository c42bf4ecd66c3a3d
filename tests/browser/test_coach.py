"""The first minute: steps that are done by doing them, once."""

from __future__ import annotations

from playwright.sync_api import Locator, expect

from tests.browser.conftest import Review


def coach(review: Review) -> Locator:
    return review.page.get_by_role("note", name="First steps")


def test_each_step_is_done_by_doing_it_and_none_comes_back(review: Review) -> None:
    expect(coach(review)).to_contain_text("1 of 4")
    review.press("Enter")  # not what is asked for: it stays
    expect(coach(review)).to_contain_text("1 of 4")
    review.wait_painted(review.seeded.images[1].id)
    review.page.keyboard.down(" ")
    expect(coach(review)).to_contain_text("2 of 4")
    review.page.keyboard.up(" ")
    review.press("ArrowRight")
    expect(coach(review)).to_contain_text("3 of 4")
    review.wait_painted()
    review.press("Enter")
    expect(coach(review)).to_contain_text("4 of 4")
    review.press("u")
    expect(coach(review)).to_contain_text("lists every key")
    review.open()
    review.wait_ready(1)
    expect(coach(review)).to_be_hidden()


def test_it_goes_when_it_is_sent_away_and_lets_the_mouse_through(review: Review) -> None:
    box = coach(review).bounding_box()
    assert box is not None
    under = review.page.evaluate(
        "([x, y]) => { let one = document.elementFromPoint(x, y);"
        " while (one?.shadowRoot) one = one.shadowRoot.elementFromPoint(x, y);"
        " return one?.className; }",
        [box["x"] + 8, box["y"] + box["height"] / 2],
    )
    assert "canvas" in under
    coach(review).get_by_role("button", name="Not now").click()
    expect(coach(review)).to_be_hidden()
    review.open()
    expect(coach(review)).to_be_hidden()

"""Marks that are there already: kept for the session, recorded, fetched, amended."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import Review
from tests.browser.marking import at, bar, begin, bitmap, marked
from tests.browser.seeding import add_head, publish_scores


def test_marks_stay_with_their_candidate_until_it_is_decided(review: Review) -> None:
    first, second = review.seeded.candidates[review.seeded.images[0].id][:2]
    begin(review)
    review.page.mouse.click(*at(review, 20, 20))
    count = marked(review)
    review.page.locator(".candidate").nth(1).click()  # while marking
    review.page.wait_for_function("id => __rsqa.painted?.candidateId === id", arg=second.id)
    expect(bar(review)).to_be_hidden()
    assert marked(review) == 0
    review.press("j")
    review.wait_painted(review.seeded.images[1].id)
    assert marked(review) == 0
    review.press("k")
    review.wait_painted(review.seeded.images[0].id)
    assert marked(review) == count
    begin(review)
    assert marked(review) == count
    review.press("Enter")
    review.wait_saved()
    (row,) = review.rows()
    assert row.candidate_id == first.id
    review.press("u")  # taking it back brings the marks back, to go on from there
    review.wait_painted(review.seeded.images[0].id)
    assert marked(review) == count
    review.press("Enter")  # the predicted score: the marks go
    review.wait_saved()
    assert [row.kind for row in review.holding()] == ["confirm"]
    review.press("k")
    review.wait_painted(review.seeded.images[0].id)
    assert marked(review) == 0


def test_a_reload_keeps_nothing_half_done_and_shows_what_was_recorded(review: Review) -> None:
    begin(review)
    review.page.mouse.click(*at(review, 20, 20))
    review.page.reload()
    review.wait_painted()
    assert marked(review) == 0
    assert review.rows() == []
    expect(review.page.get_by_role("button", name="Hide marks")).to_be_hidden()

    review.wait_ready(2)
    begin(review)
    review.page.mouse.click(*at(review, 20, 20))
    count = marked(review)
    review.press("Enter")
    review.wait_saved()
    review.open(item=review.seeded.images[0].id)
    review.page.wait_for_function("n => __rsqa.marked === n", arg=count)
    review.page.get_by_role("button", name="Hide marks").click()
    assert marked(review) == 0
    review.press("t")
    assert marked(review) == count
    begin(review)  # goes on from what was recorded
    review.page.mouse.click(*at(review, 50, 50))
    review.press("Enter")
    review.wait_saved()
    assert [bitmap(row).sum() for row in review.rows()] == [count, 2 * count]
    (held,) = review.holding()
    assert bitmap(held).sum() == 2 * count


def test_taking_a_decision_back_after_a_reload_brings_its_marks_back(review: Review) -> None:
    begin(review)
    review.page.mouse.click(*at(review, 20, 20))
    count = marked(review)
    assert count > 0
    review.press("Enter")
    review.wait_saved()
    review.page.reload()
    review.wait_painted(review.seeded.images[1].id)
    review.press("u")
    review.wait_painted(review.seeded.images[0].id)
    review.page.wait_for_function("n => __rsqa.marked === n", arg=count)
    review.wait_saved()
    assert review.holding() == []
    begin(review)  # goes on from them
    review.page.mouse.click(*at(review, 50, 50))
    review.press("Enter")
    review.wait_saved()
    (held,) = review.holding()
    assert bitmap(held).sum() == 2 * count


def test_marks_that_cannot_be_fetched_are_told_and_asked_for_again(review: Review) -> None:
    begin(review)
    review.page.mouse.click(*at(review, 20, 20))
    count = marked(review)
    review.press("Enter")
    review.wait_saved()
    review.page.route("**/verdicts/*/marks", lambda route: route.abort())
    review.open(item=review.seeded.images[0].id)
    expect(review.page.locator(".hint")).to_contain_text("could not be loaded")
    review.press("a")
    expect(review.page.locator(".hint")).to_contain_text("Your earlier marks could not be loaded")
    expect(bar(review)).to_be_hidden()
    review.page.unroute("**/verdicts/*/marks")
    review.press("t", "t")
    review.page.wait_for_function("n => __rsqa.marked === n", arg=count)


def test_a_new_ranking_ends_the_mode_and_loses_no_mark(review: Review) -> None:
    name = f"retrained-{review.seeded.project.id}"
    add_head(review.installation, name)
    publish_scores(review.installation, review.seeded, name)
    review.press("s")  # the answer names the new head
    banner = review.page.get_by_role("button", name="New ranking by")
    expect(banner).to_be_visible()
    marked_image = review.image_id
    begin(review)
    review.page.mouse.click(*at(review, 20, 20))
    count = marked(review)
    banner.click()
    expect(bar(review)).to_be_hidden()
    expect(banner).to_be_hidden()
    review.page.mouse.move(*at(review, 30, 30))  # nothing is under the pointer while it loads
    review.wait_painted(marked_image)
    assert marked(review) == count

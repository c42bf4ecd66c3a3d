"""Blind review: predictions hidden until a decision, and each decision says so."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Review


def by_name(review: Review, index: int = 0) -> list[int]:
    found = review.seeded.candidates[review.seeded.images[index].id]
    return [one.id for one in sorted(found, key=lambda one: one.segmenter)]


@pytest.fixture
def blind(review: Review) -> Review:
    review.press("h")
    review.wait_painted()
    return review


def test_nothing_on_screen_tells_the_prediction(blind: Review) -> None:
    strip = blind.page.get_by_role("complementary", name="Decision")
    expect(strip).to_contain_text("hidden")
    expect(blind.page.get_by_role("button", name="hidden until decided")).to_have_count(4)
    shown = " ".join(blind.page.locator(".candidate .value").all_text_contents())
    assert "%" not in shown
    expect(blind.page.locator(".candidate[data-mark='recommended']")).to_have_count(0)
    expect(blind.page.locator(".model")).to_have_text("Predictions hidden")
    names = [one.strip() for one in blind.page.locator(".candidate .name").all_text_contents()]
    assert names == sorted(names)
    assert blind.read("painted")["candidateId"] == by_name(blind)[0]  # type: ignore[index]
    blind.press("e")
    expect(blind.page.locator(".heat")).to_contain_text("Hidden until you have decided")


def test_a_decision_is_marked_as_blind_and_then_shows_the_prediction(blind: Review) -> None:
    blind.press("Enter")
    expect(blind.page.locator(".hint")).to_contain_text("The prediction is hidden")
    assert blind.rows() == []
    blind.press("6", "2", "Enter")
    blind.wait_saved()
    (row,) = blind.rows()
    assert (row.candidate_id, row.score) == (by_name(blind)[0], 0.62)
    assert (row.score_visible, row.score_shown, row.head_id) == (False, None, None)
    blind.press("k")  # back to the decided image
    blind.wait_painted(blind.seeded.images[0].id)
    expect(blind.page.locator(".candidate .value").first).to_contain_text("%")
    blind.press("j")
    blind.wait_painted(blind.seeded.images[1].id)
    expect(blind.page.locator(".candidate .value").first).to_have_text("–")


def test_it_stays_over_a_reload_and_ends_by_the_button(blind: Review) -> None:
    blind.page.wait_for_timeout(300)
    blind.page.reload()
    blind.wait_painted()
    button = blind.page.get_by_role("button", name="Hide predictions until I have decided")
    expect(button).to_have_attribute("aria-pressed", "true")
    button.click()
    expect(blind.page.locator(".candidate .value").first).to_contain_text("%")
    blind.wait_painted()
    blind.press("Enter")
    blind.wait_saved()
    assert blind.rows()[0].score_visible


def test_a_burst_of_blind_decisions_is_as_quick_and_loses_none(blind: Review) -> None:
    blind.wait_ready(12)
    for number in range(8):
        blind.press("7", str(number), "Enter", pause_s=0.06)
    blind.wait_saved()
    rows = blind.rows()
    assert [row.image_id for row in rows] == [image.id for image in blind.seeded.images[:8]]
    assert [row.candidate_id for row in rows] == [by_name(blind, index)[0] for index in range(8)]
    assert [row.score for row in rows] == [0.7 + number / 100 for number in range(8)]

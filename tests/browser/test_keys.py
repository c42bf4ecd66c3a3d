"""Reviewers choose keys of their own."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import Review


def give(review: Review, action: str, *keys: str) -> Locator:
    """Open the help, ask for a new key of an action, and press keys; return the help."""
    dialog = review.page.get_by_role("dialog")
    if not dialog.is_visible():
        review.press("?")
    dialog.locator(f'[data-key="{action}"]').click()
    review.press(*keys)
    return dialog


def test_a_chosen_key_works_is_shown_and_stays(review: Review) -> None:
    dialog = give(review, "skip", "q")
    expect(dialog.get_by_role("status")).to_have_text("Q is the new key.")
    review.press("Escape")
    expect(dialog).to_be_hidden()

    review.press("s")  # means nothing now
    review.press("q")
    review.wait_saved()

    skip = review.page.get_by_role("button", name="Skip", exact=True)
    assert [row.kind for row in review.rows()] == ["skip"]
    expect(skip.locator("kbd")).to_have_text("Q")
    expect(skip).to_have_attribute("aria-keyshortcuts", "Q")
    review.page.reload()
    review.wait_painted()
    expect(skip.locator("kbd")).to_have_text("Q")
    review.press("q")
    review.wait_saved()
    assert [row.kind for row in review.rows()] == ["skip", "skip"]


def test_a_key_that_is_taken_changes_places(review: Review) -> None:
    give(review, "skip", "f", "Escape")

    expect(review.page.get_by_role("button", name="Skip", exact=True).locator("kbd")).to_have_text(
        "F"
    )
    expect(review.page.get_by_role("button", name="Flag", exact=True).locator("kbd")).to_have_text(
        "S"
    )
    review.press("f", "s")
    review.wait_saved()
    assert [row.kind for row in review.rows()] == ["skip", "flag"]


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("7", "Digits type a score."),
        ("r", "C and R belong to the page"),
        ("F5", "Choose a letter or a sign."),
        ("Enter", "Choose a letter or a sign."),
        ("=", "keeps its meaning"),
    ],
)
def test_a_key_that_cannot_be_had_says_why(review: Review, key: str, words: str) -> None:
    dialog = give(review, "skip", key)

    expect(dialog.get_by_role("status")).to_contain_text(words)
    assert review.rows() == []
    review.press("Escape")  # leaves the question, not the help
    expect(dialog).to_be_visible()
    expect(review.page.get_by_role("button", name="Skip", exact=True).locator("kbd")).to_have_text(
        "S"
    )


def test_the_usual_keys_come_back(review: Review) -> None:
    dialog = give(review, "nextItem", ";")
    expect(review.page.get_by_role("button", name="Next image", exact=True)).to_have_attribute(
        "title", "Next image (;)"
    )

    dialog.get_by_role("button", name="Usual keys again").click()
    review.press("Escape")

    expect(review.page.get_by_role("button", name="Next image", exact=True)).to_have_attribute(
        "title", "Next image (J)"
    )
    assert review.page.evaluate("localStorage.getItem('rsqa.keys')") == "{}"
    review.press("j")
    review.wait_painted(review.seeded.images[1].id)
    review.press("PageUp")  # a key beside the sign is never given away
    review.wait_painted(review.seeded.images[0].id)


@pytest.mark.parametrize("stored", ["no JSON", '{"skip": "f"}', '{"skip": "7", "nobody": "q"}'])
def test_stored_keys_that_make_no_sense_leave_the_usual_ones(review: Review, stored: str) -> None:
    review.page.evaluate("text => localStorage.setItem('rsqa.keys', text)", stored)
    review.page.reload()
    review.wait_painted()
    review.wait_ready(2)

    review.press("s", "f")
    review.wait_saved()

    assert [row.kind for row in review.rows()] == ["skip", "flag"]

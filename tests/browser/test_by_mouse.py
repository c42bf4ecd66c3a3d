"""Everything also works without the keyboard."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import Review


def test_candidate_and_confirm_by_mouse_only(review: Review) -> None:
    image = review.seeded.images[0]
    second = review.seeded.candidates[image.id][1]
    review.page.get_by_role("button", name="Candidate 2").click()
    review.page.wait_for_function("id => __rsqa.painted?.candidateId === id", arg=second.id)
    review.wait_painted(image.id)
    review.page.get_by_role("button", name="Confirm 84 %").click()
    review.wait_saved()
    (row,) = review.rows()
    assert (row.kind, row.candidate_id) == ("confirm", second.id)
    assert row.score == review.seeded.scores[second.id].score
    assert review.image_id == review.seeded.images[1].id


def test_own_score_by_slider(review: Review) -> None:
    slider = review.page.get_by_role("slider", name="Your score in percent")
    box = slider.bounding_box()
    assert box is not None
    review.page.mouse.click(box["x"] + box["width"] * 0.25, box["y"] + box["height"] / 2)
    shown = review.page.locator(".own-score output").inner_text()
    review.page.get_by_role("button", name=f"Record {shown}").click()
    review.wait_saved()
    (row,) = review.rows()
    assert row.kind == "correct"
    assert row.score is not None
    assert f"{round(row.score * 100)} %" == shown
    assert 0.15 < row.score < 0.35


def test_skip_flag_none_note_and_undo_by_mouse(review: Review) -> None:
    page = review.page
    page.get_by_role("button", name="Skip", exact=False).click()
    review.wait_painted(review.seeded.images[1].id)
    page.get_by_role("button", name="Flag").click()
    review.wait_painted(review.seeded.images[2].id)
    page.get_by_role("button", name="None good").click()
    review.wait_painted(review.seeded.images[3].id)
    page.get_by_label("Note", exact=True).fill("bridge cut off")
    page.get_by_role("button", name="Keep note").click()
    page.get_by_role("button", name="Undo").click()  # the note
    page.get_by_role("button", name="Undo").click()  # none acceptable
    review.wait_painted(review.seeded.images[2].id)
    review.wait_saved()
    rows = review.rows()
    assert [row.kind for row in rows] == [
        "skip",
        "flag",
        "none_acceptable",
        "note",
        "undo",
        "undo",
    ]
    assert [row.supersedes_id for row in rows[4:]] == [rows[3].id, rows[2].id]


def test_after_a_click_the_keys_belong_to_the_canvas_again(review: Review) -> None:
    review.page.locator(".class-row").first.click()
    review.page.get_by_role("button", name="Blink the mask").click()
    review.press("Enter")
    review.wait_saved()
    assert [row.kind for row in review.rows()] == ["confirm"]


def test_a_button_reached_with_tab_keeps_enter_for_itself(review: Review) -> None:
    review.page.get_by_role("button", name="Skip").focus()
    review.press("Enter")
    review.wait_saved()
    assert [row.kind for row in review.rows()] == ["skip"]


def test_the_filmstrip_leads_back_to_a_decided_image(review: Review) -> None:
    review.press("Enter", "s")
    review.wait_painted(review.seeded.images[2].id)
    review.wait_saved()
    review.page.get_by_role("button", name="Back to: tile_000, confirmed").click()
    review.wait_painted(review.seeded.images[0].id)
    expect(review.page.locator(".candidate .badge").first).to_have_text("You: 91 %")
    review.press("6", "Enter")
    review.wait_saved()
    rows = review.rows()
    assert rows[2].supersedes_id == rows[0].id
    assert review.image_id == review.seeded.images[2].id  # on to the next without a decision


def test_the_link_to_an_item_opens_that_item_first(review: Review) -> None:
    review.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    review.press("j", "j")
    review.wait_painted(review.seeded.images[2].id)
    review.page.get_by_role("button", name="Copy link to this item").click()
    expect(review.page.locator(".hint")).to_have_text("Link copied")
    link = review.page.evaluate("() => navigator.clipboard.readText()")
    review.page.goto(link)
    review.wait_painted(review.seeded.images[2].id)
    review.press("Enter")
    review.wait_painted(review.seeded.images[0].id)  # the queue goes on where it was
    assert "item=" not in review.page.url
    review.wait_saved()
    assert [row.image_id for row in review.rows()] == [review.seeded.images[2].id]

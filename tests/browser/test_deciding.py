"""Decisions by key: one key, one row, on the image that was on screen."""

from __future__ import annotations

import time

import pytest

from tests.browser.conftest import Review


def test_ten_presses_60_ms_apart_are_ten_rows_on_ten_images_in_queue_order(
    review: Review,
) -> None:
    review.wait_ready(10)
    for _ in range(10):
        review.page.keyboard.press("Enter")
        time.sleep(0.06)
    review.wait_saved()
    rows = review.rows()
    expected = review.seeded.images[:10]
    assert [row.image_id for row in rows] == [image.id for image in expected]
    assert [row.candidate_id for row in rows] == [
        review.seeded.candidates[image.id][0].id for image in expected
    ]
    assert {row.kind for row in rows} == {"confirm"}
    assert review.image_id == review.seeded.images[10].id


def test_a_held_key_is_one_decision(review: Review) -> None:
    review.wait_ready(5)
    for _ in range(15):  # Playwright repeats a key that is down already, as the system does
        review.page.keyboard.down("Enter")
        time.sleep(0.02)
    review.page.keyboard.up("Enter")
    review.wait_saved()
    assert [row.image_id for row in review.rows()] == [review.seeded.images[0].id]


def test_confirm_records_the_score_that_was_shown_and_by_which_head(review: Review) -> None:
    review.press("Enter")
    review.wait_saved()
    (row,) = review.rows()
    best = review.seeded.candidates[review.seeded.images[0].id][0]
    predicted = review.seeded.scores[best.id]
    assert (row.score, row.score_shown, row.head_id) == (
        predicted.score,
        predicted.score,
        predicted.head_id,
    )
    assert row.score_visible
    assert row.reviewer == "Reviewer"
    assert 0 < row.time_spent_s < 60


@pytest.mark.parametrize(
    ("keys", "score"),
    [("7", 0.7), ("78", 0.78), ("07", 0.07), ("100", 1.0), ("0", 0.0), ("1", 0.1)],
)
def test_digits_and_enter_record_a_correction(review: Review, keys: str, score: float) -> None:
    review.press(*keys)
    preview = review.page.locator(".preview-value")
    assert preview.is_visible()
    assert preview.inner_text() == f"{round(score * 100)} %"
    review.press("Enter")
    review.wait_saved()
    (row,) = review.rows()
    assert (row.kind, row.score) == ("correct", pytest.approx(score))
    assert row.score_shown == review.seeded.scores[row.candidate_id or 0].score
    assert review.image_id == review.seeded.images[1].id


def test_escape_leaves_the_typed_score_and_backspace_takes_a_digit_back(review: Review) -> None:
    review.press("4", "5", "Backspace", "8", "Enter")
    review.press("3", "Escape", "Enter")
    review.wait_saved()
    rows = review.rows()
    assert [(row.kind, row.score) for row in rows] == [
        ("correct", 0.48),
        ("confirm", rows[1].score_shown),
    ]


def test_a_third_digit_that_makes_no_score_is_ignored(review: Review) -> None:
    review.press("7", "8", "9", "Enter")
    review.wait_saved()
    assert [row.score for row in review.rows()] == [0.78]


def test_shift_enter_records_and_goes_to_the_next_candidate_of_the_image(review: Review) -> None:
    image = review.seeded.images[0]
    best, second = review.seeded.candidates[image.id][:2]
    review.press("8", "Shift+Enter")
    review.wait_painted(image.id)
    review.page.wait_for_function("id => __rsqa.painted?.candidateId === id", arg=second.id)
    review.press("Enter")
    review.wait_saved()
    assert [(row.image_id, row.candidate_id, row.kind) for row in review.rows()] == [
        (image.id, best.id, "correct"),
        (image.id, second.id, "confirm"),
    ]
    assert review.image_id == review.seeded.images[1].id


def test_another_candidate_is_confirmed_with_its_own_score(review: Review) -> None:
    image = review.seeded.images[0]
    third = review.seeded.candidates[image.id][2]
    review.wait_ready(5)
    review.press("ArrowRight", "ArrowDown")
    review.page.wait_for_function("id => __rsqa.painted?.candidateId === id", arg=third.id)
    review.wait_painted(image.id)
    review.press("Enter")
    review.wait_saved()
    (row,) = review.rows()
    assert (row.candidate_id, row.score) == (third.id, review.seeded.scores[third.id].score)


def test_skip_flag_and_none_acceptable_are_about_the_image(review: Review) -> None:
    for key in ("s", "f", "x"):
        review.press(key)
        review.wait_painted()
    review.wait_saved()
    assert [(row.kind, row.candidate_id, row.score) for row in review.rows()] == [
        ("skip", None, None),
        ("flag", None, None),
        ("none_acceptable", None, None),
    ]
    assert [row.image_id for row in review.rows()] == [i.id for i in review.seeded.images[:3]]


def test_keys_typed_into_the_note_decide_nothing_and_the_note_goes_with_the_decision(
    review: Review,
) -> None:
    review.press("n")
    review.page.keyboard.type("sfx 78 clouds")
    review.press("Enter")  # back to the canvas
    assert review.rows() == []
    review.press("Enter")
    review.wait_saved()
    (row,) = review.rows()
    assert (row.kind, row.note) == ("confirm", "sfx 78 clouds")
    assert review.page.locator("textarea").input_value() == ""


def test_control_enter_keeps_the_note_alone_and_stays(review: Review) -> None:
    review.press("n")
    review.page.keyboard.type("<b>shadow</b>")
    review.press("Control+Enter")
    review.wait_saved()
    (row,) = review.rows()
    assert (row.kind, row.note, row.image_id) == (
        "note",
        "<b>shadow</b>",
        review.seeded.images[0].id,
    )
    assert review.image_id == review.seeded.images[0].id


def test_letters_with_modifiers_and_the_keys_of_streamlit_decide_nothing(review: Review) -> None:
    review.press("Control+s", "Alt+f", "c", "r", "Escape")
    review.press("j")
    review.wait_saved()
    assert review.rows() == []
    assert review.image_id == review.seeded.images[1].id

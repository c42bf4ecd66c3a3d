"""Marking errors in the browser: brush, polygon, eraser, the live score, what is recorded."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import expect

from pages.api import API_ROOT
from pages.components.canvas.assets_route import assets_key
from rsqa_core.raster import encode_mask, encode_runs, read_mask
from rsqa_core.records import VOID
from tests.browser.conftest import Review
from tests.browser.marking import SIDE_PX, at, bar, begin, bitmap, marked, smallest_brush, stroke
from tests.browser.seeding import Seeded


def test_a_stroke_is_recorded_as_marks_and_the_score_that_they_leave(review: Review) -> None:
    begin(review)
    expect(bar(review)).to_contain_text("Nothing marked yet")
    smallest_brush(review)
    stroke(review, (10.5, 20.5), (29.5, 20.5))
    assert marked(review) == 20
    expect(bar(review)).to_contain_text("0.5 % of valid pixels marked wrong → score 100 %")
    review.press(".")  # 3 px
    stroke(review, (30.5, 5.5), (30.5, 34.5))
    wrong = np.zeros((SIDE_PX, SIDE_PX), bool)
    wrong[20, 10:30] = True
    wrong[5:35, 29:32] = True
    wrong[[4, 35], 30] = True  # the round ends
    review.press("Enter")
    review.wait_saved()
    expect(bar(review)).to_be_hidden()
    (row,) = review.rows()
    found = bitmap(row)
    assert np.array_equal(found[5:35], wrong[5:35])
    assert (row.kind, row.score) == ("correct", pytest.approx(1 - found.mean(), abs=1e-12))
    best = review.seeded.candidates[review.seeded.images[0].id][0]
    assert row.candidate_id == best.id
    assert review.image_id == review.seeded.images[1].id
    assert marked(review) == 0  # the next image has none


def test_a_polygon_closes_by_a_double_click_and_by_enter(review: Review) -> None:
    begin(review, "2")
    for corner in ((10, 10), (20, 10), (20, 30)):
        review.page.mouse.click(*at(review, *corner))
    expect(bar(review)).to_contain_text("3 corners")
    review.press("Backspace", "Backspace", "Enter")  # one corner is left: no polygon
    expect(review.page.locator(".hint")).to_contain_text("three corners")
    review.press("Escape")  # drops the polygon, not the mode
    expect(bar(review)).to_contain_text("Nothing marked yet")
    for corner in ((10, 10), (20, 10), (20, 30)):
        review.page.mouse.click(*at(review, *corner))
    review.page.mouse.dblclick(*at(review, 10, 30))
    assert marked(review) == 10 * 20
    for corner in ((40, 40), (50, 40), (50, 50), (40, 50)):
        review.page.mouse.click(*at(review, *corner))
    review.press("Enter")
    assert marked(review) == 10 * 20 + 10 * 10
    assert review.rows() == []
    review.press("Enter")
    review.wait_saved()
    (row,) = review.rows()
    expected = np.zeros((SIDE_PX, SIDE_PX), bool)
    expected[10:30, 10:20] = expected[40:50, 40:50] = True
    assert np.array_equal(bitmap(row), expected)


def test_eraser_shift_back_and_clear(review: Review) -> None:
    begin(review)
    smallest_brush(review)
    stroke(review, (10.5, 10.5), (19.5, 10.5))
    review.press("3")
    stroke(review, (15.5, 10.5), (30.5, 10.5))
    assert marked(review) == 5
    review.press("1")
    review.page.keyboard.down("Shift")
    stroke(review, (10.5, 10.5), (11.5, 10.5))
    review.page.keyboard.up("Shift")
    assert marked(review) == 3
    counts = []
    for _ in range(3):
        review.press("Backspace")
        counts.append(marked(review))
    assert counts == [5, 10, 0]
    review.press("Backspace")
    expect(review.page.locator(".hint")).to_contain_text("No stroke to take back")
    stroke(review, (10.5, 10.5), (19.5, 10.5))
    review.press("Delete")
    assert marked(review) == 0
    review.press("u")  # clearing is a stroke as well
    assert marked(review) == 10
    assert review.rows() == []


def test_everything_has_a_button(review: Review) -> None:
    page = review.page
    page.get_by_role("button", name="Mark errors").click()
    expect(bar(review).get_by_role("button", name="Record")).to_be_disabled()
    bar(review).get_by_role("button", name="Polygon").click()
    for corner in ((10, 10), (20, 10), (20, 20)):
        page.mouse.click(*at(review, *corner))
    bar(review).get_by_role("button", name="Record").click()  # closes
    assert marked(review) > 0
    size = bar(review).get_by_role("slider", name="Brush size")
    box = size.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] - 2, box["y"] + box["height"] / 2)
    expect(size).to_have_attribute("aria-valuetext", "201 px")
    bar(review).get_by_role("button", name="Eraser").click()
    page.mouse.click(*at(review, 32, 32))
    assert marked(review) == 0
    bar(review).get_by_role("button", name="Back").click()
    assert marked(review) > 0
    bar(review).get_by_role("button", name="Clear").click()
    assert marked(review) == 0
    bar(review).get_by_role("button", name="Leave").click()
    expect(bar(review)).to_be_hidden()
    assert review.rows() == []


def test_the_large_button_records_marks_and_confirms_no_prediction(review: Review) -> None:
    begin(review)
    large = review.page.get_by_role("button", name="Record what is marked")
    large.click()
    expect(review.page.locator(".hint")).to_contain_text("Nothing is marked")
    stroke(review, (20, 20), (30, 20))
    large.click()
    review.wait_saved()

    (row,) = review.rows()
    assert row.kind == "correct"
    assert row.marks is not None
    assert row.score is not None
    assert row.score < 1
    expect(review.page.get_by_role("button", name="Confirm")).to_be_visible()


def test_the_keyboard_alone_marks_and_records(review: Review) -> None:
    begin(review)
    smallest_brush(review)
    review.press("d")  # shows where the brush is
    assert marked(review) == 0
    review.press("d", "ArrowRight", "ArrowRight", "d", "ArrowDown", "d")
    assert marked(review) == 3
    review.press("ArrowUp", "Shift+D")
    assert marked(review) == 2
    review.press("2", "d", *["ArrowLeft"] * 10, "d", *["ArrowUp"] * 10, "d", "Enter")
    assert marked(review) > 40
    review.press("Enter")
    review.wait_saved()
    (row,) = review.rows()
    assert row.score == pytest.approx(1 - bitmap(row).mean(), abs=1e-12)


def test_enter_with_nothing_marked_says_what_to_do_and_a_held_enter_is_one_decision(
    review: Review,
) -> None:
    begin(review)
    review.press("Enter")
    hint = review.page.locator(".hint")
    expect(hint).to_contain_text("Nothing is marked")
    said, below = hint.bounding_box(), bar(review).bounding_box()
    assert said is not None
    assert below is not None
    assert said["y"] + said["height"] <= below["y"]  # the bar must not hide it
    review.press("x", "f", "s", "j")  # no decision and no move while areas are marked
    expect(bar(review)).to_be_visible()
    review.page.mouse.click(*at(review, 32, 32))
    for _ in range(6):
        review.page.keyboard.down("Enter")  # what a held key sends
    review.page.keyboard.up("Enter")
    review.wait_saved()
    assert [row.kind for row in review.rows()] == ["correct"]
    review.press("s")  # the keys decide again
    review.wait_saved()
    assert [row.kind for row in review.rows()] == ["correct", "skip"]


def test_wheel_middle_button_and_space_move_the_image_and_mark_nothing(review: Review) -> None:
    begin(review)
    mouse = review.page.mouse
    mouse.move(*at(review, 32, 32))
    mouse.wheel(0, -400)
    zoom = review.read("zoom")
    mouse.down(button="middle")
    mouse.move(*at(review, 28, 30))
    mouse.up(button="middle")
    dragged = review.read("zoom")
    assert dragged != zoom
    review.page.keyboard.down(" ")
    stroke(review, (32, 32), (36, 34))
    review.page.keyboard.up(" ")
    assert review.read("zoom") != dragged
    assert marked(review) == 0
    smallest_brush(review)
    stroke(review, (40.5, 30.5), (44.5, 30.5))  # where the image is now
    assert marked(review) == 5


def test_one_finger_marks_and_two_move_the_image(review: Review) -> None:
    begin(review)
    smallest_brush(review)
    session = review.page.context.new_cdp_session(review.page)

    def touch(kind: str, *places: tuple[float, float]) -> None:
        points = [dict(zip("xy", at(review, *place), strict=True)) for place in places]
        for number, point in enumerate(points):
            point["id"] = number
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", (10.5, 20.5))
    touch("touchMove", (19.5, 20.5))
    touch("touchEnd")
    assert marked(review) == 10
    zoom = review.read("zoom")
    touch("touchStart", (30.5, 30.5))
    touch("touchMove", (33.5, 30.5))  # began to mark before the second finger came
    touch("touchStart", (33.5, 30.5), (44.5, 44.5))
    touch("touchMove", (30.5, 30.5), (50.5, 50.5))
    touch("touchEnd")
    assert review.read("zoom") != zoom
    assert marked(review) == 10


def test_a_blind_reviewer_marks_without_seeing_a_prediction(review: Review) -> None:
    review.press("h")
    review.wait_painted()
    shown = review.read("painted")
    assert isinstance(shown, dict)
    begin(review)
    review.page.mouse.click(*at(review, 20, 20))
    review.press("Enter")
    review.wait_saved()
    (row,) = review.rows()
    assert (row.candidate_id, row.score_visible, row.score_shown) == (
        shown["candidateId"],
        False,
        None,
    )


def test_of_several_panes_only_the_selected_candidates_takes_marks(review: Review) -> None:
    review.press("g")
    begin(review)
    box = review.page.locator("canvas.canvas").bounding_box()
    assert box is not None
    review.page.mouse.click(box["x"] + box["width"] * 0.75, box["y"] + box["height"] / 2)
    expect(review.page.locator(".hint")).to_contain_text("is being marked")
    assert marked(review) == 0
    review.page.mouse.click(box["x"] + box["width"] * 0.25, box["y"] + box["height"] / 2)
    assert marked(review) > 0


def test_marks_are_seen_on_everything_and_gone_while_space_is_held(review: Review) -> None:
    begin(review)
    review.press(*["."] * 6)
    review.page.mouse.click(*at(review, 32, 32))
    review.press("Escape")
    review.page.mouse.move(5, 5)

    def shades() -> set[int]:
        colours = review.page.locator("canvas.canvas").evaluate(
            """(canvas) => [...canvas.getContext('2d').getImageData(
                 canvas.width / 2, canvas.height / 2, 16, 16).data]"""
        )
        pixels = np.array(colours).reshape(-1, 4)
        return {int(value) for value in pixels[:, :3].mean(axis=1)}

    assert {22, 255} <= shades()  # dark and white stripes
    review.page.keyboard.down(" ")
    assert not {22, 255} <= shades()
    review.page.keyboard.up(" ")


def test_pixels_without_a_class_cannot_be_marked(review: Review, seeded_void: Seeded) -> None:
    review.seeded = seeded_void
    review.open()
    begin(review)
    smallest_brush(review)
    stroke(review, (30.5, 20.5), (33.5, 20.5))  # across the edge at 32
    assert marked(review) == 2
    review.press("Enter")
    review.wait_saved()
    (row,) = review.rows()
    assert row.score == pytest.approx(1 - 2 / (SIDE_PX * SIDE_PX / 2), abs=1e-12)


@pytest.fixture
def seeded_void(make_project, installation) -> Seeded:  # type: ignore[no-untyped-def]
    """A project whose masks have classes in their left half alone."""
    seeded: Seeded = make_project(image_count=2, candidate_count=1)
    for candidates in seeded.candidates.values():
        for candidate in candidates:
            path = installation.files.path(candidate.mask_path)
            mask = read_mask(path).copy()
            mask[:, SIDE_PX // 2 :] = VOID
            path.chmod(0o644)
            path.write_bytes(encode_mask(mask))
    return seeded


def test_the_browser_writes_and_reads_what_the_server_does(review: Review) -> None:
    module = f"{API_ROOT}/canvas/{assets_key()}/run_lengths.js"
    random = np.random.default_rng(0)
    for height, width, share in ((1, 1, 0.0), (1, 1, 1.0), (5, 7, 0.5), (60, 200, 0.02)):
        wrong = random.random((height, width)) < share
        text, back = review.page.evaluate(
            """async ([module, bits, width, height]) => {
                 const { encodeRuns, decodeRuns } = await import(module);
                 const text = encodeRuns(bits, width, height);
                 const back = bits.map(() => 0);
                 decodeRuns(text, width, height, (index) => (back[index] = 1));
                 return [text, back];
               }""",
            [module, wrong.astype(int).ravel().tolist(), width, height],
        )
        assert text == encode_runs(wrong)
        assert back == wrong.astype(int).ravel().tolist()

"""Views that compare: a swipe line, candidates side by side, disagreement, predicted errors."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import expect

from rsqa_core.files import write_atomically
from rsqa_core.raster import encode_mask, read_mask
from tests.browser.conftest import Review
from tests.browser.test_viewing import pixel
from workflows.error_images import error_image_path


def stage_box(review: Review) -> dict[str, float]:
    box = review.page.locator("canvas.canvas").bounding_box()
    assert box is not None
    return dict(box)


def masks_of(review: Review, index: int = 0) -> list[NDArray[np.uint8]]:
    found = review.seeded.candidates[review.seeded.images[index].id]
    return [read_mask(review.installation.files.path(one.mask_path)) for one in found]


def place(review: Review, row: int, column: int, side: int = 64) -> tuple[float, float]:
    """Where a pixel of the fitted square image lies on the canvas, both in 0..1."""
    box = stage_box(review)
    shown = min(box["width"], box["height"])
    x = (box["width"] - shown) / 2 + (column + 0.5) / side * shown
    y = (box["height"] - shown) / 2 + (row + 0.5) / side * shown
    return x / box["width"], y / box["height"]


def vote_entropy(masks: list[NDArray[np.uint8]]) -> NDArray[np.float64]:
    stack = np.stack(masks)
    total = np.zeros(stack.shape[1:])
    for k in np.unique(stack):
        share = (stack == k).mean(axis=0)
        total -= np.where(share > 0, share * np.log(np.maximum(share, 1e-9)), 0)
    return total


def test_the_swipe_line_parts_mask_and_image_and_stays_where_it_was_put(review: Review) -> None:
    left, right = place(review, 32, 16), place(review, 32, 48)
    overlaid = [pixel(review, *left), pixel(review, *right)]
    review.press("w")
    handle = review.page.get_by_role("slider", name="Mask to the left of this line")
    expect(handle).to_be_visible()
    bare = pixel(review, *right)
    assert [pixel(review, *left), bare] == [overlaid[0], bare]
    assert bare != overlaid[1]

    box = handle.bounding_box()
    assert box is not None
    review.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 60)
    review.page.mouse.down()
    review.page.mouse.move(stage_box(review)["x"] + stage_box(review)["width"] * 0.95, box["y"])
    review.page.mouse.up()
    assert pixel(review, *right) == overlaid[1]
    moved = handle.get_attribute("aria-valuenow")

    review.press("Enter")  # the keys are the canvas's again
    review.wait_saved()
    review.wait_painted(review.seeded.images[1].id)
    assert handle.get_attribute("aria-valuenow") == moved
    review.press("w")
    expect(handle).to_be_hidden()
    assert review.read("view")["mode"] == "overlay"  # type: ignore[index]


def test_the_line_moves_by_arrows_and_leaves_other_keys_alone(review: Review) -> None:
    review.press("w")
    handle = review.page.get_by_role("slider", name="Mask to the left of this line")
    handle.focus()
    review.press("ArrowRight")
    assert handle.get_attribute("aria-valuenow") == "55"
    assert review.read("painted")["candidateId"] == first_candidates(review)[0]  # type: ignore[index]
    review.press("s")
    review.wait_saved()
    assert [row.kind for row in review.rows()] == ["skip"]


def first_candidates(review: Review, index: int = 0) -> list[int]:
    return [one.id for one in review.seeded.candidates[review.seeded.images[index].id]]


def test_candidates_stand_side_by_side_and_a_click_selects_one(review: Review) -> None:
    review.wait_ready(4)
    labels = review.page.locator(".pane-label:visible")
    review.press("g")
    expect(labels).to_have_count(2)
    assert "unet_mobilenetv3" in (labels.nth(0).text_content() or "")
    box = stage_box(review)
    review.page.mouse.click(box["x"] + box["width"] * 0.75, box["y"] + box["height"] / 2)
    second = first_candidates(review)[1]
    assert review.read("painted")["candidateId"] == second  # type: ignore[index]
    expect(labels.nth(1)).to_have_attribute("data-selected", "true")

    review.press("g")
    expect(labels).to_have_count(4)
    expect(labels.nth(3)).not_to_contain_text("loading")
    review.press("ArrowRight", "ArrowRight")
    expect(labels.nth(3)).to_have_attribute("data-selected", "true")
    review.press("Enter")
    review.wait_saved()
    assert [row.candidate_id for row in review.rows()] == [first_candidates(review)[3]]
    expect(labels).to_have_count(4)  # the view stays over items

    review.press("g")
    expect(labels).to_have_count(0)
    assert review.read("view")["mode"] == "overlay"  # type: ignore[index]


def test_panes_show_the_same_place_of_their_own_masks(review: Review) -> None:
    review.wait_ready(4)
    masks = masks_of(review)
    review.page.get_by_role("button", name="Project colours").click()
    for _ in range(12):
        review.press("]")
    review.press("g")
    box = stage_box(review)
    half = (box["width"] - 8) / 2
    shown = min(half, box["height"])
    colours = {entry.id: list(entry.color) for entry in review.seeded.project.classes}
    for row, column in ((8, 8), (20, 40), (40, 20), (60, 60)):
        y = (box["height"] - shown) / 2 + (row + 0.5) / 64 * shown
        for pane in range(2):
            left = pane * (half + 8) + (half - shown) / 2
            x = left + (column + 0.5) / 64 * shown
            drawn = pixel(review, x / box["width"], y / box["height"])
            assert drawn[:3] == colours[int(masks[pane][row, column])]


def test_dragging_in_a_pane_moves_all_and_selects_nothing(review: Review) -> None:
    review.press("g")
    box = stage_box(review)
    before = review.read("zoom")
    review.page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + box["height"] / 2)
    review.page.mouse.down()
    review.page.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + box["height"] / 2, steps=4)
    review.page.mouse.up()
    assert review.read("zoom") != before
    assert review.read("painted")["candidateId"] == first_candidates(review)[0]  # type: ignore[index]


def test_disagreement_is_drawn_where_votes_differ_and_nowhere_else(review: Review) -> None:
    review.wait_ready(4)
    entropy = vote_entropy(masks_of(review))
    assert (entropy == 0).any()
    assert entropy.max() > 0.5
    agreed = np.argwhere(entropy == 0)[:: max(1, int((entropy == 0).sum()) // 6)][:6]
    worst = np.argwhere(entropy == entropy.max())[:6]
    review.page.get_by_role("button", name="Image", exact=True).click()
    before = {tuple(at): pixel(review, *place(review, *at)) for at in [*agreed, *worst]}
    review.press("d")
    expect(review.page.locator(".heat-scale")).to_be_visible()
    for at in agreed:
        assert pixel(review, *place(review, *at)) == before[tuple(at)]
    for at in worst:
        assert pixel(review, *place(review, *at)) != before[tuple(at)]
    requests: list[str] = []
    review.page.on("request", lambda request: requests.append(request.url))
    review.press("w", "g", "g", "d", ".")
    assert requests == []
    review.press("d")
    assert review.read("view")["mode"] == "image"  # type: ignore[index]


def test_full_stops_and_commas_go_through_the_disputed_regions(review: Review) -> None:
    review.wait_ready(4)
    entropy = vote_entropy(masks_of(review))
    fitted = review.read("zoom")["scale"]  # type: ignore[index]
    review.press("d")
    expect(review.page.locator(".heat-scale")).to_be_visible()  # all masks are here
    review.press(".")
    hint = review.page.locator(".hint")
    expect(hint).to_contain_text("Disputed region 1 of")
    first = review.read("zoom")
    assert first["scale"] > fitted  # type: ignore[index]
    row, column = (int(first[name] * 64) for name in ("y", "x"))  # type: ignore[index]
    around = entropy[max(0, row - 4) : row + 4, max(0, column - 4) : column + 4]
    assert around.mean() > entropy.mean()
    review.press(".")
    expect(hint).to_contain_text("Disputed region 2 of")
    assert review.read("zoom") != first
    review.press(",")
    expect(hint).to_contain_text("Disputed region 1 of")
    assert review.read("zoom") == first
    assert review.rows() == []


def test_a_lone_candidate_has_nothing_to_compare_with(review: Review, make_project: object) -> None:
    review.seeded = make_project(candidate_count=1, image_count=2)  # type: ignore[operator]
    review.open()
    review.press("g")
    expect(review.page.locator(".pane-label:visible")).to_have_count(0)
    review.press("d", ".")
    expect(review.page.locator(".hint")).to_contain_text("disagrees with nobody")


def test_the_error_map_of_the_selected_candidate_is_drawn(review: Review) -> None:
    image = review.seeded.images[0]
    best = review.seeded.candidates[image.id][0]
    wrong = np.zeros((64, 64), np.uint8)
    wrong[32:] = 255
    path = error_image_path(review.installation.settings, best, review.seeded.scores[best.id])
    write_atomically(path, encode_mask(wrong))
    review.page.get_by_role("button", name="Image", exact=True).click()
    places = [place(review, 10, 30), place(review, 50, 30)]
    plain = [pixel(review, *at) for at in places]

    review.press("e")

    expect(review.page.locator(".heat-scale")).to_be_visible()
    expect(review.page.locator(".heat-scale")).to_contain_text("probably wrong")
    assert pixel(review, *places[0]) == plain[0]
    assert pixel(review, *places[1]) != plain[1]


def test_a_map_that_cannot_be_made_is_said_and_stops_nothing(review: Review) -> None:
    """The head of a seeded project has no file."""
    review.press("e")
    notice = review.page.locator(".heat")
    expect(notice).to_contain_text("could not be made", timeout=90_000)
    expect(notice.get_by_role("button", name="Try again")).to_be_visible()
    review.press("Enter")
    review.wait_saved()
    assert len(review.rows()) == 1
    review.press("e")
    expect(notice).to_be_hidden()


@pytest.mark.parametrize("view", ["Split", "Swipe", "Two", "Four", "Disputed", "Errors"])
def test_each_view_can_be_chosen_by_mouse_and_outlives_a_reload(review: Review, view: str) -> None:
    chooser = review.page.get_by_role("combobox", name="Compare")
    chooser.select_option(label=view)
    mode = review.read("view")["mode"]  # type: ignore[index]
    review.page.wait_for_timeout(300)
    review.page.reload()
    review.wait_painted()
    assert review.read("view")["mode"] == mode  # type: ignore[index]
    assert chooser.input_value() == mode
    review.press("m")
    assert review.read("view")["mode"] != mode  # type: ignore[index]

"""Slides in the browser: turned by key, looked at by mouse and key, and the same as a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FrameLocator, Locator, Page, expect

from tests.browser.conftest import Server
from tests.browser.seeding import Seeded

MakeProject = Callable[..., Seeded]


@pytest.fixture
def slides(page: Page, server: Server, make_project: MakeProject) -> FrameLocator:
    seeded = make_project(image_count=4)
    page.goto(f"{server.url}/present?project={seeded.project.slug}")
    frame = page.frame_locator("iframe")
    expect(frame.locator(".slide.now h1")).to_have_text(seeded.project.name)
    return frame


def now(slides: FrameLocator) -> Locator:
    return slides.locator(".slide.now")


def to_image(page: Page, slides: FrameLocator) -> Locator:
    slides.get_by_role("button", name="On").click()
    while not now(slides).locator(".frame").count():
        page.keyboard.press("ArrowRight")
    return now(slides)


def test_keys_and_buttons_turn_the_slides(page: Page, slides: FrameLocator) -> None:
    total = slides.locator(".slide").count()
    expect(slides.locator("#count")).to_have_text(f"1 of {total}")
    expect(slides.get_by_role("button", name="Back")).to_be_disabled()
    slides.get_by_role("button", name="On").click()
    expect(slides.locator("#count")).to_have_text(f"2 of {total}")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("PageDown")
    expect(slides.locator("#count")).to_have_text(f"4 of {total}")
    page.keyboard.press("ArrowLeft")
    expect(slides.locator("#count")).to_have_text(f"3 of {total}")
    page.keyboard.press("End")
    expect(slides.locator("#count")).to_have_text(f"{total} of {total}")
    expect(slides.get_by_role("button", name="On")).to_be_disabled()
    page.keyboard.press("Home")
    expect(now(slides).locator("h1")).to_be_visible()


def test_an_image_is_swiped_and_its_candidates_chosen(page: Page, slides: FrameLocator) -> None:
    shown = to_image(page, slides)
    mask, handle = shown.locator(".mask"), shown.locator("input")
    box = shown.locator(".frame").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.8 * box["width"], box["y"] + 20)
    page.mouse.up()
    expect(handle).to_have_value("80")
    place = slides.locator("#count").text_content()
    handle.focus()
    page.keyboard.press("ArrowLeft")  # the handle's own, no slide is turned
    expect(handle).to_have_value("79")
    expect(slides.locator("#count")).to_have_text(place or "")

    first = mask.get_attribute("src")
    second = shown.locator(".candidates button").nth(1)
    second.click()
    expect(second).to_have_attribute("aria-pressed", "true")
    assert mask.get_attribute("src") == second.get_attribute("data-mask")
    assert shown.locator(".candidates button[aria-pressed='true']").count() == 1
    assert first is not None


def test_the_file_shows_the_same_without_a_server(
    page: Page, slides: FrameLocator, browser: Browser, tmp_path: Path
) -> None:
    with page.expect_download() as downloading:
        page.get_by_role("button", name="HTML").click()
    file = tmp_path / "talk.html"
    downloading.value.save_as(file)
    total = slides.locator(".slide").count()

    context = browser.new_context(offline=True)
    alone = context.new_page()
    asked: list[str] = []
    alone.on("request", lambda request: asked.append(request.url))
    alone.goto(file.as_uri())
    alone.keyboard.press("ArrowRight")
    expect(alone.locator("#count")).to_have_text(f"2 of {total}")
    alone.reload()  # a presenter's accident
    expect(alone.locator("#count")).to_have_text(f"2 of {total}")
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    context.close()


def test_a_title_that_is_kept_is_on_the_first_slide(page: Page, slides: FrameLocator) -> None:
    page.get_by_text("Arrange the story").click()
    title, keep = page.get_by_label("Title", exact=True), page.get_by_role("button", name="Keep")
    title.fill("Our harbour")
    keep.press("Enter")  # by key: it moves under the pointer until the form has unfolded
    title.fill("Our other harbour")  # while it is kept and the slides are drawn
    expect(slides.locator(".slide.now h1")).to_have_text("Our harbour")
    expect(page.get_by_text("The story was kept.")).to_be_visible()
    expect(title).to_have_value("Our other harbour")
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
    keep.press("Enter")
    expect(slides.locator(".slide.now h1")).to_have_text("Our other harbour")

    page.get_by_role("link", name="Queue").click()
    expect(page.get_by_role("heading", name="Queue")).to_be_visible()
    page.get_by_role("link", name="Present").click()
    page.get_by_text("Arrange the story").click()
    expect(title).to_have_value("Our other harbour")

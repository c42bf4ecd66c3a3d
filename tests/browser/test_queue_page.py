"""The queue in the browser: a turned page reruns itself alone, and its address goes on working."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from pages.components.queue_table import PAGE_SIZE
from tests.browser.conftest import Server
from tests.browser.seeding import Seeded

MakeProject = Callable[..., Seeded]
COMPLETE = """() => {
  const app = document.querySelector('[data-testid="stApp"]');
  return app?.dataset.testScriptState === 'notRunning'
    && !document.querySelector('[data-stale="true"]');
}"""


@pytest.fixture
def pictures(page: Page, server: Server, make_project: MakeProject) -> Page:
    """A queue of two pages, by name, as pictures, whose names can be read from the page."""
    seeded = make_project(image_count=PAGE_SIZE + 6, candidate_count=1)
    page.goto(f"{server.url}/queue?project={seeded.project.slug}&order=name")
    page.get_by_test_id("stRadio").get_by_text("Pictures", exact=True).click()
    expect(page.get_by_role("link", name="tile_000")).to_be_visible()
    page.wait_for_function(COMPLETE)
    return page


def cursor_of(page: Page) -> list[str]:
    return parse_qs(urlsplit(page.url).query).get("cursor", [])


def test_a_turned_page_has_an_address_that_back_reload_and_links_keep(pictures: Page) -> None:
    page = pictures
    page.get_by_role("button", name="Next page").click()
    expect(page.get_by_role("link", name="tile_050")).to_be_visible()
    expect(page.get_by_role("link", name="tile_000")).to_have_count(0)
    assert len(cursor_of(page)) == 1

    page.go_back()
    expect(page.get_by_role("link", name="tile_000")).to_be_visible()
    assert cursor_of(page) == []

    page.get_by_role("button", name="Next page").click()
    expect(page.get_by_role("link", name="tile_050")).to_be_visible()
    page.reload()
    page.get_by_test_id("stRadio").get_by_text("Pictures", exact=True).click()
    expect(page.get_by_role("link", name="tile_050")).to_be_visible()
    expect(page.get_by_role("button", name="Next page")).to_be_disabled()

    page.get_by_role("link", name="tile_050").click()
    page.wait_for_url("**/review?**")
    assert "order=name" in page.url
    assert "item=" in page.url


def test_a_turned_page_reruns_neither_filters_nor_sidebar(
    page: Page, server: Server, make_project: MakeProject
) -> None:
    received: list[bytes | str] = []
    page.on(
        "websocket",
        lambda socket: socket.on("framereceived", lambda frame: received.append(frame)),
    )
    seeded = make_project(image_count=PAGE_SIZE + 6, candidate_count=1)
    page.goto(f"{server.url}/queue?project={seeded.project.slug}&order=name")
    expect(page.get_by_role("button", name="Next page")).to_be_enabled()
    page.wait_for_function(COMPLETE)
    first = b"".join(frame for frame in received if isinstance(frame, bytes))
    assert b"Reviewing as" in first
    assert b"Name contains" in first

    received.clear()
    page.get_by_role("button", name="Next page").click()
    expect(page.get_by_role("button", name="Previous page")).to_be_enabled()
    page.wait_for_function(COMPLETE)
    turned = b"".join(frame for frame in received if isinstance(frame, bytes))
    assert b"images a page" in turned
    assert b"Reviewing as" not in turned
    assert b"Name contains" not in turned


def test_a_changed_filter_goes_back_to_the_first_page(pictures: Page) -> None:
    page = pictures
    page.get_by_role("button", name="Next page").click()
    expect(page.get_by_role("link", name="tile_050")).to_be_visible()
    field = page.get_by_label("Name contains")
    field.fill("tile_00")
    field.press("Enter")
    expect(page.get_by_role("link", name="tile_009")).to_be_visible()
    expect(page.get_by_role("link", name="tile_050")).to_have_count(0)
    assert cursor_of(page) == []
    assert "name=tile_00" in page.url

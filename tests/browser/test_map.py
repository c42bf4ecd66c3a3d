"""The map in the browser: drawn without a connection to outside, a click opens an image."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from playwright.sync_api import Page, expect

from tests.browser.conftest import Server
from tests.browser.seeding import Seeded


def test_a_click_on_the_map_opens_the_image_and_nothing_comes_from_outside(
    page: Page, server: Server, make_project: Callable[..., Seeded]
) -> None:
    seeded = make_project(image_count=4)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{server.url}/map?project={seeded.project.slug}")
    outlines = page.frame_locator("iframe").first.locator("path.leaflet-interactive")
    expect(outlines).to_have_count(4)
    outlines.nth(2).click()
    chosen = seeded.images[2]
    expect(page.get_by_text(chosen.name, exact=True)).to_be_visible()
    hosts = {urlsplit(url).netloc for url in asked if url.startswith("http")}
    assert hosts == {urlsplit(server.url).netloc}
    page.get_by_role("button", name="Review", exact=True).click()
    page.wait_for_function("id => window.__rsqa?.imageId === id", arg=chosen.id)

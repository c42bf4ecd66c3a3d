"""Accept unseen in the browser: the dialog, the sample in Review, the acceptance and its end."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from db.store import images
from tests.browser.conftest import Server, eventually
from tests.browser.seeding import Seeded
from workflows.opening import Installation


def test_a_sample_is_looked_at_and_the_others_are_accepted_and_taken_back(
    page: Page, server: Server, installation: Installation, make_project: Callable[..., Seeded]
) -> None:
    seeded = make_project(image_count=8)

    def statuses() -> dict[str, int]:
        with installation.database.read() as session:
            return dict(images.count_by_status(session, seeded.project.id))

    def open_dialog() -> None:
        page.goto(f"{server.url}/queue?project={seeded.project.slug}")
        page.get_by_role("button", name="Accept unseen").click()
        expect(page.get_by_role("dialog")).to_be_visible()

    def decide(number: int) -> None:
        page.wait_for_function("() => window.__rsqa?.painted?.maskShown")
        page.wait_for_function("n => window.__rsqa?.ready >= n", arg=2 - number)
        page.keyboard.press("Enter")
        eventually(page, lambda: statuses().get("reviewed") == number)

    open_dialog()
    dialog = page.get_by_role("dialog")
    slider = dialog.get_by_role("slider")
    expect(slider).to_have_value("90")
    for value in (89, 88, 87):
        slider.press("ArrowLeft")
        expect(slider).to_have_value(str(value))
    expect(dialog.get_by_text("8 of 8 open images")).to_be_visible()
    size = dialog.get_by_role("spinbutton", name="Images to look at")
    size.fill("2")
    size.press("Enter")
    dialog.get_by_role("button", name="Draw them and look").click()

    page.wait_for_url(re.compile(r"/review\?.*slice=Spot"))
    decide(1)
    decide(2)
    page.wait_for_function("() => window.__rsqa?.outbox === 0")
    assert statuses() == {"reviewed": 2, "open": 6}

    open_dialog()
    expect(dialog.get_by_text("0 of 2 looked at are not acceptable")).to_be_visible()
    dialog.get_by_role("button", name="Accept 6").click()
    expect(page.get_by_text("6 images were accepted unseen")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert statuses() == {"reviewed": 2, "accepted": 6}

    page.get_by_role("button", name="Accept unseen").click()
    dialog.get_by_role("button", name="Take back").click()
    expect(page.get_by_text("6 images were taken back")).to_be_visible()
    assert statuses() == {"reviewed": 2, "open": 6}

"""Two people on one queue: different images, nothing twice, and what one leaves the other gets."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Browser, expect

from db.store import leases
from tests.browser.conftest import VIEWPORT, Review, Server, eventually
from tests.browser.seeding import Seeded
from workflows.opening import Installation


def reviewing(
    browser: Browser, server: Server, installation: Installation, seeded: Seeded, name: str
) -> Review:
    context = browser.new_context(viewport=VIEWPORT)  # type: ignore[arg-type]
    context.set_default_timeout(60_000)
    context.add_cookies([{"name": "rsqa_reviewer", "value": name, "url": server.url}])
    return Review(context.new_page(), server.url, installation, seeded)


def test_two_people_share_a_queue_without_meeting(
    browser: Browser,
    server: Server,
    installation: Installation,
    make_project: Callable[..., Seeded],
) -> None:
    seeded = make_project(image_count=44)
    ada, bob = (reviewing(browser, server, installation, seeded, n) for n in ("Ada", "Bob"))
    with ada.page.expect_response(lambda r: r.url.endswith("/leases")):
        ada.open()
    with bob.page.expect_response(lambda r: r.url.endswith("/leases")):
        bob.open()
    for turn in range(4):
        for session in (ada, bob):
            session.wait_ready(1)
            assert session.image_id is not None, turn
            session.press("Enter")
    ada.wait_saved()
    bob.wait_saved()
    rows = ada.rows()
    assert len(rows) == 8
    assert len({row.image_id for row in rows}) == 8
    assert {row.reviewer for row in rows} == {"Ada", "Bob"}
    ada.page.context.close()
    bob.page.context.close()


def test_what_one_leaves_the_other_gets(
    browser: Browser,
    server: Server,
    installation: Installation,
    make_project: Callable[..., Seeded],
) -> None:
    seeded = make_project(image_count=6)
    ada, bob = (reviewing(browser, server, installation, seeded, n) for n in ("Ada", "Bob"))
    with ada.page.expect_response(lambda r: r.url.endswith("/leases")):
        ada.open()
    bob.page.goto(f"{bob.url}/review?project={seeded.project.slug}")
    expect(bob.page.get_by_role("heading", name="Nothing left for you")).to_be_visible()
    expect(bob.page.locator(".card")).to_contain_text("6 images are with other reviewers")

    def held_from_bob() -> dict[int, str]:
        with installation.database.read() as session:
            return leases.held_by_others(session, seeded.project.id, "Bob")

    assert held_from_bob()
    ada.page.goto("about:blank")  # she goes
    eventually(bob.page, lambda: not held_from_bob())
    bob.open()
    assert bob.image_id == seeded.images[0].id
    ada.page.context.close()
    bob.page.context.close()

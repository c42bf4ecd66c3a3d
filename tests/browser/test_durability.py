"""Nothing that was decided is lost or doubled, whatever happens to page and server."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, Route, expect

from db.store import candidates
from rsqa_core.records import NewCandidate
from rsqa_core.settings import Settings
from tests.browser.conftest import Review, Server, free_port
from tests.browser.seeding import Seeded, add_head, publish_scores, seed_project
from workflows.opening import Installation, open_installation

VERDICTS = re.compile(r"/rsqa/v1/verdicts$")


@pytest.fixture
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that a test may kill."""
    server = Server(tmp_path_factory.mktemp("own"), free_port())
    yield server
    server.kill()


@pytest.fixture
def own_installation(own_server: Server) -> Iterator[Installation]:
    opened = open_installation(Settings(home=own_server.home))
    yield opened
    opened.database.close()


def test_decisions_made_while_the_server_is_dead_arrive_once_after_its_restart(
    page: Page, own_server: Server, own_installation: Installation
) -> None:
    review = Review(page, own_server.url, own_installation, seed_project(own_installation))
    own_server.start()
    review.open()
    review.wait_ready(8)
    review.press("Enter", "Enter")
    review.wait_saved()

    own_server.kill()
    review.press("Enter", "s", "6", "5", "Enter", pause_s=0.1)
    expect(page.get_by_text("Offline – 3 waiting, kept in this browser")).to_be_visible(
        timeout=20_000
    )
    # Streamlit notices later and puts a dialog over the page; the reviewer must not lose the keys.
    time.sleep(6)
    review.press("Enter")
    expect(page.get_by_text("Offline – 4 waiting")).to_be_visible()
    assert len(review.rows()) == 2

    own_server.start()
    review.wait_saved()
    expect(page.locator(".saved-text")).to_have_text("Saved")
    assert [row.image_id for row in review.rows()] == [i.id for i in review.seeded.images[:6]]
    assert [row.kind for row in review.rows()][2:] == ["confirm", "skip", "correct", "confirm"]

    review.press("Enter")  # and the session goes on as if nothing had been
    review.wait_saved()
    assert len(review.rows()) == 7


def test_a_reload_while_offline_keeps_the_outbox_and_shows_no_decided_image_again(
    review: Review,
) -> None:
    review.wait_ready(5)
    review.page.route(VERDICTS, lambda route: route.abort())
    # Playwright does not see requests that outlive the page; this page's are stopped here.
    review.page.evaluate("() => { window.fetch = () => Promise.reject(new TypeError('down')); }")
    review.press("Enter", "f", "Enter", pause_s=0.05)
    review.page.reload()
    review.wait_painted(review.seeded.images[3].id)
    assert review.rows() == []
    assert review.read("outbox") == 3

    review.page.unroute(VERDICTS)
    review.wait_saved()
    assert [row.kind for row in review.rows()] == ["confirm", "flag", "confirm"]
    expect(review.page.locator(".count")).to_have_text("3 of 16")


def test_an_answer_that_is_lost_on_the_way_does_not_double_the_row(review: Review) -> None:
    lost: list[int] = []

    def lose_the_first_answer(route: Route) -> None:
        if lost:
            route.continue_()
        else:
            lost.append(route.fetch().status)
            route.abort()

    review.page.route(VERDICTS, lose_the_first_answer)
    review.press("Enter")
    review.wait_saved()
    assert lost == [200]
    assert len(review.rows()) == 1


def test_leaving_the_page_right_after_a_decision_still_sends_it(review: Review) -> None:
    review.wait_ready(3)
    review.page.evaluate(
        # The timer that would send it is stopped: only the flush on leaving is left.
        "() => { window.setTimeout = () => 0; }"
    )
    review.press("Enter", "Enter")
    review.page.goto("about:blank")
    end = time.monotonic() + 10
    while len(review.rows()) < 2 and time.monotonic() < end:
        time.sleep(0.05)
    assert [row.image_id for row in review.rows()] == [i.id for i in review.seeded.images[:2]]


def test_undo_works_after_a_reload_and_goes_back_to_its_image(review: Review) -> None:
    review.press("Enter")
    review.wait_painted(review.seeded.images[1].id)
    review.press("5", "5", "Enter")
    review.wait_saved()
    review.page.reload()
    review.wait_painted(review.seeded.images[2].id)

    review.press("u")
    review.wait_painted(review.seeded.images[1].id)
    review.press("Backspace")
    review.wait_painted(review.seeded.images[0].id)
    review.wait_saved()
    rows = review.rows()
    assert [row.kind for row in rows] == ["confirm", "correct", "undo", "undo"]
    assert [row.supersedes_id for row in rows[2:]] == [rows[1].id, rows[0].id]
    assert review.holding() == []
    expect(review.page.locator(".count")).to_have_text("0 of 16")

    review.press("Enter")  # decides the image that undo went back to
    # "Saved" still stands from before; the count changes with the decision.
    expect(review.page.locator(".count")).to_have_text("1 of 16")
    review.wait_saved()
    assert [row.image_id for row in review.holding()] == [review.seeded.images[0].id]


def test_undo_of_a_decision_that_is_still_waiting_arrives_after_it(review: Review) -> None:
    review.page.route(VERDICTS, lambda route: route.abort())
    review.press("Enter", "u", pause_s=0.05)
    review.wait_painted(review.seeded.images[0].id)
    review.page.unroute(VERDICTS)
    review.wait_saved()
    assert [row.kind for row in review.rows()] == ["confirm", "undo"]
    assert review.holding() == []


def test_a_refused_decision_stays_in_sight_with_its_reason_until_dismissed(
    review: Review,
) -> None:
    best = review.seeded.candidates[review.seeded.images[0].id][0]
    with review.installation.database.begin() as session:
        candidates.put(
            session,
            [
                NewCandidate(
                    image_id=best.image_id,
                    segmenter=best.segmenter,
                    mask_path=best.mask_path,
                    mask_sha256="f" * 64,
                    area_shares=best.area_shares,
                )
            ],
        )
    review.press("Enter")
    refused = review.page.get_by_role("button", name="1 not accepted")
    expect(refused).to_be_visible()
    assert review.rows() == []
    review.page.reload()
    review.wait_painted()
    refused.click()
    dialog = review.page.get_by_role("dialog")
    expect(dialog).to_contain_text("was replaced after it was shown")
    dialog.get_by_role("button", name="Dismiss").click()
    expect(refused).to_be_hidden()
    assert review.read("refused") == 0


def test_an_expired_token_is_renewed_through_the_page(review: Review) -> None:
    refused: list[str] = []

    def expire_once(route: Route) -> None:
        if refused:
            route.continue_()
            return
        refused.append(route.request.headers["authorization"])
        route.fulfill(status=401, json={"error": {"code": "bad_token", "message": "expired"}})

    time.sleep(1.1)  # so that a new token differs from the first: they carry whole seconds
    review.page.route(VERDICTS, expire_once)
    with review.page.expect_request(
        lambda request: (
            bool(VERDICTS.search(request.url))
            and bool(refused)
            and request.headers["authorization"] != refused[0]
        )
    ):
        review.press("Enter")
    review.wait_saved()
    assert len(review.rows()) == 1
    assert review.image_id == review.seeded.images[1].id  # the rerun did not disturb the session


def test_a_new_ranking_is_offered_and_items_on_screen_keep_the_head_they_show(
    review: Review,
) -> None:
    old = review.seeded.scores[review.seeded.candidates[review.seeded.images[0].id][0].id].head_id
    name = f"retrained-{review.seeded.project.id}"
    add_head(review.installation, name)
    publish_scores(review.installation, review.seeded, name, best_first=False)
    review.press("Enter")
    banner = review.page.get_by_role("button", name="New ranking by")
    expect(banner).to_be_visible()
    review.press("Enter")
    banner.click()
    expect(banner).to_be_hidden()
    worst = review.seeded.candidates[review.seeded.images[2].id][-1]
    review.page.wait_for_function("id => __rsqa.painted?.candidateId === id", arg=worst.id)
    review.wait_painted()
    review.press("Enter")
    review.wait_saved()
    assert [row.head_id for row in review.rows()] == [old, old, name]
    assert review.rows()[2].candidate_id == worst.id


def test_a_browser_that_stores_nothing_still_saves_and_says_so_while_offline(
    page: Page, server: Server, installation: Installation, make_project: Callable[..., Seeded]
) -> None:
    page.add_init_script(
        "Storage.prototype.setItem = () => { throw new DOMException('no', 'QuotaExceededError'); }"
    )
    review = Review(page, server.url, installation, make_project())
    review.open()
    page.route(VERDICTS, lambda route: route.abort())
    review.press("Enter")
    expect(page.get_by_text("not stored – keep this page open")).to_be_visible(timeout=10_000)
    page.unroute(VERDICTS)
    review.wait_saved()
    assert len(review.rows()) == 1


def test_two_tabs_of_one_reviewer_send_a_waiting_decision_once(review: Review) -> None:
    review.page.route(VERDICTS, lambda route: route.abort())
    review.press("Enter", "Enter", pause_s=0.05)
    other = review.page.context.new_page()
    second = Review(other, review.url, review.installation, review.seeded)
    second.open()
    second.wait_saved()
    review.page.unroute(VERDICTS)
    review.wait_saved()
    assert [row.image_id for row in review.rows()] == [i.id for i in review.seeded.images[:2]]
    assert second.image_id == review.seeded.images[2].id

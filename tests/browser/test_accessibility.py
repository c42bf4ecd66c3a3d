"""axe-core finds nothing serious on any screen, light or dark."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from db.store import verdicts
from rsqa_core.records import Verdict
from tests.browser.conftest import VIEWPORT, Review, Server
from tests.browser.seeding import Seeded
from workflows.opening import Installation
from workflows.surveys import draw_survey

SCREENS = {
    "": "Projects",
    "import": "Import",
    "queue": "Queue",
    "map": "Map",
    "progress": "Progress",
    "disagreements": "Disagreements",
    "areas": "Areas",
    "present": "Present",
    "train": "Train",
    "admin": "Admin",
}
"""Address of a screen, and its heading; the review page is looked at in several states below."""


def serious(page: Page) -> list[tuple[str, list[Any]]]:
    """Return what is serious or worse: the rule, and where it is broken."""
    # Colours on their way to others have no contrast of their own, nor what a page redraws yet.
    page.wait_for_timeout(400)
    page.wait_for_function(
        "document.getAnimations().every(one => one.playState !== 'running' ||"
        " one.effect.getComputedTiming().iterations === Infinity)"
    )
    found = Axe().run(page).response
    assert len(found["passes"]) > 10  # it has looked
    return [
        (rule["id"], [node["target"] for node in rule["nodes"]])
        for rule in found["violations"]
        if rule["impact"] in ("serious", "critical")
    ]


@pytest.fixture(params=["light", "dark"])
def themed(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport=VIEWPORT, color_scheme=request.param)  # type: ignore[arg-type]
    context.set_default_timeout(60_000)
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("screen", SCREENS)
def test_a_screen_withholds_nothing(
    themed: Page, server: Server, make_project: Callable[..., Seeded], screen: str
) -> None:
    seeded = make_project(image_count=4)
    themed.goto(f"{server.url}/{screen}?project={seeded.project.slug}")
    expect(themed.get_by_role("heading", name=SCREENS[screen]).first).to_be_visible()
    expect(themed.get_by_test_id("stStatusWidget")).to_have_count(0)  # the page is complete
    assert serious(themed) == []


def test_the_review_page_withholds_nothing_in_any_state(
    themed: Page,
    server: Server,
    installation: Installation,
    make_project: Callable[..., Seeded],
) -> None:
    review = Review(themed, server.url, installation, make_project(image_count=4))
    review.open()
    found = {"opened": serious(themed)}
    for name, keys in {
        "swipe": ["w"],
        "side by side": ["g", "g"],
        "disagreement": ["d"],
        "points": ["d", "p", "y", "n"],
        "marking": ["Escape", "a", "d", "d"],
        "a polygon": ["2", "d", "ArrowLeft", "d"],
        "marks": ["Escape", "Escape"],
        "a typed score": ["Escape", "7", "8"],
        "keys": ["Escape", "?"],
        "decided": ["Escape", "Enter"],
    }.items():
        review.press(*keys)
        themed.wait_for_timeout(300)
        found[name] = serious(themed)
    review.wait_saved()
    assert found == {state: [] for state in found}


def test_a_survey_withholds_nothing(
    themed: Page,
    server: Server,
    installation: Installation,
    make_project: Callable[..., Seeded],
) -> None:
    seeded = make_project(image_count=4)
    draw_survey(
        installation,
        seeded.project.slug,
        name="spring",
        points=20,
        fewest=2,
        seed=0,
        drawn_by="ada",
    )
    themed.goto(f"{server.url}/areas?project={seeded.project.slug}")
    expect(themed.get_by_role("button", name="Water")).to_be_enabled()
    themed.keyboard.press("1")
    expect(themed.locator(".survey-count")).to_contain_text("1 answered")
    found = {"points": serious(themed)}
    themed.get_by_role("tab", name="Figures").click()
    expect(themed.get_by_text("points are answered")).to_be_visible()
    found["figures"] = serious(themed)
    assert found == {state: [] for state in found}


def test_a_dispute_withholds_nothing(
    themed: Page,
    server: Server,
    installation: Installation,
    make_project: Callable[..., Seeded],
) -> None:
    seeded = make_project(image_count=4)
    candidate = seeded.candidates[seeded.images[0].id][0]
    with installation.database.begin() as session:
        for reviewer, score in (("ada", 0.4), ("bob", 0.9)):
            verdicts.record(
                session,
                Verdict(
                    id=str(uuid.uuid4()),
                    project_id=seeded.project.id,
                    image_id=candidate.image_id,
                    reviewer=reviewer,
                    kind="correct",
                    candidate_id=candidate.id,
                    score=score,
                ),
            )
    themed.goto(f"{server.url}/disagreements?project={seeded.project.slug}")
    expect(themed.get_by_role("button", name="Decide")).to_be_enabled()
    found = {"open": serious(themed)}
    themed.get_by_role("button", name="Decide").click()
    expect(themed.get_by_role("heading", name="Decided")).to_be_visible()
    expect(themed.get_by_test_id("stStatusWidget")).to_have_count(0)
    found["decided"] = serious(themed)
    assert found == {state: [] for state in found}


def test_accepting_unseen_withholds_nothing(
    themed: Page, server: Server, make_project: Callable[..., Seeded]
) -> None:
    seeded = make_project(image_count=4)
    themed.goto(f"{server.url}/queue?project={seeded.project.slug}")
    themed.get_by_role("button", name="Accept unseen").click()
    dialog = themed.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Draw them and look")).to_be_visible()
    found = {"asked": serious(themed)}
    slider = dialog.get_by_role("slider")
    slider.press("End")
    expect(slider).to_have_value("99")
    expect(dialog.get_by_text("Too few images for a sample")).to_be_visible()
    found["none of them"] = serious(themed)
    assert found == {state: [] for state in found}

"""Area surveys in the browser: drawn in the dialog, answered by key, nothing lost or doubled."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from db.store import surveys
from rsqa_core.surveys import Survey, SurveyAnswer
from tests.browser.conftest import Server
from tests.browser.seeding import Seeded
from workflows.opening import Installation
from workflows.surveys import draw_survey

POINTS = 40


class Session:
    """A survey of a fresh project, open at its points."""

    def __init__(
        self, page: Page, server: Server, installation: Installation, seeded: Seeded
    ) -> None:
        self.page, self.installation, self.seeded = page, installation, seeded
        self.survey = draw_survey(
            installation,
            seeded.project.slug,
            name="spring",
            points=POINTS,
            fewest=2,
            seed=0,
            drawn_by="ada",
        )
        self.url = f"{server.url}/areas?project={seeded.project.slug}"
        self.open()

    def open(self) -> None:
        self.page.goto(self.url)
        expect(self.page.get_by_role("button", name="Water")).to_be_enabled()

    def wait_ready(self, count: int) -> None:
        """Wait until the images of the next ``count`` points are loaded."""
        root = self.page.locator(".survey")
        for _ in range(600):
            if int(root.get_attribute("data-ready") or 0) >= count:
                return
            self.page.wait_for_timeout(100)
        pytest.fail("The images of the next points did not come.")

    def says(self, text: str) -> None:
        expect(self.page.locator(".survey-count")).to_contain_text(text)

    def answers(self) -> dict[int, int | None]:
        with self.installation.database.read() as session:
            return {n: a.class_id for n, a in surveys.answers(session, self.survey.id).items()}

    def rows(self) -> list[SurveyAnswer]:
        """Return the answers that hold, by number."""
        with self.installation.database.read() as session:
            found = surveys.answers(session, self.survey.id)
        return [found[number] for number in sorted(found)]


@pytest.fixture
def looking(
    page: Page, server: Server, installation: Installation, make_project: Callable[..., Seeded]
) -> Session:
    return Session(page, server, installation, make_project(image_count=6))


def test_a_survey_is_drawn_in_the_dialog(
    page: Page, server: Server, installation: Installation, make_project: Callable[..., Seeded]
) -> None:
    seeded = make_project(image_count=6)
    page.goto(f"{server.url}/areas?project={seeded.project.slug}")
    page.get_by_role("button", name="New survey").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("The map has 6 images")
    dialog.get_by_label("Name").fill("Autumn")
    dialog.get_by_label("Points", exact=True).fill("30")
    dialog.get_by_role("button", name="Draw the points").click()
    expect(page.locator(".survey-count")).to_contain_text("to go")
    with installation.database.read() as session:
        (survey,) = surveys.all_of(session, seeded.project.id)
    assert survey.name == "Autumn"
    assert survey.points >= 30  # more where each class needs its own


def test_ten_keys_in_a_burst_are_ten_answers_and_a_held_key_is_one(looking: Session) -> None:
    page = looking.page
    looking.wait_ready(12)
    pressed = [1, 2, 3, 4, 5, 0, 1, 2, 3, 4]
    for key in pressed:
        page.keyboard.press(str(key))
        page.wait_for_timeout(60)
    looking.says(f"10 answered, {POINTS - 10} to go")
    looking.says("Saved")
    wanted = {n: None if key == 0 else key - 1 for n, key in enumerate(pressed, start=1)}
    assert looking.answers() == wanted

    page.keyboard.down("2")
    for _ in range(5):
        page.keyboard.down("2")  # repeats of the held key
    page.keyboard.up("2")
    looking.says("11 answered")
    looking.says("Saved")
    assert looking.answers() == {**wanted, 11: 1}
    assert all(row.time_spent_s >= 0 for row in looking.rows())


def test_going_back_changes_an_answer_and_a_reload_goes_on(looking: Session) -> None:
    page = looking.page
    looking.wait_ready(3)
    page.keyboard.press("1")
    page.get_by_role("button", name="Road").click()
    expect(page.locator(".survey-side")).to_contain_text("Point 3 of")
    page.keyboard.press("Backspace")
    expect(page.get_by_role("button", name="Road")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("5")
    expect(page.locator(".survey-side")).to_contain_text("Point 3 of")
    looking.says("Saved")
    assert looking.answers() == {1: 0, 2: 4}
    looking.open()
    expect(page.locator(".survey-side")).to_contain_text("Point 3 of")


def test_answers_without_a_connection_are_kept_and_arrive(looking: Session) -> None:
    page = looking.page
    looking.says("to go")
    looking.wait_ready(4)
    page.context.set_offline(True)
    for key in "123":
        page.keyboard.press(key)
        page.wait_for_timeout(60)
    looking.says("Offline: 3 kept in this browser")
    assert looking.answers() == {}
    page.context.set_offline(False)
    looking.says("Saved")
    assert looking.answers() == {1: 0, 2: 1, 3: 2}


def test_keys_answer_only_what_is_on_screen(looking: Session) -> None:
    page = looking.page
    looking.wait_ready(4)
    page.keyboard.press("1")
    looking.says("1 answered")
    page.get_by_role("tab", name="Figures").click()
    expect(page.locator(".survey-picture")).to_be_hidden()
    page.keyboard.press("2")
    page.get_by_role("tab", name="Points").click()
    expect(page.locator(".survey-picture")).to_be_visible()
    page.get_by_role("button", name="New survey").click()
    expect(page.get_by_role("dialog")).to_contain_text("The map has")
    page.get_by_role("dialog").get_by_text("The map has").click()
    page.keyboard.press("3")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("4")
    looking.says("2 answered")
    looking.says("Saved")
    assert looking.answers() == {1: 0, 2: 3}


def test_the_figures_follow_the_answers(looking: Session) -> None:
    page = looking.page
    with looking.installation.database.read() as session:
        points = surveys.points(session, looking.survey.id)
    for point in points:  # every point as the map has it
        looking.wait_ready(1)
        page.keyboard.press(str(point.map_class + 1))
        expect(page.locator(".survey-count")).to_contain_text(
            f"{point.number} answered" if point.number < POINTS else "All points are answered"
        )
    looking.says("Saved")
    page.get_by_role("tab", name="Figures").click()
    expect(page.get_by_test_id("stMetric").first).to_contain_text("100.0 ± 0.0 %")
    survey: Survey = looking.survey
    assert len(looking.answers()) == survey.points

"""Areas: no survey yet, its figures, forgetting it; tests/browser has the dialog."""

from __future__ import annotations

import uuid

from db.store import surveys
from rsqa_core.records import Project
from rsqa_core.surveys import SurveyAnswer
from tests.pages.conftest import OpenPage
from tests.pages.seeding import add_ready_project
from workflows.opening import Installation
from workflows.surveys import draw_survey


def draw(installation: Installation, project: Project, answered: bool = False) -> None:
    drawn = draw_survey(
        installation, project.slug, name="spring", points=30, fewest=5, seed=0, drawn_by="Ada"
    )
    if not answered:
        return
    with installation.database.begin() as session:
        for number in range(1, drawn.points + 1):
            said = 1 if number % 3 == 0 else 0
            given = SurveyAnswer(str(uuid.uuid4()), drawn.id, number, said, "Ada")
            surveys.answer(session, project.id, given)


def test_without_a_survey_the_page_says_what_one_is_for(
    installation: Installation, open_page: OpenPage
) -> None:
    add_ready_project(installation)

    test = open_page("areas", project="harbour")

    assert not test.exception
    assert "error matrix" in test.info[0].value
    assert [b.label for b in test.main.button] == ["New survey"]


def test_figures_wait_for_answers(installation: Installation, open_page: OpenPage) -> None:
    draw(installation, add_ready_project(installation))

    test = open_page("areas", project="harbour")

    assert not test.exception
    assert "0 of 30 points are answered" in test.info[0].value
    assert "Building has fewer" in test.info[0].value


def test_figures_are_shown_once_there_are_answers(
    installation: Installation, open_page: OpenPage
) -> None:
    project = add_ready_project(installation)
    draw(installation, project, answered=True)

    test = open_page("areas", project="harbour")

    assert not test.exception
    figures = {m.label: m.value for m in test.metric}
    assert figures["Overall accuracy"].startswith("66.7 ± ")
    assert figures["Answered"] == "30 of 30"
    table = test.dataframe[0].value
    assert list(table["Class"]) == ["Building", "Water"]
    assert test.dataframe[1].value.loc["Building", "Water"] == 10
    assert len(test.get("download_button")) == 2


def test_a_survey_can_be_forgotten(installation: Installation, open_page: OpenPage) -> None:
    project = add_ready_project(installation)
    draw(installation, project)
    test = open_page("areas", project="harbour")

    next(b for b in test.main.button if b.label == "Forget it").click().run()

    assert not test.exception
    with installation.database.read() as session:
        assert surveys.all_of(session, project.id) == []

"""Disagreements: none yet, decided by somebody without an opinion, taken back."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from db.store import adjudications, candidates, people, verdicts
from rsqa_core.records import Project
from tests.pages.conftest import OpenPage
from tests.pages.seeding import add_ready_project, correct
from workflows.opening import Installation


def say(
    installation: Installation, project: Project, reviewer: str, score: float, place: int = 0
) -> None:
    with installation.database.begin() as session:
        one = candidates.all_of(session, project.id)[place]
        correct(session, project, one, reviewer, score)


@pytest.fixture
def disputed(installation: Installation) -> Project:
    """Two candidates on which Ada and Bob differ, the second one more."""
    project = add_ready_project(installation)
    for place, (ada, bob) in enumerate(((0.5, 0.7), (0.9, 0.2))):
        say(installation, project, "Ada", ada, place)
        say(installation, project, "Bob", bob, place)
    return project


def button(test: AppTest, label: str):  # type: ignore[no-untyped-def]
    return next(found for found in test.main.button if found.label == label)


def test_without_a_score_the_page_says_what_will_be_there(
    installation: Installation, open_page: OpenPage
) -> None:
    add_ready_project(installation)

    test = open_page("disagreements", project="harbour")

    assert not test.exception
    assert "Nobody has scored" in test.info[0].value
    assert [b.label for b in test.main.button] == ["Start reviewing"]


def test_the_widest_gap_comes_first_and_nobody_is_named(
    disputed: Project, open_page: OpenPage
) -> None:
    test = open_page("disagreements", project="harbour")

    assert not test.exception
    table = test.dataframe[0].value
    assert table["Gap"].tolist() == pytest.approx([0.7, 0.2])
    assert table["Opinions"].tolist() == ["0.20 · 0.90", "0.50 · 0.70"]
    figures = {m.label: m.value for m in test.metric}
    assert (figures["Scored by several"], figures["Decided"]) == ("2", "0")
    said = [*(m.value for m in test.main.markdown), *(c.value for c in test.main.caption)]
    assert not any("Ada" in text or "Bob" in text for text in said)


def test_a_decision_becomes_the_label_and_leaves_the_list(
    installation: Installation, disputed: Project, open_page: OpenPage
) -> None:
    test = open_page("disagreements", project="harbour")
    test.main.number_input[0].set_value(30)
    button(test, "Decide").click().run()

    assert not test.exception
    assert [e.value for e in test.error] == []
    with installation.database.read() as session:
        (held,) = adjudications.gold(session, disputed.id).values()
        labels = verdicts.labels(session, disputed.id)
    assert (held.score, held.adjudicator) == (0.3, "Reviewer")
    assert labels[held.candidate_id] == 0.3
    assert test.dataframe[0].value["Gap"].tolist() == pytest.approx([0.2])
    checks = test.dataframe[2].value
    assert checks["Reviewer"].tolist() == ["Bob", "Ada"]
    assert checks["Error"].tolist() == pytest.approx([10.0, 60.0])
    assert checks["Bias"].tolist() == pytest.approx([-10.0, 60.0])


def test_nobody_decides_on_their_own_opinion(
    installation: Installation, disputed: Project, open_page: OpenPage
) -> None:
    say(installation, disputed, "Reviewer", 0.4, 1)

    test = open_page("disagreements", project="harbour")

    assert button(test, "Decide").disabled
    assert any("somebody else decides" in c.value for c in test.caption)


def test_a_role_that_forbids_it_is_said(
    installation: Installation, disputed: Project, open_page: OpenPage
) -> None:
    with installation.database.begin() as session:
        people.give_role(session, "Dora", "adjudicator", given_by="Ada")
    test = open_page("disagreements", project="harbour")

    button(test, "Decide").click().run()

    assert not test.exception
    assert "no adjudicator" in test.error[0].value
    with installation.database.read() as session:
        assert adjudications.gold(session, disputed.id) == {}

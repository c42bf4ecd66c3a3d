"""The frame around the pages, the project in the address, and errors that become text."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from pages.components import reviewer
from pages.components.reviewer import DEFAULT_REVIEWER, clean_name
from tests.pages.conftest import OpenPage
from tests.pages.seeding import add_project, add_ready_project
from workflows.opening import Installation


@pytest.mark.parametrize(
    ("page", "title"),
    [
        ("home", "Projects"),
        ("import_images", "Import images"),
        ("queue", "Queue"),
        ("progress", "Progress"),
        ("train", "Train"),
        ("admin", "Admin"),
    ],
)
def test_every_page_opens_through_navigation(
    installation: Installation, open_page: OpenPage, page: str, title: str
) -> None:
    add_ready_project(installation)
    test = open_page(page)
    assert not test.exception
    assert [found.value for found in test.title] == [title]
    assert test.sidebar.text_input[0].label == "Reviewing as"


def test_the_project_of_the_address_wins_over_the_first_one(
    installation: Installation, open_page: OpenPage
) -> None:
    add_project(installation, slug="alpha", name="Alpha")
    add_project(installation, slug="beta", name="Beta", seed=5)
    test = open_page("home", project="beta")
    assert test.sidebar.selectbox[0].value == "beta"
    assert test.query_params["project"] == "beta"


def test_the_project_survives_a_navigation_that_clears_the_address(
    installation: Installation, open_page: OpenPage
) -> None:
    add_project(installation, slug="alpha", name="Alpha")
    add_project(installation, slug="beta", name="Beta", seed=5)
    test = open_page("home", project="beta")
    test.query_params.clear()
    test.switch_page("pages/queue.py").run()
    assert test.query_params["project"] == "beta"
    assert test.sidebar.selectbox[0].value == "beta"


def test_picking_a_project_puts_it_into_the_address(
    installation: Installation, open_page: OpenPage
) -> None:
    add_project(installation, slug="alpha", name="Alpha")
    add_project(installation, slug="beta", name="Beta", seed=5)
    test = open_page("queue", project="alpha", order="worst")
    test.sidebar.selectbox[0].set_value("beta").run()
    assert test.query_params == {"project": "beta"}


def test_an_unknown_project_is_named_with_the_closest_one(
    installation: Installation, open_page: OpenPage
) -> None:
    add_project(installation, slug="harbour")
    test = open_page("queue", project="harbor")
    assert "Did you mean 'harbour'?" in test.error[0].value
    assert not test.exception


def test_a_page_without_any_project_says_what_to_do(open_page: OpenPage) -> None:
    test = open_page("queue")
    assert "no project yet" in test.info[0].value
    assert "Go to Home" in [button.label for button in test.button]


def test_an_unexpected_error_is_logged_and_its_text_is_not_shown(
    installation: Installation, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_ready_project(installation)

    def fail(*args: object, **kwargs: object) -> None:
        raise RuntimeError("/secret/path")

    monkeypatch.setattr("db.store.queue.page", fail)
    test = open_page("queue")
    message = test.error[0].value
    assert "reference" in message
    assert "/secret/path" not in message
    reference = message.split("**")[1]
    log = (installation.settings.home / "logs" / "app.log").read_text()
    assert reference in log
    assert "/secret/path" in log


def test_a_page_run_alone_as_an_old_multipage_app_finds_its_navigation(
    installation: Installation,
) -> None:
    # AppTest on app.py runs a page of the folder pages/ alone, as a fresh server once did.
    add_ready_project(installation)
    test = AppTest.from_file("../../app.py", default_timeout=30)
    test.switch_page("pages/queue.py").run()
    assert [found.value for found in test.title] == ["Queue"]
    assert test.sidebar.text_input[0].label == "Reviewing as"


def test_the_reviewer_comes_from_the_cookie_of_this_browser(
    installation: Installation, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        reviewer.st,
        "context",
        SimpleNamespace(cookies={"rsqa_reviewer": "Ada%20Lovelace"}, timezone="UTC"),
    )
    assert open_page().sidebar.text_input[0].value == "Ada Lovelace"


def test_names_are_cleaned_and_never_empty() -> None:
    assert clean_name("x" * 200) == "x" * 80
    assert clean_name("\x00\n") == DEFAULT_REVIEWER

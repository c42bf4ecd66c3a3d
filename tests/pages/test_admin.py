"""Admin: the record, and copies of it."""

from __future__ import annotations

from db.store import overlap, people, verdicts
from rsqa_core.teamwork import Overlap
from tests.pages.conftest import OpenPage
from tests.pages.seeding import add_labels, add_project, add_ready_project
from workflows.backups import kept_backups, make_backup
from workflows.opening import Installation


def test_an_empty_record_says_so(installation: Installation, open_page: OpenPage) -> None:
    add_project(installation)

    test = open_page("admin", project="harbour")

    assert "Nothing was decided" in test.info[0].value
    assert any("No copy yet" in found.value for found in test.caption)
    assert not test.exception


def test_the_record_can_be_narrowed_to_one_reviewer(
    installation: Installation, open_page: OpenPage
) -> None:
    project = add_ready_project(installation)
    add_labels(installation, project, 4)

    test = open_page("admin", project="harbour")

    table = test.dataframe[1].value
    assert table["What"].tolist() == ["Corrected", "Confirmed"] * 2  # newest first
    assert table["Holds"].all()
    chooser = test.main.selectbox[2]
    assert chooser.options == ["Everyone", "Ada"]
    chooser.set_value("Ada").run()
    assert len(test.dataframe[1].value) == 4
    assert not test.exception


def test_a_copy_is_made_by_a_click(installation: Installation, open_page: OpenPage) -> None:
    add_project(installation)
    test = open_page("admin", project="harbour")

    (button,) = [found for found in test.main.button if found.label == "Back up now"]
    button.click().run()

    (copy,) = kept_backups(installation.settings)
    assert copy.read_bytes().startswith(b"SQLite format 3")
    assert copy.name in [found.label for found in test.get("download_button")]
    assert not test.exception


def test_a_copy_is_put_back_by_a_click_after_a_question(
    installation: Installation, open_page: OpenPage
) -> None:
    project = add_ready_project(installation)
    copy = make_backup(installation)
    add_labels(installation, project, 3)
    test = open_page("admin", project="harbour")

    test.button(key=f"restore-{copy.name}").click().run()
    assert any("0 rows of decisions" in found.value for found in test.markdown)
    assert any("It has 3 now" in found.value for found in test.markdown)
    next(found for found in test.button if found.label == "Put it back").click().run()

    assert not test.exception
    with installation.database.read() as session:
        assert verdicts.total(session) == 0
    assert len(kept_backups(installation.settings)) == 2


def test_the_rule_of_second_opinions_is_each_projects_own(
    installation: Installation, open_page: OpenPage
) -> None:
    project = add_ready_project(installation)
    other = add_project(installation, slug="village", name="Village")
    test = open_page("admin", project="harbour")
    test.number_input(key=f"overlap_share_{project.id}").set_value(40).run()
    test.query_params["project"] = "village"
    test.run()

    assert not test.exception
    assert test.number_input(key=f"overlap_share_{other.id}").value == 0
    with installation.database.read() as session:
        assert overlap.get(session, project.id) == Overlap(share=0.4)
        assert overlap.get(session, other.id) == Overlap()


def test_a_role_is_given_by_a_click(installation: Installation, open_page: OpenPage) -> None:
    project = add_ready_project(installation)
    add_labels(installation, project, 1)
    test = open_page("admin", project="harbour")

    test.main.selectbox[1].set_value("observer").run()
    next(found for found in test.main.button if found.label == "Give this role").click().run()

    assert not test.exception
    with installation.database.read() as session:
        assert people.role(session, "Ada") == "observer"
    assert test.dataframe[0].value.values.tolist() == [
        ["Ada", "observer"],
        ["Reviewer", "reviewer"],  # who gave it is on record from now on
    ]

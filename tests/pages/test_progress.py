"""Progress: empty, with one reviewer, and with several."""

from __future__ import annotations

from tests.pages.conftest import OpenPage
from tests.pages.seeding import add_labels, add_project, add_ready_project
from workflows.opening import Installation


def test_without_a_decision_the_page_says_what_will_be_there(
    installation: Installation, open_page: OpenPage
) -> None:
    add_project(installation)

    test = open_page("progress", project="harbour")

    assert "Nobody has decided" in test.info[0].value
    assert [button.label for button in test.main.button] == ["Start reviewing"]
    assert not test.exception


def test_decisions_have_counts_plots_and_a_table(
    installation: Installation, open_page: OpenPage
) -> None:
    project = add_ready_project(installation)
    add_labels(installation, project, 5)

    test = open_page("progress", project="harbour")

    assert not test.exception
    metrics = {found.label: found.value for found in test.metric}
    assert metrics["Labels"] == "5"
    assert metrics["Hours left"] == "—"  # these labels took no time
    table = test.dataframe[0].value
    assert table["Reviewer"].tolist() == ["Ada"]
    assert table["Labels"].tolist() == [5]
    assert any("the head expects" in found.value for found in test.markdown)
    assert any("agreement cannot be" in found.value for found in test.caption)

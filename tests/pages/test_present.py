"""Present: slides of a project, and arranging them."""

from __future__ import annotations

from db.store import images, stories
from pages.components.story_editor import edited
from rsqa_core.stories import Story, StoryImage
from tests.pages.conftest import OpenPage
from tests.pages.seeding import add_project, add_ready_project
from workflows.opening import Installation


def test_without_images_the_page_says_what_will_be_there(
    installation: Installation, open_page: OpenPage
) -> None:
    add_project(installation, image_count=0)

    test = open_page("present", project="harbour")

    assert "nothing to show yet" in test.info[0].value
    assert [button.label for button in test.main.button] == ["Import images"]


def test_the_slides_are_there_with_their_files(
    installation: Installation, open_page: OpenPage
) -> None:
    add_ready_project(installation)

    test = open_page("present", project="harbour")

    assert not test.exception
    (frame,) = test.get("iframe")
    assert "Harbour survey" in frame.proto.srcdoc
    assert [found.proto.label for found in test.get("download_button")] == ["HTML", "PDF"]


def test_words_are_kept_and_shown(installation: Installation, open_page: OpenPage) -> None:
    project = add_ready_project(installation)
    test = open_page("present", project="harbour")

    test.main.text_input[0].set_value("Our harbour")
    test.main.text_area[0].set_value("Seen in spring")
    next(button for button in test.main.button if button.label == "Keep").click()
    test.run()

    assert not test.exception
    assert [e.value for e in test.error] == []
    with installation.database.read() as session:
        story = stories.get(session, project.id)
    assert (story.title, story.lead, story.version) == ("Our harbour", "Seen in spring", 1)
    assert "Our harbour" in test.get("iframe")[0].proto.srcdoc
    assert "The story was kept." in test.success[0].value


def test_images_of_the_story_are_shown_with_their_words(
    installation: Installation, open_page: OpenPage
) -> None:
    project = add_ready_project(installation)
    with installation.database.begin() as session:
        first = images.all_of(session, project.id)[0]
        stories.put(session, project.id, Story(images=(StoryImage(first.id, "The pier"),)))

    test = open_page("present", project="harbour")

    assert "The pier" in test.get("iframe")[0].proto.srcdoc


def test_a_story_that_somebody_else_changed_is_not_overwritten(
    installation: Installation, open_page: OpenPage
) -> None:
    project = add_ready_project(installation)
    test = open_page("present", project="harbour")
    with installation.database.begin() as session:
        stories.put(session, project.id, Story("Theirs"))

    test.main.text_input[0].set_value("Ours")
    next(button for button in test.main.button if button.label == "Keep").click()
    test.run()

    assert "changed by somebody else" in test.warning[0].value
    with installation.database.read() as session:
        assert stories.get(session, project.id).title == "Theirs"


def test_rows_of_the_editor_are_changed_removed_and_added() -> None:
    rows = [("a", "first"), ("b", "second"), ("c", "third")]
    changes = {
        "edited_rows": {"2": {"What is said of it": None}, 0: {"Image": "d"}},
        "deleted_rows": [1],
        "added_rows": [{"Image": "e"}, {"What is said of it": "of nothing"}],
    }

    assert edited(rows, changes) == [("d", "first"), ("c", ""), ("e", "")]
    assert edited(rows, {}) == rows

"""Stories: kept, checked, and never overwritten unseen."""

from __future__ import annotations

import pytest

from db.store import images, stories
from rsqa_core.errors import ConflictError, InvalidInputError, NotFoundError
from rsqa_core.stories import LONGEST_TITLE, Story, StoryImage
from tests.db.filled import Filled


def put(filled: Filled, story: Story) -> Story:
    with filled.database.begin() as session:
        return stories.put(session, filled.project.id, story)


def kept(filled: Filled) -> Story:
    with filled.database.read() as session:
        return stories.get(session, filled.project.id)


def test_a_project_has_a_plain_story_until_somebody_arranges_one(filled: Filled) -> None:
    assert kept(filled) == Story()


def test_a_story_is_kept_with_its_images_in_order(filled: Filled) -> None:
    chosen = tuple(StoryImage(image.id, f" {image.name} ") for image in filled.images[1::-1])

    first = put(filled, Story(" Harbour ", "What we saw", chosen))
    second = put(filled, Story("Harbour", "", chosen[:1], first.version))

    assert (first.title, first.version, second.version) == ("Harbour", 1, 2)
    assert [one.image_id for one in first.images] == [filled.images[1].id, filled.images[0].id]
    assert first.images[0].caption == filled.images[1].name
    assert kept(filled) == second


def test_a_change_to_an_older_version_is_refused(filled: Filled) -> None:
    put(filled, Story("Ada's"))

    with pytest.raises(ConflictError, match="version is 1, but the change was made to version 0"):
        put(filled, Story("Bob's"))

    assert kept(filled).title == "Ada's"


def test_what_cannot_be_shown_is_refused(filled: Filled) -> None:
    image = filled.images[0].id
    for story, words in (
        (Story("t" * (LONGEST_TITLE + 1)), "title of at most"),
        (Story(images=(StoryImage(image, "w" * 1000),)), "caption of at most"),
        (Story(images=(StoryImage(image), StoryImage(image))), "twice"),
        (Story(images=(StoryImage(10**6),)), "no image 1000000"),
        (Story(images=tuple(StoryImage(n) for n in range(31))), "at most 30 images"),
    ):
        with pytest.raises(InvalidInputError, match=words):
            put(filled, story)
    with pytest.raises(NotFoundError), filled.database.begin() as session:
        stories.put(session, 99, Story())
    assert kept(filled) == Story()


def test_an_image_of_another_project_is_none_of_the_story(filled: Filled) -> None:
    put(filled, Story(images=tuple(StoryImage(image.id) for image in filled.images[:2])))
    with filled.database.begin() as session:
        assert images.get(session, filled.images[0].id)
        other = stories.get(session, filled.project.id + 1)
    assert other == Story()

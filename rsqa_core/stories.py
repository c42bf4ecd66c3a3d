"""What is told of a project to an audience: its words, and the images that are shown."""

from __future__ import annotations

from dataclasses import dataclass

MOST_IMAGES = 30
"""Images of a story: more than an audience will look at."""
LONGEST_TITLE = 120
LONGEST_TEXT = 400


@dataclass(frozen=True, slots=True)
class StoryImage:
    """An image that is shown, and what is said of it; "" leaves the words to the figures."""

    image_id: int
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Story:
    """A project's story as somebody arranged it.

    Attributes:
        title: "" takes the project's name.
        lead: one or two sentences below it.
        images: in the order in which they are shown; none leaves the choice to the predictions.
        version: counts changes, 0 for a story that nobody arranged.
    """

    title: str = ""
    lead: str = ""
    images: tuple[StoryImage, ...] = ()
    version: int = 0

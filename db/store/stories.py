"""Stories: what is shown of a project to an audience, as somebody arranged it."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.store.projects import get_by_id
from db.tables import ImageRow, StoryRow
from rsqa_core.errors import ConflictError, InvalidInputError
from rsqa_core.stories import LONGEST_TEXT, LONGEST_TITLE, MOST_IMAGES, Story


def get(session: Session, project_id: int) -> Story:
    """Return a project's story; a plain one where nobody arranged any.

    Images that were removed since are left out.
    """
    row = session.get(StoryRow, project_id)
    if row is None:
        return Story()
    story = row.record()
    there = _images_of(session, project_id, story)
    kept = tuple(entry for entry in story.images if entry.image_id in there)
    return Story(story.title, story.lead, kept, story.version)


def put(session: Session, project_id: int, story: Story) -> Story:
    """Record a story; ``story.version`` is the one that was changed.

    Raises:
        NotFoundError: there is no such project.
        InvalidInputError: words are too long, or the images too many, twice or another project's.
        ConflictError: somebody else changed the story meanwhile.
    """
    get_by_id(session, project_id)
    _require_sound(session, project_id, story)
    row = session.get(StoryRow, project_id)
    version = 0 if row is None else row.version
    if version != story.version:
        raise ConflictError(
            f"The story was changed by somebody else: its version is {version}, but the change "
            f"was made to version {story.version}. Load the page again and repeat the change."
        )
    if row is None:
        row = StoryRow(project_id=project_id)
        session.add(row)
    row.title, row.lead, row.version = story.title.strip(), story.lead.strip(), version + 1
    row.images = [{"id": one.image_id, "caption": one.caption.strip()} for one in story.images]
    session.flush()
    return row.record()


def _require_sound(session: Session, project_id: int, story: Story) -> None:
    for what, words, limit in (
        ("title", story.title, LONGEST_TITLE),
        ("lead", story.lead, LONGEST_TEXT),
        *(("caption", one.caption, LONGEST_TEXT) for one in story.images),
    ):
        if len(words) > limit:
            raise InvalidInputError(
                f"Expected a {what} of at most {limit} characters, but got {len(words)}: "
                f"{words[:40]!r}…"
            )
    if len(story.images) > MOST_IMAGES:
        raise InvalidInputError(
            f"Expected at most {MOST_IMAGES} images in a story, but got {len(story.images)}."
        )
    ids = [one.image_id for one in story.images]
    if len(set(ids)) < len(ids):
        raise InvalidInputError("Expected every image once in a story, but one is there twice.")
    foreign = set(ids) - _images_of(session, project_id, story)
    if foreign:
        raise InvalidInputError(
            f"Expected images of this project, but there is no image {min(foreign)} in it. Load "
            "the page again."
        )


def _images_of(session: Session, project_id: int, story: Story) -> set[int]:
    wanted = [one.image_id for one in story.images]
    return set(
        session.scalars(
            select(ImageRow.id).where(ImageRow.project_id == project_id, ImageRow.id.in_(wanted))
        )
    )

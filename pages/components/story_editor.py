"""Arranges what the slides of a project say and show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
import streamlit as st

from db.store import images, stories
from pages.components.errors import guarded, notify
from pages.components.page import installation
from rsqa_core.errors import InvalidInputError
from rsqa_core.records import ImageRecord, Project
from rsqa_core.stories import LONGEST_TEXT, LONGEST_TITLE, MOST_IMAGES, Story, StoryImage

_IMAGE, _WORDS = "Image", "What is said of it"
_FORM = "rsqa_story_form_{}"
Rows = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class _Form:
    """The form of one session, which stays while nobody else changes the story.

    Attributes:
        began: the story that it was drawn from; its fields keep what was changed since.
        rows: of (image, words) in it then.
        version: of the story as this form last knew it.
    """

    began: Story
    rows: Rows
    version: int

    def key(self, project_id: int) -> str:
        return f"story-{project_id}-{self.began.version}"


def edit_story(project: Project) -> None:
    """Draw a form for title, text and images; what is kept holds for everyone."""
    with installation().database.read() as session:
        story = stories.get(session, project.id)
        names = _told_apart(images.all_of(session, project.id))
    form = _current_form(project.id, story, names)
    key = form.key(project.id)
    with st.form(key, border=False):
        st.text_input(
            "Title",
            form.began.title,
            placeholder=project.name,
            max_chars=LONGEST_TITLE,
            key=f"{key}-title",
        )
        st.text_area(
            "Text below the title",
            form.began.lead,
            placeholder=project.description or "One or two sentences",
            max_chars=LONGEST_TEXT,
            height=80,
            key=f"{key}-lead",
        )
        st.caption(
            f"Images in the order in which they are shown, at most {MOST_IMAGES}. Without any, the "
            "best and the worst predicted, the most disputed and the most corrected one are taken."
        )
        st.data_editor(
            pd.DataFrame(form.rows, columns=[_IMAGE, _WORDS], dtype="string"),
            num_rows="dynamic",
            hide_index=True,
            width="stretch",
            column_config={
                _IMAGE: st.column_config.SelectboxColumn(
                    options=sorted(names.values()), required=True, width="medium"
                ),
                _WORDS: st.column_config.TextColumn(max_chars=LONGEST_TEXT, width="large"),
            },
            key=f"{key}-images",
        )
        st.form_submit_button(
            "Keep",
            type="primary",
            icon=":material/check:",
            on_click=_keep,
            args=(project.id, names),
        )


def _current_form(project_id: int, story: Story, names: Mapping[int, str]) -> _Form:
    """Return this session's form; a new one where the story is another or the fields are gone.

    What a session keeps itself changes the story, not the form: what is typed meanwhile stays.
    """
    form: _Form | None = st.session_state.get(_FORM.format(project_id))
    if (
        form is None
        or form.version != story.version
        or f"{form.key(project_id)}-images" not in st.session_state
    ):
        rows = [(names[one.image_id], one.caption) for one in story.images]
        form = _Form(story, rows, story.version)
        st.session_state[_FORM.format(project_id)] = form
    return form


def edited(rows: Rows, changes: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return rows of (image, words) with the changes of a data editor made to them.

    Args:
        changes: as the editor keeps them: edited_rows, deleted_rows, added_rows.
    """
    kept = [dict(zip((_IMAGE, _WORDS), row, strict=True)) for row in rows]
    for place, values in changes.get("edited_rows", {}).items():
        kept[int(place)] |= values
    gone = set(changes.get("deleted_rows", ()))
    kept = [row for place, row in enumerate(kept) if place not in gone]
    kept += changes.get("added_rows", ())
    return [(row[_IMAGE], row.get(_WORDS) or "") for row in kept if row.get(_IMAGE)]


def _told_apart(images: Sequence[ImageRecord]) -> dict[int, str]:
    """Return a name for each image by id; those of one name get their number beside it."""
    often = Counter(image.name for image in images)
    return {
        image.id: image.name if often[image.name] == 1 else f"{image.name} (no. {image.id})"
        for image in images
    }


@guarded
def _keep(project_id: int, names: Mapping[int, str]) -> None:
    state = st.session_state
    # Not as an argument: after a quick second click that would be the form of before the first.
    form: _Form = state[_FORM.format(project_id)]
    key = form.key(project_id)
    ids = {name: image_id for image_id, name in names.items()}
    chosen = edited(form.rows, state[f"{key}-images"])
    unknown = [name for name, _ in chosen if name not in ids]
    if unknown:
        raise InvalidInputError(f"There is no image {unknown[0]!r} in this project any more.")
    story = Story(
        state[f"{key}-title"],
        state[f"{key}-lead"],
        tuple(StoryImage(ids[name], words) for name, words in chosen),
        form.version,
    )
    with installation().database.begin() as session:
        kept = stories.put(session, project_id, story)
    state[_FORM.format(project_id)] = replace(form, version=kept.version)
    notify("The story was kept.")

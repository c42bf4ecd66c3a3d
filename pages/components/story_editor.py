"""Arranges what the slides of a project say and show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
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
Rows = Sequence[tuple[str, str]]


def edit_story(project: Project) -> None:
    """Draw a form for title, text and images; what is kept holds for everyone."""
    with installation().database.read() as session:
        story = stories.get(session, project.id)
        names = _told_apart(images.all_of(session, project.id))
    rows = [(names[one.image_id], one.caption) for one in story.images]
    # A new version is a new form: what was typed into the old one is in it already.
    key = f"story-{project.id}-{story.version}"
    with st.form(key, border=False):
        st.text_input(
            "Title",
            story.title,
            placeholder=project.name,
            max_chars=LONGEST_TITLE,
            key=f"{key}-title",
        )
        st.text_area(
            "Text below the title",
            story.lead,
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
            pd.DataFrame(rows, columns=[_IMAGE, _WORDS], dtype="string"),
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
            args=(project.id, key, story.version, rows, names),
        )


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
def _keep(project_id: int, key: str, version: int, rows: Rows, names: Mapping[int, str]) -> None:
    state = st.session_state
    ids = {name: image_id for image_id, name in names.items()}
    chosen = edited(rows, state[f"{key}-images"])
    unknown = [name for name, _ in chosen if name not in ids]
    if unknown:
        raise InvalidInputError(f"There is no image {unknown[0]!r} in this project any more.")
    story = Story(
        state[f"{key}-title"],
        state[f"{key}-lead"],
        tuple(StoryImage(ids[name], words) for name, words in chosen),
        version,
    )
    with installation().database.begin() as session:
        stories.put(session, project_id, story)
    notify("The story was kept.")

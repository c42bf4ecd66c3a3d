"""Draws random slices, and says what their decisions tell of the whole project."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from db.store import images, slices
from pages.components.errors import guarded, notify
from pages.components.opening import installation
from pages.components.page import go
from pages.components.queue_address import queue_parameters, write_address
from pages.components.reviewer import current_reviewer
from rsqa_core.records import ACCEPTABLE_ACCURACY, IMAGE_STATUSES, Project, QueueQuery
from rsqa_core.slices import LARGEST_SLICE, LONGEST_NAME
from workflows.slices import SliceResult, shown

_PREFIX = "slicing_"
_USUAL = 60


def draw_slicing(project: Project, taken: int) -> None:
    """Offer to draw a random slice of the project, which has ``taken`` slices already."""
    with installation().database.read() as session:
        total = sum(images.count_by_status(session, project.id).values())
    if not total:
        return
    with st.popover("Draw a random slice", icon=":material/casino:"):
        st.markdown(
            "Images drawn by chance stand for all: with them decided on, Progress says how good "
            "the whole project is and how wrong the head is, whatever was reviewed first."
        )
        st.text_input("Name", f"Slice {taken + 1}", max_chars=LONGEST_NAME, key=_PREFIX + "name")
        st.number_input(
            "Images", 1, min(total, LARGEST_SLICE), min(_USUAL, total), key=_PREFIX + "size"
        )
        st.checkbox(
            "The same share of every scene",
            key=_PREFIX + "by_scene",
            help="Narrower intervals where scenes differ; of each scene one image at least.",
        )
        st.button(
            "Draw",
            type="primary",
            icon=":material/casino:",
            on_click=_draw,
            args=(project.id, current_reviewer()),
        )


def draw_results(project: Project, results: Sequence[SliceResult]) -> None:
    """Draw one row a slice, and the way to review what is left of it."""
    st.dataframe(
        _table(results),
        hide_index=True,
        height="content",
        column_config={
            "Acceptable": st.column_config.TextColumn(
                help=f"Share of images with a candidate of at least {ACCEPTABLE_ACCURACY:.0%}, "
                "with its 95 % interval"
            ),
            "Accuracy": st.column_config.TextColumn(
                help="Mean of the reviewers' scores of an image's best candidate"
            ),
            "Head's error": st.column_config.TextColumn(
                help="Mean absolute difference of what the head had said, points of 100"
            ),
            "Head's bias": st.column_config.TextColumn(
                help="Mean of what the head had said minus the reviewers' score, points of 100"
            ),
        },
    )
    passed = sum(result.passed for result in results)
    st.caption(
        "Means of all images that the project had when the slice was drawn, with 95 % intervals."
        + (
            f" Images that were skipped or flagged say nothing ({passed:,} here): if they are hard "
            "ones, the figures are too good."
            if passed
            else ""
        )
    )
    left = next((one for one in results if one.decided + one.passed < one.slice.size), None)
    if left is not None and st.button(
        f"Review what is left of {left.slice.name}", icon=":material/rate_review:"
    ):
        go("review", **queue_parameters(QueueQuery(order="random", slice=left.slice.name)))


def _table(results: Sequence[SliceResult]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            (
                one.slice.name,
                f"{one.slice.size:,} of {one.slice.population:,}",
                "by scene" if one.slice.design == "by_scene" else "simple",
                f"{one.decided:,}",
                shown(one.acceptable),
                shown(one.accuracy),
                shown(one.error),
                shown(one.bias, signed=True),
            )
            for one in results
        ],
        columns=[
            "Slice",
            "Images",
            "Design",
            "Decided",
            "Acceptable",
            "Accuracy",
            "Head's error",
            "Head's bias",
        ],
    )


@guarded
def _draw(project_id: int, reviewer: str) -> None:
    state = st.session_state
    with installation().database.begin() as session:
        drawn = slices.draw(
            session,
            project_id,
            name=state[_PREFIX + "name"],
            size=int(state[_PREFIX + "size"]),
            design="by_scene" if state[_PREFIX + "by_scene"] else "simple",
            seed=random.randrange(2**31),  # noqa: S311 - a draw that can be repeated, not a secret
            drawn_by=reviewer,
        )
    for name in ("name", "size", "by_scene"):
        del state[_PREFIX + name]
    query = QueueQuery(order="random", statuses=IMAGE_STATUSES, slice=drawn.name)
    write_address(queue_parameters(query))
    notify(f"{drawn.name}: {drawn.size:,} of {drawn.population:,} images were drawn.")

"""Accepts what is predicted well without looking at each: threshold, spot check, acceptance."""

from __future__ import annotations

import random
import time
from functools import lru_cache
from pathlib import Path

import streamlit as st

from db.store import acceptances, candidates, images, projects, slices
from pages.components.errors import notify, page_boundary
from pages.components.opening import installation
from pages.components.page import go
from pages.components.queue_address import queue_parameters
from pages.components.reviewer import current_reviewer
from pages.components.texts import plain
from pages.components.times import local_time
from rsqa_core.acceptances import USUAL_CHECK, Acceptance
from rsqa_core.progress import Progress
from rsqa_core.records import ACCEPTABLE_ACCURACY, IMAGE_STATUSES, Project, QueueQuery
from rsqa_core.slices import LARGEST_SLICE
from workflows.accepting import (
    CheckResult,
    Confident,
    Reach,
    accept_unseen,
    check_results,
    confident,
    share_text,
)

_PREFIX = "accepting_"
_USUAL_PERCENT = 90
_SHOWN = 5
_PATIENCE_S = 1.0


def draw_accepting(project: Project) -> None:
    """Offer to accept unseen what is predicted well, once something was scored."""
    if project.active_head_id is None:
        return
    if st.button("Accept unseen", icon=":material/done_all:"):
        # Each opening begins with what is under way, not with what was set the last time.
        st.session_state.pop(_PREFIX + "percent", None)
        _dialog(project)


@st.dialog("Accept unseen", width="medium", icon=":material/done_all:")
def _dialog(project: Project) -> None:
    with page_boundary():
        draw_body(project)


def draw_body(project: Project) -> None:
    """Draw threshold, check and what was accepted; what the dialog has in it."""
    st.markdown(
        "Images that the head is sure of can be accepted without looking at each. First you look "
        "at a random sample of them, which tells how many of the others are probably not "
        "acceptable. What is accepted so is **no label**: no training and no figure counts it."
    )
    results = [one for one in check_results(installation(), project) if one.current]
    waiting = next((one for one in results if one.to_accept), None)
    usual = _USUAL_PERCENT if waiting is None else round(100 * waiting.check.above)
    # In the colour that Streamlit gives it, the figure is too faint on dark ground.
    st.html('<style>[data-testid="stSliderThumbValue"] { color: inherit; }</style>')
    percent = st.slider(
        "Predicted quality, at least", 50, 99, usual, format="%d %%", key=_PREFIX + "percent"
    )
    above = percent / 100
    found = _confident(project)
    reach = found.above(above)
    st.markdown(_reach_text(reach, above, len(found.scores)))
    result = next((one for one in results if abs(one.check.above - above) < 1e-9), None)
    if result is not None and result.to_accept:
        _draw_check(project, result)
    elif reach.images > 1:
        _draw_form(project, above, reach.images)
    else:
        st.info("Too few images for a sample. Choose a lower quality.", icon=":material/info:")
    _draw_accepted(project)


def _reach_text(reach: Reach, level: float, total: int) -> str:
    if reach.mean is None:
        return f"**No image** of {total:,} open ones is predicted {level:.0%} or better."
    low, high = round(reach.low), round(reach.high)
    expected = "none" if high == 0 else f"{low:,} to {high:,}" if low < high else f"{low:,}"
    return (
        f"**{reach.images:,}** of {total:,} open images are predicted {level:.0%} or better, "
        f"{reach.mean:.0%} in mean. By its intervals the head expects {expected} of them below "
        f"{ACCEPTABLE_ACCURACY:.0%}, which is not acceptable."
    )


def _draw_form(project: Project, above: float, reached: int) -> None:
    size_column, button_column = st.columns([1, 2], vertical_alignment="bottom")
    most = min(reached - 1, LARGEST_SLICE)
    size = size_column.number_input(
        "Images to look at",
        1,
        most,
        min(USUAL_CHECK, most),
        key=_PREFIX + "size",
        help="More images give narrower intervals.",
    )
    if button_column.button("Draw them and look", type="primary", icon=":material/casino:"):
        with installation().database.begin() as session:
            taken = {one.name for one in slices.all_of(session, project.id)}
            number = next(n for n in range(1, len(taken) + 2) if f"Spot check {n}" not in taken)
            check = acceptances.draw_spot_check(
                session,
                project.id,
                name=f"Spot check {number}",
                above=above,
                size=int(size),
                seed=random.randrange(2**31),  # noqa: S311 - kept, so that it can be repeated
                drawn_by=current_reviewer(),
            )
        go("review", **queue_parameters(QueueQuery(order="random", slice=check.slice.name)))


def _draw_check(project: Project, result: CheckResult) -> None:
    size, name = result.check.slice.size, result.check.slice.name
    st.progress(
        result.looked_at / size,
        text=f"**{plain(name)}**: {result.looked_at:,} of {size:,} images looked at",
    )
    if not result.complete:
        st.caption(
            "Decide on the best predicted candidate of each. What you skip or flag counts as not "
            "acceptable."
        )
        if st.button("Look at the others", type="primary", icon=":material/rate_review:"):
            go("review", **queue_parameters(_left(project, name)))
        return
    st.info(share_text(result), icon=":material/fact_check:")
    if st.button(f"Accept {result.to_accept:,}", type="primary", icon=":material/done_all:"):
        made = accept_unseen(
            installation(),
            project,
            name,
            above=result.check.above,
            accepted_by=current_reviewer(),
            progress=_bar(),
        )
        notify(
            f"{made.accepted:,} images were accepted unseen. Accept unseen takes all of them back."
        )
        st.rerun()


def _left(project: Project, name: str) -> QueueQuery:
    """Return the queue of what is left of a check; all of it where another candidate was judged."""
    with installation().database.read() as session:
        drawn = next(one for one in slices.all_of(session, project.id) if one.name == name)
        ids = [one.image_id for one in slices.images_of(session, drawn.id)]
        waiting = any(one.status == "open" for one in images.some(session, ids))
    return QueueQuery(order="random", slice=name, statuses=("open",) if waiting else IMAGE_STATUSES)


def _draw_accepted(project: Project) -> None:
    with installation().database.read() as session:
        made = acceptances.all_of(session, project.id)[:_SHOWN]
    if not made:
        return
    st.divider()
    for one in made:
        words, action = st.columns([3, 1], vertical_alignment="center")
        words.caption(acceptance_text(one))
        if one.holding and action.button(
            "Take back",
            key=f"{_PREFIX}back-{one.id}",
            icon=":material/undo:",
            width="stretch",
            disabled=one.accepted_by != current_reviewer(),
            help="Those who accepted can take it back",
        ):
            _take_back(one)


def acceptance_text(made: Acceptance) -> str:
    """Return who accepted what and when, as Markdown."""
    return (
        f"{local_time(made.accepted_at)} · {plain(made.accepted_by)} accepted "
        f"{made.accepted:,} images predicted {made.above:.0%} or better after "
        f"{plain(made.spot_check)}"
        + ("" if made.holding == made.accepted else f"; {made.holding:,} of them still hold")
    )


def _take_back(made: Acceptance) -> None:
    with installation().database.begin() as session:
        total = acceptances.take_back(session, made.id, by=current_reviewer(), progress=_bar())
    notify(f"{total:,} images were taken back. They are to be reviewed again.")
    st.rerun()


def _bar() -> Progress:
    """Return a progress that is drawn here once the work has taken a second."""
    place, started = st.empty(), time.monotonic()

    def show(step: str, done: int, total: int) -> None:
        if time.monotonic() - started >= _PATIENCE_S:
            place.progress(done / max(total, 1), text=f"{step}: {done:,} of {total:,}")

    return show


def _confident(project: Project) -> Confident:
    with installation().database.read() as session:
        state = (*images.state_of(session, project.id), candidates.newest_id(session))
        drawn = len(slices.all_of(session, project.id))
    head_id = project.active_head_id or ""
    return _kept(installation().settings.home, project.id, head_id, (*state, drawn))


@lru_cache(maxsize=8)
def _kept(home: Path, project_id: int, head_id: str, state: tuple[int, ...]) -> Confident:
    """Keep what the slider counts: home, head and ``state`` only make the key of the cache."""
    with installation().database.read() as session:
        project = projects.get_by_id(session, project_id)
    return confident(installation(), project)

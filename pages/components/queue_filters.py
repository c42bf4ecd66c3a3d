"""The filters and the order of the queue; the address holds them, the widgets show it."""

from __future__ import annotations

import random
from functools import lru_cache
from pathlib import Path
from typing import Any

import streamlit as st

from db.store import candidates, images, slices
from pages.components.accepting import draw_accepting
from pages.components.opening import installation
from pages.components.queue_address import (
    DIVERSE_TEXT,
    INFORMATIVE_TEXT,
    ORDER_NAMES,
    STATUS_NAMES,
    queue_parameters,
    write_address,
)
from pages.components.saved_filters import draw_saved
from pages.components.searching import draw_search
from pages.components.slicing import draw_slicing
from rsqa_core.records import IMAGE_STATUSES, QUEUE_ORDERS, Project, QueueQuery

_PREFIX = "queue_"
_LARGEST_SEED = 99_999


def draw_filters(project: Project, query: QueueQuery) -> None:
    """Draw the widgets with the values of ``query``; a change rewrites the address."""
    with installation().database.read() as session:
        state = (*images.state_of(session, project.id), candidates.newest_id(session))
        drawn = [one.name for one in slices.all_of(session, project.id)]
    scenes, segmenters = _choices(installation().settings.home, project.id, state)
    # The address is the truth: a shared link or the back button must show in the widgets.
    for name, value in _widget_values(query).items():
        st.session_state[_PREFIX + name] = value
    columns = st.columns([1.5, 2.2, 1.3, 1.3, 1.3, 1.1], vertical_alignment="bottom")
    columns[0].selectbox(
        "Order",
        [
            order
            for order in QUEUE_ORDERS
            if order != "similar" or query.search or order == query.order
        ],
        format_func=lambda order: ORDER_NAMES[order],
        key=_PREFIX + "order",
        on_change=_changed,
        args=(query,),
    )
    columns[1].multiselect(
        "Status",
        IMAGE_STATUSES,
        format_func=lambda status: STATUS_NAMES[status],
        key=_PREFIX + "statuses",
        placeholder="Any",
        on_change=_changed,
        args=(query,),
    )
    columns[2].selectbox(
        "Scene",
        _with_current(scenes, query.scene),
        index=None,
        key=_PREFIX + "scene",
        placeholder="Any",
        on_change=_changed,
        args=(query,),
    )
    columns[3].selectbox(
        "Segmenter",
        _with_current(segmenters, query.segmenter),
        index=None,
        key=_PREFIX + "segmenter",
        placeholder="Any",
        on_change=_changed,
        args=(query,),
    )
    columns[4].text_input(
        "Name contains",
        key=_PREFIX + "name_contains",
        max_chars=200,
        on_change=_changed,
        args=(query,),
    )
    columns[5].number_input(
        "Score below",
        min_value=0.0,
        max_value=1.0,
        step=0.05,
        value=None,
        key=_PREFIX + "score_below",
        placeholder="Any",
        on_change=_changed,
        args=(query,),
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        draw_saved(project, query)
        if drawn or query.slice:
            st.selectbox(
                "Random slice",
                _with_current(drawn, query.slice),
                index=None,
                key=_PREFIX + "slice",
                placeholder="All images",
                width=220,
                on_change=_changed,
                args=(query,),
            )
        draw_search(project, query)
        draw_slicing(project, len(drawn))
        draw_accepting(project)
        _draw_actions(query)


@lru_cache(maxsize=64)
def _choices(home: Path, project_id: int, state: tuple[int, ...]) -> tuple[list[str], list[str]]:
    """Return a project's scenes and segmenters; ``state`` and ``home`` make the key of the cache.

    Of 100,000 candidates this takes 50 ms, in every run of the page.
    """
    with installation().database.read() as session:
        return images.scenes(session, project_id), candidates.segmenters(session, project_id)


def _draw_actions(query: QueueQuery) -> None:
    if query.order == "random":
        st.button("Shuffle again", icon=":material/shuffle:", on_click=_shuffle, args=(query,))
    if queue_parameters(query):
        st.button("Clear filters", icon=":material/filter_alt_off:", on_click=_clear)
    if query.order == "informative":
        st.caption(INFORMATIVE_TEXT)
    elif query.order == "diverse":
        st.caption(DIVERSE_TEXT)
    elif query.order == "random":
        st.caption(f"Random order {query.seed}; the link keeps it.")


def _widget_values(query: QueueQuery) -> dict[str, Any]:
    return {
        "order": query.order,
        "statuses": [] if set(query.statuses) == set(IMAGE_STATUSES) else list(query.statuses),
        "scene": query.scene,
        "segmenter": query.segmenter,
        "name_contains": query.name_contains,
        "score_below": query.score_below,
        "slice": query.slice,
    }


def _changed(query: QueueQuery) -> None:
    # The slices' chooser is not drawn before there is a slice.
    values = {name: st.session_state.get(_PREFIX + name) for name in _widget_values(query)}
    _show(
        QueueQuery(
            order=values["order"],
            statuses=tuple(values["statuses"]) or IMAGE_STATUSES,
            scene=values["scene"] or None,
            segmenter=values["segmenter"] or None,
            name_contains=(values["name_contains"] or "").strip(),
            score_below=values["score_below"],
            seed=query.seed,
            slice=values["slice"] or None,
            search=query.search,
        )
    )


def _shuffle(query: QueueQuery) -> None:
    parameters = queue_parameters(query)
    seed = random.randint(1, _LARGEST_SEED)  # noqa: S311 - an order to look at, not a secret
    write_address({**parameters, "seed": str(seed)})


def _clear() -> None:
    write_address({})


def _show(query: QueueQuery) -> None:
    write_address(queue_parameters(query))


def _with_current(options: list[str], current: str | None) -> list[str]:
    # A link may name a scene that is gone: show it, so that the empty result explains itself.
    return options if current is None or current in options else [*options, current]

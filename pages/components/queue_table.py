"""One page of the queue as a table, and the way to the next."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from pages.components.queue_address import STATUS_NAMES
from pages.components.thumbnails import thumbnails
from rsqa_core.records import Project, ReviewItem

PAGE_SIZE = 50
_ROW_PX = 52
_HEIGHT_PX = 480
_BACK = "rsqa_queue_back"


def table_of(items: Sequence[ReviewItem], coverage: float) -> pd.DataFrame:
    """Return one row per image; scores in 0..1, missing ones as NaN and an empty interval.

    ``coverage`` (0..1) is the share of true accuracies that the intervals are to hold.
    """
    rows = []
    pictures = thumbnails([item.image.display_path for item in items])
    for item, picture in zip(items, pictures, strict=True):
        best = next((c.score for c in item.candidates if c.score is not None), None)
        rows.append(
            {
                "Image": picture,
                "Name": item.image.name,
                "Scene": item.image.scene,
                "Status": STATUS_NAMES[item.image.status],
                "Best predicted": None if best is None else best.score,
                f"{coverage * 100:.0f} % interval": ""
                if best is None
                else f"{best.low:.2f}–{best.high:.2f}",
                "Uncertainty": item.image.uncertainty,
                "Disagreement": item.image.disagreement,
                "Candidates": len(item.candidates),
            }
        )
    table = pd.DataFrame(rows)
    for name in ("Best predicted", "Uncertainty", "Disagreement"):
        table[name] = table[name].astype("float64")
    return table


def draw_table(project: Project, items: Sequence[ReviewItem], coverage: float) -> int | None:
    """Draw the table; return the id of the image whose row was just chosen."""
    ids = [item.image.id for item in items]
    # The key names the rows: a selection can never act on rows that it was not made on.
    key = hashlib.sha256(repr((project.id, ids)).encode()).hexdigest()[:16]
    event = st.dataframe(
        table_of(items, coverage),
        key=f"queue-{key}",
        hide_index=True,
        row_height=_ROW_PX,
        height=min(_HEIGHT_PX, 40 + _ROW_PX * len(items)),
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            "Image": st.column_config.ImageColumn(width=70),
            "Name": st.column_config.TextColumn(width="medium"),
            "Best predicted": st.column_config.ProgressColumn(
                min_value=0.0,
                max_value=1.0,
                format="%.2f",
                help="Predicted overall accuracy of the best candidate, by the current head.",
            ),
            "Uncertainty": st.column_config.NumberColumn(
                format="%.2f", help="Width of the widest prediction interval among the candidates."
            ),
            "Disagreement": st.column_config.NumberColumn(
                format="%.2f", help="How far the candidates differ from each other, 0 to 1."
            ),
            "Candidates": st.column_config.NumberColumn(width="small"),
        },
    )
    rows = event.selection.rows
    return ids[rows[0]] if rows and rows[0] < len(ids) else None


def draw_pager(next_cursor: str | None) -> None:
    """Draw the buttons for the page before and the page after."""
    cursor = st.query_params.get("cursor", "")
    if not cursor and next_cursor is None:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Previous page", icon=":material/chevron_left:", disabled=not cursor, on_click=_back
        )
        st.button(
            "Next page",
            icon=":material/chevron_right:",
            icon_position="right",
            disabled=next_cursor is None,
            on_click=_forward,
            args=(cursor, next_cursor or ""),
        )
        st.caption(f"{PAGE_SIZE} images a page. Choose a row to review that image.")


def _forward(cursor: str, next_cursor: str) -> None:
    st.session_state.setdefault(_BACK, []).append(cursor)
    st.query_params["cursor"] = next_cursor


def _back() -> None:
    # A page opened from a link has no way back but to the beginning.
    earlier = st.session_state.get(_BACK) or [""]
    previous = earlier.pop()
    if previous:
        st.query_params["cursor"] = previous
    else:
        st.query_params.pop("cursor", None)

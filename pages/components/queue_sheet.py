"""One page of the queue as a contact sheet: pictures with their best mask, score and status."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from pathlib import Path

import streamlit as st

from pages.components.queue_address import STATUS_NAMES, queue_parameters
from pages.components.searching import find_like
from pages.components.thumbnails import make_ahead, masked_thumbnail
from rsqa_core.datasets.safe_colours import safe_colours
from rsqa_core.records import Project, QueueQuery, ReviewItem

COLUMNS = 6
_SIDE_PX = 192
_REVIEW = Path(__file__).resolve().parents[1] / "review.py"


def draw_sheet(project: Project, items: Sequence[ReviewItem], query: QueueQuery) -> None:
    """Draw the pictures in the order of the queue, row by row; each links to its review."""
    colours = safe_colours(project.classes)
    for start in range(0, len(items), COLUMNS):
        row = st.columns(COLUMNS, gap="small")
        for cell, item in zip(row, items[start : start + COLUMNS], strict=False):
            with cell:
                st.html(_picture(item, colours))
                st.page_link(
                    _REVIEW,
                    label=item.image.name,
                    query_params={
                        "project": project.slug,
                        **queue_parameters(query),
                        "item": str(item.image.id),
                    },
                    width="stretch",
                )
                st.button(
                    "More like this",
                    key=f"like-{item.image.id}",
                    type="tertiary",
                    icon=":material/image_search:",
                    on_click=find_like,
                    args=(project, item.image.id),
                )


def prepare_sheet(project: Project, items: Callable[[], Sequence[ReviewItem]]) -> None:
    """Make the pictures of a page that is probably looked at next, in the background."""
    make_ahead(lambda: [_paths(item) for item in items()], safe_colours(project.classes), _SIDE_PX)


def _paths(item: ReviewItem) -> tuple[str, str | None]:
    best = item.candidates[0].candidate if item.candidates else None
    return item.image.display_path, None if best is None else best.mask_path


def _picture(item: ReviewItem, colours: tuple[tuple[int, int, int], ...]) -> str:
    address = masked_thumbnail(*_paths(item), colours, _SIDE_PX)
    score = next((one.score for one in item.candidates if one.score is not None), None)
    badge = "–" if score is None else f"{score.score:.0%}"
    interval = "" if score is None else f", {score.low:.0%} to {score.high:.0%}"
    status = STATUS_NAMES[item.image.status]
    words = html.escape(
        f"{item.image.name}: {status}, best predicted {badge}{interval}", quote=True
    )
    chip = "position:absolute;padding:1px 6px;border-radius:4px;color:#fff;background:#14161ac7"
    return (
        '<div style="position:relative;aspect-ratio:1;overflow:hidden;border-radius:4px;'
        f'background:#8882;font-size:12px" title="{words}">'
        f'<img src="{address or ""}" alt="{words}" '
        'style="width:100%;height:100%;object-fit:cover">'
        f'<span style="{chip};left:4px;bottom:4px">{badge}</span>'
        + (
            f'<span style="{chip};right:4px;bottom:4px">{html.escape(status)}</span>'
            if item.image.status != "open"
            else ""
        )
        + "</div>"
    )

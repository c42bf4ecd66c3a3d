"""What tests of marking share: the mode's bar, places of the image on the page, strokes."""

from __future__ import annotations

import numpy as np
from playwright.sync_api import Locator, expect

from rsqa_core.raster import decode_runs
from rsqa_core.records import Verdict
from tests.browser.conftest import Review

SIDE_PX = 64


def bar(review: Review) -> Locator:
    return review.page.get_by_role("group", name="Mark errors")


def begin(review: Review, *keys: str) -> None:
    review.press("a", *keys)
    expect(bar(review)).to_be_visible()


def at(review: Review, x: float, y: float) -> tuple[float, float]:
    """Where on the page a place of the image is, in image px."""
    box = review.page.locator("canvas.canvas").bounding_box()
    zoom = review.read("zoom")
    assert box is not None
    assert isinstance(zoom, dict)
    return (
        box["x"] + box["width"] / 2 + (x - zoom["x"] * SIDE_PX) * zoom["scale"],
        box["y"] + box["height"] / 2 + (y - zoom["y"] * SIDE_PX) * zoom["scale"],
    )


def stroke(review: Review, *places: tuple[float, float]) -> None:
    mouse = review.page.mouse
    mouse.move(*at(review, *places[0]))
    mouse.down()
    for place in places[1:]:
        mouse.move(*at(review, *place))
    mouse.up()


def marked(review: Review) -> int:
    count = review.read("marked")
    assert isinstance(count, int)
    return count


def smallest_brush(review: Review) -> None:
    review.press(*[","] * 6)
    expect(bar(review)).to_contain_text("1 px")


def bitmap(row: Verdict) -> np.ndarray:
    assert row.marks is not None
    return decode_runs(row.marks.counts, row.marks.size)

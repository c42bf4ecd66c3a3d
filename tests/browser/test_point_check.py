"""The point check in the browser: keys, live figures, what is recorded."""

from __future__ import annotations

import json

import numpy as np
import pytest
from playwright.sync_api import expect

from pages.api import API_ROOT
from pages.components.canvas.assets_route import assets_key
from rsqa_core.evaluation.point_check import FEWEST, draw_points, estimate
from rsqa_core.raster import read_mask
from tests.browser.conftest import Review


def bar(review: Review):  # type: ignore[no-untyped-def]
    return review.page.get_by_role("group", name="Point check")


def begin(review: Review) -> None:
    review.press("p")
    expect(bar(review)).to_be_visible()


def test_points_are_answered_by_key_and_the_verdict_carries_the_interval(review: Review) -> None:
    zoom = review.read("zoom")
    begin(review)
    expect(bar(review)).to_contain_text("Point 1: is this")
    assert review.read("zoom") != zoom
    answers = [n % 5 != 0 for n in range(FEWEST + 4)]
    review.press(*["y" if right else "n" for right in answers], "s")
    expect(bar(review)).to_contain_text(f"{len(answers)} points")
    review.press("Enter")
    review.wait_saved()
    expect(bar(review)).to_be_hidden()
    (row,) = review.rows()
    assert row.point_check is not None
    assert row.point_check.answers == (*answers, None)
    best = review.seeded.candidates[review.seeded.images[0].id][0]
    mask = read_mask(review.installation.files.path(best.mask_path))
    found = estimate(
        draw_points(mask, row.point_check.design, row.point_check.seed), row.point_check.answers
    )
    assert found is not None
    assert (row.candidate_id, row.kind) == (best.id, "correct")
    assert (row.score, row.low, row.high) == pytest.approx(
        (found.accuracy, found.low, found.high), abs=1e-9
    )
    assert review.image_id == review.seeded.images[1].id
    assert review.read("zoom") == pytest.approx(zoom)


def test_a_step_back_a_held_key_and_leaving_record_nothing(review: Review) -> None:
    begin(review)
    review.press("y", "n")
    expect(bar(review)).to_contain_text("Point 3")
    review.press("Backspace")
    expect(bar(review)).to_contain_text("Point 2")
    review.page.keyboard.down("y")
    for _ in range(4):
        review.page.keyboard.down("y")  # what a held key sends
    review.page.keyboard.up("y")
    expect(bar(review)).to_contain_text("Point 3")
    review.press("x", "7", "f", "j")  # no decision and no move while points are asked
    review.press("Enter")
    expect(review.page.locator(".hint")).to_contain_text(f"At least {FEWEST} points")
    review.press("Escape")
    expect(bar(review)).to_be_hidden()
    assert review.rows() == []
    assert review.image_id == review.seeded.images[0].id
    review.press("s")  # the keys decide again
    review.wait_saved()
    assert [row.kind for row in review.rows()] == ["skip"]


def test_every_step_has_a_button_and_another_candidate_ends_the_check(review: Review) -> None:
    review.page.get_by_role("button", name="Check points of the mask").click()
    expect(bar(review)).to_be_visible()
    for name in ("Right", "Wrong", "Cannot tell"):
        bar(review).get_by_role("button", name=name).click()
    expect(bar(review)).to_contain_text("Point 4")
    expect(bar(review)).to_contain_text("2 points")
    bar(review).get_by_role("button", name="Back").click()
    expect(bar(review)).to_contain_text("Point 3")
    expect(bar(review).get_by_role("button", name="Record")).to_be_disabled()
    bar(review).get_by_label("Which points").select_option(label="By class")
    expect(bar(review)).to_contain_text("Point 1")
    review.page.locator(".candidate").nth(1).click()
    expect(bar(review)).to_be_hidden()
    assert review.rows() == []


def test_the_browser_computes_what_the_server_does(review: Review) -> None:
    module = f"{API_ROOT}/canvas/{assets_key()}/point_estimate.js"
    random = np.random.default_rng(0)
    for design in ("random", "by_class"):
        mask = random.integers(0, 5, (40, 40)).astype(np.uint8)
        points = draw_points(mask, design, 3)  # type: ignore[arg-type]
        for count in (1, 2, 7, 60, 200):
            answers = [
                None if random.random() < 0.1 else bool(random.random() < 0.8) for _ in range(count)
            ]
            ours = estimate(points, answers[: len(points.stratum)])
            theirs = review.page.evaluate(
                """async ([module, strata, weights, answers]) =>
                     (await import(module)).estimate(strata, weights, answers)""",
                [
                    module,
                    points.stratum.tolist(),
                    list(points.weights),
                    json.loads(json.dumps(answers[: len(points.stratum)])),
                ],
            )
            if ours is None:
                assert theirs is None
                continue
            assert theirs == {
                "accuracy": pytest.approx(ours.accuracy, abs=1e-12),
                "low": pytest.approx(ours.low, abs=1e-12),
                "high": pytest.approx(ours.high, abs=1e-12),
                "n": ours.n,
                "narrow": ours.is_narrow,
            }

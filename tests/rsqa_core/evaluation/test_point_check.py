"""Points of a mask: who may be drawn, what answers say, and that stated intervals hold."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm

from rsqa_core.errors import InvalidInputError
from rsqa_core.evaluation.point_check import COVERAGE, FEWEST, Z, draw_points, estimate
from rsqa_core.records import POINT_DESIGNS, VOID, PointDesign


def mask_of_three() -> NDArray[np.uint8]:
    mask = np.zeros((64, 48), np.uint8)
    mask[:, 30:] = 1
    mask[:4, :6] = 2
    mask[40:, :10] = VOID
    return mask


def test_z_belongs_to_the_stated_rate() -> None:
    assert norm.cdf(Z) - norm.cdf(-Z) == pytest.approx(COVERAGE, abs=1e-12)


@pytest.mark.parametrize("design", POINT_DESIGNS)
def test_points_are_labelled_pixels_each_at_most_once(design: PointDesign) -> None:
    mask = mask_of_three()
    points = draw_points(mask, design, seed=3)
    columns, rows = points.xy.T
    assert (mask[rows, columns] != VOID).all()
    assert len(np.unique(points.xy, axis=0)) == len(points.xy)
    assert sum(points.weights) == pytest.approx(1.0)
    again = draw_points(mask, design, seed=3)
    assert np.array_equal(again.xy, points.xy)
    assert not np.array_equal(draw_points(mask, design, seed=4).xy[:20], points.xy[:20])


def test_by_class_looks_at_rare_classes_more_often_than_their_area() -> None:
    mask = mask_of_three()
    points = draw_points(mask, "by_class", seed=0)
    columns, rows = points.xy.T
    assert np.array_equal(mask[rows, columns], points.stratum)
    area = np.array(points.weights)
    assert area[2] < 0.02
    assert (points.stratum == 2).mean() > 5 * area[2]


def test_a_small_mask_has_as_many_points_as_pixels() -> None:
    mask = np.array([[0, 1], [VOID, 1]], np.uint8)
    assert sorted(map(tuple, draw_points(mask, "random", 0).xy.tolist())) == [
        (0, 0),
        (1, 0),
        (1, 1),
    ]
    by_class = draw_points(mask, "by_class", 0).xy.tolist()
    assert sorted(map(tuple, by_class)) == [(0, 0), (1, 0), (1, 1)]


def test_a_mask_without_labels_and_an_unknown_design_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="labelled pixels"):
        draw_points(np.full((4, 4), VOID, np.uint8), "random", 0)
    with pytest.raises(InvalidInputError, match="random, by_class"):
        draw_points(mask_of_three(), "grid", 0)  # type: ignore[arg-type]


def test_simple_random_points_have_wilsons_interval() -> None:
    points = draw_points(mask_of_three(), "random", 0)
    found = estimate(points, [True] * 45 + [False] * 5 + [None] * 3)
    assert found is not None
    assert (found.n, found.accuracy) == (50, 0.9)
    centre = (0.9 + Z**2 / 100) / (1 + Z**2 / 50)
    half = Z * np.sqrt(0.9 * 0.1 / 50 + Z**2 / (4 * 50**2)) / (1 + Z**2 / 50)
    assert (found.low, found.high) == pytest.approx((centre - half, centre + half))


def test_strata_weigh_by_their_area_whatever_was_asked() -> None:
    points = draw_points(mask_of_three(), "by_class", 1)
    right = [bool(stratum != 1) for stratum in points.stratum]
    found = estimate(points, right)
    assert found is not None
    assert found.accuracy == pytest.approx(1 - points.weights[1])
    assert found.low < found.accuracy < found.high


def test_no_answer_says_nothing_and_too_many_are_refused() -> None:
    points = draw_points(np.zeros((2, 2), np.uint8), "random", 0)
    assert estimate(points, []) is None
    assert estimate(points, [None, None]) is None
    with pytest.raises(InvalidInputError, match="at most 4 answers"):
        estimate(points, [True] * 5)


def test_few_points_are_never_enough() -> None:
    points = draw_points(np.zeros((64, 64), np.uint8), "random", 0)
    every = [estimate(points, [True] * n) for n in range(1, 60)]
    enough = [found.n for found in every if found is not None and found.is_narrow]
    assert min(enough) >= FEWEST


@pytest.mark.parametrize("design", POINT_DESIGNS)
@pytest.mark.parametrize("rates", [(0.05, 0.05, 0.05), (0.02, 0.4, 0.6), (0.3, 0.5, 0.4)])
def test_the_interval_holds_the_truth_as_often_as_stated(
    design: PointDesign, rates: tuple[float, ...]
) -> None:
    """One look at a fixed number of points; benchmarks.point_check measures the stop rule too."""
    mask = mask_of_three()
    random = np.random.default_rng(5)
    wrong = random.random(mask.shape) < np.array([*rates, *[0.0] * 253])[mask]
    truth = 1 - wrong[mask != VOID].mean()
    held = 0
    for seed in range(400):
        points = draw_points(mask, design, seed, count=80)
        found = estimate(points, [not wrong[y, x] for x, y in points.xy])
        assert found is not None
        held += found.low <= truth <= found.high
    # Three standard deviations of 400 draws at the stated rate.
    assert held / 400 > COVERAGE - 3 * np.sqrt(COVERAGE * (1 - COVERAGE) / 400)

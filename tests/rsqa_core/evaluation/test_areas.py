"""Areas from looked-up points: against published figures, by hand, and by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rsqa_core.errors import InvalidInputError
from rsqa_core.evaluation.areas import allocated, estimate_areas, points_needed

# Olofsson et al. 2014, tables 8 and 9: deforestation, gain, stable forest, stable non-forest.
COUNTS = np.array([[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]])
MAPPED_PX = [200_000, 150_000, 3_200_000, 6_450_000]
HA = 0.09  # a pixel of 30 m


def test_published_figures_come_out() -> None:
    found = estimate_areas(COUNTS, MAPPED_PX)

    assert found is not None
    assert (round(found.overall.value, 2), round(found.overall.half, 2)) == (0.95, 0.02)
    assert [round(one.value, 2) for one in found.users] == [0.88, 0.73, 0.93, 0.96]
    assert [round(one.half, 2) for one in found.users] == [0.07, 0.10, 0.04, 0.02]
    assert [round(one.value, 2) for one in found.producers] == [0.75, 0.85, 0.93, 0.96]
    assert [round(one.half, 2) for one in found.producers] == [0.21, 0.25, 0.03, 0.02]
    assert [round(one.value * HA) for one in found.areas] == [21_158, 11_686, 285_770, 581_386]
    assert [round(one.half * HA) for one in found.areas] == [6_158, 3_756, 15_510, 16_281]


def test_shares_are_of_the_whole_map_and_areas_keep_their_sum() -> None:
    found = estimate_areas(COUNTS, MAPPED_PX)

    assert found is not None
    assert found.shares.sum() == pytest.approx(1.0)
    assert found.shares[2, 0] == pytest.approx(0.32 * 1 / 165)
    assert sum(one.value for one in found.areas) == pytest.approx(sum(MAPPED_PX))
    assert found.mapped == tuple(MAPPED_PX)


def test_a_class_that_the_map_lacks_can_still_have_an_area() -> None:
    found = estimate_areas(np.array([[8, 2], [0, 0]]), [50.0, 0.0])

    assert found is not None
    assert [one.value for one in found.areas] == pytest.approx([40.0, 10.0])
    assert not found.users[1].known
    assert found.producers[1].value == 0.0


def test_a_class_that_nobody_named_has_no_producers_accuracy() -> None:
    found = estimate_areas(np.array([[5, 0], [4, 0]]), [50.0, 50.0])

    assert found is not None
    assert math.isnan(found.producers[1].value)
    assert found.areas[1].value == 0.0


@pytest.mark.parametrize("counts", [[[1, 0], [0, 9]], [[0, 0], [3, 9]]])
def test_a_stratum_of_fewer_than_two_answers_gives_no_estimate(counts: list[list[int]]) -> None:
    assert estimate_areas(np.array(counts), [10.0, 90.0]) is None


def test_intervals_hold_the_true_areas() -> None:
    truth = np.array([[0.06, 0.03, 0.01], [0.03, 0.25, 0.02], [0.02, 0.05, 0.53]])
    rng = np.random.default_rng(0)
    mapped = truth.sum(axis=1)
    held = np.zeros(4)
    repeats = 400
    for _ in range(repeats):
        rows = [
            rng.multinomial(n, truth[k] / mapped[k])
            for k, n in enumerate(allocated(300, mapped.tolist(), 60))
        ]
        found = estimate_areas(np.array(rows), mapped.tolist())
        assert found is not None
        for place, (one, right) in enumerate(
            zip((found.overall, *found.areas), (np.trace(truth), *truth.sum(axis=0)), strict=True)
        ):
            held[place] += abs(one.value - right) <= one.half
    assert (held / repeats > 0.92).all()
    assert (held / repeats < 0.98).all()


def test_points_needed_are_the_published_number() -> None:
    users = [0.7, 0.6, 0.9, 0.95]
    assert points_needed([0.02, 0.015, 0.32, 0.645], users, 1.959964 * 0.01) == 641
    assert points_needed([1.0], [1.0], 0.03) == 0
    with pytest.raises(InvalidInputError, match="half-width"):
        points_needed([1.0], [0.5], 0.0)


def test_points_go_to_classes_by_area_beyond_the_fewest() -> None:
    assert allocated(100, [70.0, 29.0, 1.0, 0.0], 20) == [48, 32, 20, 0]
    assert allocated(10, [1.0, 1.0], 20) == [20, 20]
    assert sum(allocated(101, [3.0, 3.0, 3.0], 2)) == 101


@pytest.mark.parametrize(
    ("counts", "mapped", "words"),
    [
        ([[1, 2, 3]], [1.0], "1 by 1"),
        ([[2, 0], [0, 2]], [1.0, math.nan], "finite"),
        ([[2, -1], [0, 2]], [1.0, 1.0], "not negative"),
        ([[2, 0], [0, 2]], [1.0, 0.0], "without area"),
    ],
)
def test_senseless_numbers_are_refused(
    counts: list[list[int]], mapped: list[float], words: str
) -> None:
    with pytest.raises(InvalidInputError, match=words):
        estimate_areas(np.array(counts), mapped)

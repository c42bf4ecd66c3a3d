"""The order in which labels teach most, against the definition in plain loops."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rsqa_core.heads.choosing import informative
from rsqa_core.heads.inputs import Places
from rsqa_core.heads.residual import Kernel, Points, covariance

KERNEL = Kernel()


def drawn(count: int, seed: int = 0) -> Points:
    rng = np.random.default_rng(seed)
    inputs = rng.normal(scale=0.7, size=(count, 3)).astype(np.float32)
    places = Places(
        images=tuple(f"image {i}" for i in range(count)),
        sources=tuple(f"source {i % 3}" for i in range(count)),
        centres_px=rng.uniform(0, 2000, size=(count, 2)),
        segmenters=("bands",) * count,
    )
    return Points(inputs, places, rng.uniform(0.4, 0.7, count), np.ones(count))


def remaining(points: Points, chosen: list[int]) -> float:
    """Summed variance of the errors once the chosen are labelled, by the textbook formula."""
    prior = covariance(KERNEL, points, points)
    if not chosen:
        return float(np.trace(prior))
    own = prior[np.ix_(chosen, chosen)] + KERNEL.noise**2 * np.eye(len(chosen))
    cross = prior[:, chosen]
    return float(np.trace(prior - cross @ np.linalg.solve(own, cross.T)))


def test_each_choice_leaves_the_least_variance() -> None:
    points = drawn(9)

    value = informative(points, np.zeros(9, bool), most=4)

    order = np.argsort(-value)[:4].tolist()
    chosen: list[int] = []
    for _ in range(4):
        left = [remaining(points, [*chosen, i]) for i in range(9) if i not in chosen]
        free = [i for i in range(9) if i not in chosen]
        chosen.append(free[int(np.argmin(left))])
    assert order == chosen


def test_what_is_labelled_comes_last_and_what_it_tells_counts() -> None:
    points = drawn(9)
    first = int(np.argmax(informative(points, np.zeros(9, bool))))
    labelled = np.zeros(9, bool)
    labelled[first] = True

    value = informative(points, labelled)

    assert value[first] == 0
    assert (np.delete(value, first) > 0).all()
    left = [remaining(points, [first, i]) for i in range(9)]
    left[first] = np.inf
    assert int(np.argmax(value)) == int(np.argmin(left))


def test_a_copy_of_a_labelled_image_teaches_less_than_a_stranger() -> None:
    points = drawn(4)
    for each in (points.inputs, points.places.centres_px, points.score, points.size):
        each[1] = each[0]
    points = replace(points, places=replace(points.places, sources=("a", "a", "b", "c")))

    value = informative(points, np.array([True, False, False, False]))

    assert value[1] < min(value[2], value[3])


@pytest.mark.parametrize("most", [1, 3, 50])
def test_values_lie_in_the_unit_interval_and_the_first_has_one(most: int) -> None:
    points = drawn(12)

    value = informative(points, np.zeros(12, bool), most=most)

    assert value.max() == 1.0
    assert value.min() >= 0.0
    assert len(set(value.tolist())) == 12


def test_all_labelled_leaves_nothing_to_choose() -> None:
    points = drawn(3)

    assert informative(points, np.ones(3, bool)).tolist() == [0, 0, 0]


def test_how_unsure_the_head_is_does_not_change_the_order() -> None:
    points = drawn(9)
    unsure = replace(points, size=np.linspace(0.2, 3.0, 9))

    value = informative(unsure, np.zeros(9, bool))

    assert value == pytest.approx(informative(points, np.zeros(9, bool)))

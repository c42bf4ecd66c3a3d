"""The order in which labels teach most, against the definition in plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from rsqa_core.heads.choosing import informative
from rsqa_core.heads.inputs import Places
from rsqa_core.heads.residual import Kernel, covariance

KERNEL = Kernel()


def drawn(count: int, seed: int = 0) -> tuple[NDArray[np.float32], Places]:
    rng = np.random.default_rng(seed)
    return rng.normal(scale=0.7, size=(count, 3)).astype(np.float32), Places(
        images=tuple(f"image {i}" for i in range(count)),
        sources=tuple(f"source {i % 3}" for i in range(count)),
        centres_px=rng.uniform(0, 2000, size=(count, 2)),
        segmenters=("bands",) * count,
    )


def remaining(described: NDArray[np.float32], places: Places, chosen: list[int]) -> float:
    """Summed variance of the errors once the chosen are labelled, by the textbook formula."""
    prior = covariance(KERNEL, described, places, described, places)
    if not chosen:
        return float(np.trace(prior))
    own = prior[np.ix_(chosen, chosen)] + KERNEL.noise**2 * np.eye(len(chosen))
    cross = prior[:, chosen]
    return float(np.trace(prior - cross @ np.linalg.solve(own, cross.T)))


def test_each_choice_leaves_the_least_variance() -> None:
    described, places = drawn(9)

    value = informative(described, places, np.zeros(9, bool), most=4)

    order = np.argsort(-value)[:4].tolist()
    chosen: list[int] = []
    for _ in range(4):
        left = [remaining(described, places, [*chosen, i]) for i in range(9) if i not in chosen]
        free = [i for i in range(9) if i not in chosen]
        chosen.append(free[int(np.argmin(left))])
    assert order == chosen


def test_what_is_labelled_comes_last_and_what_it_tells_counts() -> None:
    described, places = drawn(9)
    first = int(np.argmax(informative(described, places, np.zeros(9, bool))))
    labelled = np.zeros(9, bool)
    labelled[first] = True

    value = informative(described, places, labelled)

    assert value[first] == 0
    assert (np.delete(value, first) > 0).all()
    left = [remaining(described, places, [first, i]) for i in range(9)]
    left[first] = np.inf
    assert int(np.argmax(value)) == int(np.argmin(left))


def test_a_copy_of_a_labelled_image_teaches_less_than_a_stranger() -> None:
    described, places = drawn(4)
    described[1] = described[0]
    places.centres_px[1] = places.centres_px[0]
    places = Places(places.images, ("a", "a", "b", "c"), places.centres_px, places.segmenters)

    value = informative(described, places, np.array([True, False, False, False]))

    assert value[1] < min(value[2], value[3])


@pytest.mark.parametrize("most", [1, 3, 50])
def test_values_lie_in_the_unit_interval_and_the_first_has_one(most: int) -> None:
    described, places = drawn(12)

    value = informative(described, places, np.zeros(12, bool), most=most)

    assert value.max() == 1.0
    assert value.min() >= 0.0
    assert len(set(value.tolist())) == 12


def test_all_labelled_leaves_nothing_to_choose() -> None:
    described, places = drawn(3)

    assert informative(described, places, np.ones(3, bool)).tolist() == [0, 0, 0]

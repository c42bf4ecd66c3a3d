"""The diverse order: every cluster before a second of one, however far the order goes."""

from __future__ import annotations

import numpy as np
import pytest

from rsqa_core.diversity import diverse_places
from rsqa_core.errors import InvalidInputError


def clustered(seed: int = 3, clusters: int = 6, each: int = 20) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    middles = rng.normal(size=(clusters, 16))
    of = np.repeat(np.arange(clusters), each)
    vectors = middles[of] + rng.normal(0, 0.02, (len(of), 16))
    return vectors.astype(np.float32), of


def order_of(places: np.ndarray) -> np.ndarray:
    return np.argsort(-places, kind="stable")


def test_every_cluster_comes_before_a_second_of_one() -> None:
    vectors, of = clustered()
    order = order_of(diverse_places(vectors))
    assert set(of[order[:6]]) == set(range(6))
    by_name = of[:6]
    assert len(set(by_name)) == 1  # the order of before shows one cluster


def test_each_image_is_the_farthest_from_those_before_it() -> None:
    vectors, _ = clustered(each=4)
    places = diverse_places(vectors)
    order = order_of(places)
    scaled = (vectors - vectors.mean(axis=0)) / vectors.std(axis=0)
    points = scaled / np.linalg.norm(scaled, axis=1, keepdims=True)
    for count in range(1, len(order)):
        gaps = np.linalg.norm(points[:, None] - points[order[:count]][None], axis=2).min(axis=1)
        assert places[order[count]] == pytest.approx(gaps.max() / 2, abs=1e-3)


def test_beyond_the_steps_images_still_have_places_and_come_later() -> None:
    vectors, of = clustered()
    short, whole = diverse_places(vectors, steps=6), diverse_places(vectors)
    order = order_of(short)
    assert set(of[order[:6]]) == set(range(6))
    assert order[:6].tolist() == order_of(whole)[:6].tolist()
    assert short[order[6]] <= short[order[5]]
    assert (short[order[6:]] > 0).all()


def test_equal_images_are_last_and_few_are_no_trouble() -> None:
    vectors = np.array([[1, 0], [0, 1], [1, 0], [-1, -1]], np.float32)
    places = diverse_places(vectors)
    assert sorted(places)[0] == 0.0
    assert {int(order_of(places)[-1])} <= {0, 2}
    assert diverse_places(np.zeros((0, 4), np.float32)).shape == (0,)
    assert diverse_places(np.ones((1, 4), np.float32)).tolist() == [1.0]
    assert diverse_places(np.ones((3, 4), np.float32)).tolist() == [1.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("vectors", "steps"),
    [(np.full((2, 2), np.nan), 5), (np.zeros(3), 5), (np.zeros((2, 2)), 0)],
)
def test_what_has_no_sense_is_refused(vectors: np.ndarray, steps: int) -> None:
    with pytest.raises(InvalidInputError):
        diverse_places(vectors.astype(np.float32), steps)

"""Components of a mask and what they say, beside loops over pixels."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from rsqa_core.errors import InvalidInputError
from rsqa_core.evaluation.components import (
    COMPONENT_FEATURES,
    Components,
    describe_components,
    fit_components,
    label_components,
    predict_candidates,
)
from rsqa_core.records import VOID

CLASSES = ("Water", "Road", "Meadow")
MASK = np.array(
    [
        [0, 0, 0, 1, 1, 1],
        [0, 0, 0, 1, 1, 1],
        [0, 0, 0, 1, 1, 1],
        [2, 2, 2, 2, 2, 2],
        [2, 1, 2, 2, 2, 2],
        [2, 2, 2, 2, 1, 255],
    ],
    dtype=np.uint8,
)


def probs_of(mask: np.ndarray, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    raw = rng.random((3, *mask.shape)).astype(np.float32)
    for k in range(3):
        raw[k][mask == k] += 1.5
    return raw / raw.sum(axis=0)


def test_components_without_an_inside_share_a_number() -> None:
    labels, count = label_components(MASK)

    assert count == 4
    assert labels[5, 5] == -1
    assert len({labels[0, 0], labels[0, 5], labels[3, 0], labels[4, 1]}) == 4
    assert labels[4, 1] == labels[5, 4]
    assert sorted(np.unique(labels[MASK == 1])) == sorted({labels[0, 5], labels[4, 1]})


def test_a_component_is_described_by_its_own_pixels() -> None:
    probs, reference = probs_of(MASK), MASK.copy()
    reference[0, 3:] = 0
    reference[1, 3] = VOID

    found = describe_components(probs, MASK, CLASSES, reference)

    row = dict(zip(COMPONENT_FEATURES, found.features[1], strict=True))  # the road on top
    pixels = [(y, x) for y in range(3) for x in range(3, 6)]
    # Inner ones have no neighbour of another class; beyond the picture there is none.
    inner = [(y, x) for y, x in pixels if x > 3 and y < 2]
    top = {p: float(np.sort(probs[:, *p])[-1]) for p in pixels}
    assert row["class"] == 2  # "road" among the canonical names
    assert row["area_log"] == pytest.approx(np.log1p(9))
    assert row["image_share"] == pytest.approx(9 / 36)
    assert row["inside_share"] == pytest.approx(4 / 9)
    assert row["box_fill"] == 1.0
    assert row["own_prob"] == pytest.approx(np.mean([probs[1, *p] for p in pixels]))
    assert row["max_prob_mean"] == pytest.approx(np.mean(list(top.values())), abs=1e-6)
    assert row["max_prob_std"] == pytest.approx(np.std(list(top.values())), abs=1e-5)
    assert row["max_prob_inside"] == pytest.approx(np.mean([top[p] for p in inner]), abs=1e-6)
    outline = [top[p] for p in pixels if p not in inner]
    assert row["max_prob_outline"] == pytest.approx(np.mean(outline), abs=1e-6)
    entropy = [-sum(v * np.log(v) for v in probs[:, *p]) / np.log(3) for p in pixels]
    assert row["entropy_mean"] == pytest.approx(np.mean(entropy), abs=1e-5)
    margin = [np.sort(probs[:, *p])[-1] - np.sort(probs[:, *p])[-2] for p in pixels]
    assert row["margin_mean"] == pytest.approx(np.mean(margin), abs=1e-5)
    assert found.accuracy[1] == pytest.approx(5 / 8)  # three of nine wrong, one of them unlabelled
    assert row["area_per_outline"] == pytest.approx(9 / 5)


def test_accuracy_of_components_by_area_is_that_of_the_mask() -> None:
    rng = np.random.default_rng(1)
    mask = ndimage.zoom(rng.integers(0, 3, (8, 8)), 4, order=0).astype(np.uint8)
    reference = np.where(rng.random(mask.shape) < 0.3, 0, mask).astype(np.uint8)

    found = describe_components(probs_of(mask), mask, CLASSES, reference)

    by_area = float((found.accuracy * found.area_px).sum() / found.area_px.sum())
    assert by_area == pytest.approx((mask == reference).mean())


def test_a_mask_without_labels_has_no_components_and_shapes_are_checked() -> None:
    empty = np.full((4, 4), VOID, dtype=np.uint8)

    found = describe_components(np.full((3, 4, 4), 1 / 3, dtype=np.float32), empty, CLASSES)

    assert found.features.shape == (0, len(COMPONENT_FEATURES))
    with pytest.raises(InvalidInputError, match="probs"):
        describe_components(np.zeros((2, 4, 4), dtype=np.float32), empty, CLASSES)


def drawn(count: int, seed: int) -> Components:
    rng = np.random.default_rng(seed)
    features = rng.random((count, len(COMPONENT_FEATURES))).astype(np.float32)
    accuracy = (0.3 + 0.6 * features[:, 3]).astype(np.float32)
    return Components(features, rng.integers(1, 90, count).astype(np.float32), accuracy)


def test_what_components_say_is_learnt_and_added_up_by_area() -> None:
    train, test = drawn(600, 0), drawn(90, 1)
    owner = np.arange(90) % 3

    model = fit_components(train, 0)
    found = predict_candidates(model, test, owner, 4)

    for candidate in range(3):
        own = owner == candidate
        each = model.predict(test.features[own])
        expected = np.average(each, weights=test.area_px[own])
        assert found[candidate] == pytest.approx(expected)
        truth = np.average(test.accuracy[own], weights=test.area_px[own])
        assert found[candidate] == pytest.approx(truth, abs=0.05)
    assert np.isnan(found[3])


def test_nothing_labelled_gives_no_model_and_no_prediction() -> None:
    train = drawn(20, 0)
    unlabelled = Components(train.features, train.area_px, np.full(20, np.nan, dtype=np.float32))

    model = fit_components(unlabelled, 0)

    assert model is None
    assert np.isnan(predict_candidates(model, train, np.zeros(20, dtype=np.int64), 1)).all()


def test_the_seed_decides_which_of_many_are_learnt_from() -> None:
    train, test = drawn(400, 0), drawn(20, 1)
    owner = np.zeros(20, dtype=np.int64)

    first, again, other = (
        predict_candidates(fit_components(train, seed, limit=60), test, owner, 1)
        for seed in (0, 0, 1)
    )

    assert first == again
    assert first != other

"""Each baseline beside an independent naive computation."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from sklearn.isotonic import isotonic_regression

from rsqa_core.errors import InvalidInputError
from rsqa_core.evaluation.baselines import (
    BINS,
    atc,
    confidence_histogram,
    doc,
    group_means,
    label_free,
    recalibrated,
)
from rsqa_core.features.description import context_sides, imported_side, joined
from rsqa_core.features.masks import PictureGrid
from rsqa_core.features.names import FEATURE_NAMES


def drawn_probs(seed: int, side: int = 12, classes: int = 4) -> np.ndarray:
    rng = np.random.default_rng(seed)
    raw = rng.random((classes, side, side)).astype(np.float32) ** 3
    return raw / raw.sum(axis=0)


def test_raw_baselines_are_what_their_names_say() -> None:
    """Pixel by pixel in plain Python, through the description that the pipeline makes."""
    stack = [drawn_probs(seed) for seed in range(3)]
    masks = [probs.argmax(axis=0).astype(np.uint8) for probs in stack]
    grid = PictureGrid(np.zeros((3, *masks[0].shape), dtype=np.uint8))
    own = [imported_side(probs, mask) for probs, mask in zip(stack, masks, strict=True)]
    soft = [side.soft for side in own]
    around = context_sides(grid, masks, soft, list("abcd"), None, np.zeros((4, 2), np.float32))
    rows, _, _ = joined(*(np.stack([one.packed() for one in part]) for part in (own, around)))

    found = label_free(rows)

    for i, probs in enumerate(stack):
        pixels = probs.reshape(4, -1).T.astype(np.float64)
        assert found["ac"][i] == pytest.approx(np.mean([max(p) for p in pixels]), abs=1e-5)
        entropy = np.mean([-sum(v * np.log(v) for v in p) / np.log(4) for p in pixels])
        assert found["entropy"][i] == pytest.approx(1 - entropy, abs=1e-5)
        margin = np.mean([sorted(p)[-1] - sorted(p)[-2] for p in pixels])
        assert found["margin"][i] == pytest.approx(margin, abs=1e-5)
        others = [masks[j] for j in range(3) if j != i]
        agreement = np.mean([(masks[i] == other).mean() for other in others])
        assert found["agreement"][i] == pytest.approx(agreement, abs=1e-5)
        # With two others the vote is theirs where they agree, else the lower class id.
        vote = np.minimum(*others)
        assert found["vote"][i] == pytest.approx((vote == masks[i]).mean(), abs=1e-5)


def test_missing_numbers_stay_missing() -> None:
    rows = np.full((2, len(FEATURE_NAMES)), np.nan, dtype=np.float32)

    assert all(np.isnan(values).all() for values in label_free(rows).values())


def test_a_linear_recalibration_is_the_least_squares_line() -> None:
    rng = np.random.default_rng(0)
    x, test = rng.random(50), rng.random(9)
    y = np.clip(0.2 + 0.5 * x + 0.05 * rng.normal(size=50), 0, 1)

    found = recalibrated(x, y, np.append(test, np.nan), "linear")

    design = np.stack([x, np.ones(50)], axis=1)
    slope, level = np.linalg.solve(design.T @ design, design.T @ y)
    assert found[:-1] == pytest.approx(slope * test + level)
    assert np.isnan(found[-1])


def test_a_line_never_falls() -> None:
    x = np.linspace(0, 1, 9)

    found = recalibrated(x, 1 - x, np.array([0.1, 0.9]), "linear")

    assert found == pytest.approx([0.5, 0.5])


def test_an_isotonic_recalibration_pools_adjacent_violators() -> None:
    rng = np.random.default_rng(1)
    x = np.sort(rng.random(40))
    y = np.clip(x + 0.3 * rng.normal(size=40), 0, 1)

    found = recalibrated(x, y, x, "isotonic")

    assert found == pytest.approx(isotonic_regression(y))
    assert (np.diff(found) >= 0).all()
    outside = recalibrated(x, y, np.array([-1.0, 2.0]), "isotonic")
    assert outside == pytest.approx([found[0], found[-1]])


def test_recalibration_of_a_constant_or_of_nothing() -> None:
    same = recalibrated(np.full(3, 0.5), np.array([0.1, 0.2, 0.6]), np.array([0.4]), "linear")
    assert same == pytest.approx([0.3])
    nothing = recalibrated(np.full(3, np.nan), np.zeros(3), np.array([0.4]), "isotonic")
    assert np.isnan(nothing).all()


@pytest.mark.parametrize("kind", ["linear", "isotonic"])
def test_nothing_to_map_is_mapped_to_nothing(kind: Literal["linear", "isotonic"]) -> None:
    learnt = np.array([0.1, 0.5, 0.9])

    assert np.isnan(recalibrated(learnt, learnt, np.full(4, np.nan), kind)).tolist() == [True] * 4
    assert len(recalibrated(learnt, learnt, np.zeros(0), kind)) == 0


def test_thresholded_confidence_is_that_of_sorted_pixels() -> None:
    rng = np.random.default_rng(2)
    pixels = rng.beta(4, 2, size=(6, 4000))
    accuracy = rng.uniform(0.5, 0.9, 6)
    group = np.array(["a", "a", "a", "b", "b", "b"])
    target = rng.beta(3, 3, size=(3, 4000))

    found = atc(
        np.stack([confidence_histogram(p) for p in pixels]),
        accuracy,
        group,
        np.stack([confidence_histogram(p) for p in target]),
        np.array(["a", "b", "new"]),
    )

    for i, source in enumerate((pixels[:3], pixels[3:], pixels)):
        right = accuracy[[slice(0, 3), slice(3, 6), slice(0, 6)][i]].mean()
        ranked = np.sort(source.ravel())
        threshold = ranked[round((1 - right) * len(ranked))]
        assert found[i] == pytest.approx((target[i] > threshold).mean(), abs=3 / BINS)


def test_a_group_that_looks_like_its_source_gets_the_source_s_accuracy() -> None:
    histogram = confidence_histogram(np.random.default_rng(3).random(5000))[None]

    found = atc(histogram, np.array([0.73]), np.array(["a"]), histogram, np.array(["a"]))

    assert found == pytest.approx([0.73], abs=1e-4)


def test_missing_histograms_give_no_prediction() -> None:
    nothing = np.full((1, BINS), np.nan, dtype=np.float32)
    some = confidence_histogram(np.array([0.2, 0.9]))[None]

    assert np.isnan(atc(some, np.array([0.5]), np.array(["a"]), nothing, np.array(["a"]))).all()
    assert np.isnan(atc(nothing, np.array([0.5]), np.array(["a"]), some, np.array(["a"]))).all()


def test_histograms_count_every_pixel_once() -> None:
    found = confidence_histogram(np.array([[0.0, 1.0], [0.5, 0.5]]))

    assert found.sum() == pytest.approx(1.0)
    assert (found[0], found[BINS - 1], found[BINS // 2]) == (0.25, 0.25, 0.5)


def test_difference_of_confidences_is_the_regression_of_its_definition() -> None:
    rng = np.random.default_rng(4)
    confidence, group = rng.random(30), np.array(["a", "b", "c"])[np.arange(30) % 3]
    accuracy = np.clip(0.4 + 0.4 * confidence + 0.02 * rng.normal(size=30), 0, 1)
    test, test_group = rng.random(3), np.array(["a", "b", "new"])

    found = doc(confidence, accuracy, group, test, test_group)

    mean_c = {g: np.mean(confidence[group == g]) for g in "abc"}
    mean_a = {g: np.mean(accuracy[group == g]) for g in "abc"}
    x = [mean_c[g] - c for c, g in zip(confidence, group, strict=True)]
    y = [mean_a[g] - a for a, g in zip(accuracy, group, strict=True)]
    design = np.stack([x, np.ones(30)], axis=1)
    slope, level = np.linalg.lstsq(design, np.array(y), rcond=None)[0]
    mean_c["new"], mean_a["new"] = confidence.mean(), accuracy.mean()
    for value, guess, g in zip(found, test, test_group, strict=True):
        assert value == pytest.approx(mean_a[g] - slope * (mean_c[g] - guess) - level)


def test_group_means_know_their_groups_and_fall_back_to_all() -> None:
    found = group_means(
        np.array([0.2, 0.4, 0.9]), np.array(["a", "a", "b"]), np.array(["b", "a", "new"])
    )

    assert found == pytest.approx([0.9, 0.3, 0.5])
    with pytest.raises(InvalidInputError, match="at least one training candidate"):
        group_means(np.zeros(0), np.zeros(0, dtype=str), np.array(["a"]))

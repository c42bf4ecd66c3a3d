"""Figures of predicted quality: against scipy, against hand-computed cases, at their edges."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from rsqa_core.errors import InvalidInputError
from rsqa_core.evaluation.agreement import (
    TIE,
    constant_best,
    image_groups,
    pooled,
    within_image,
)


def array(*values: float) -> NDArray[np.float64]:
    return np.array(values, dtype=np.float64)


def images(*values: int) -> NDArray[np.int64]:
    return np.array(values, dtype=np.int64)


def test_pooled_correlations_are_those_of_scipy_ties_included() -> None:
    rng = np.random.default_rng(1)
    predicted = rng.random(60).round(1)  # one decimal, so that there are ties
    target = (0.6 * predicted + 0.4 * rng.random(60)).round(2)

    figures = pooled(predicted, target)

    assert figures is not None
    assert figures.srcc == pytest.approx(stats.spearmanr(predicted, target).statistic)
    assert figures.krcc == pytest.approx(stats.kendalltau(predicted, target).statistic)
    assert figures.plcc == pytest.approx(stats.pearsonr(predicted, target).statistic)
    assert figures.n == 60


def test_pooled_errors_by_hand() -> None:
    figures = pooled(array(0.5, 0.9, 0.2), array(0.6, 0.7, 0.2))

    assert figures is not None
    assert figures.mae == pytest.approx(0.1)
    assert figures.rmse == pytest.approx((0.05 / 3) ** 0.5)


def test_kendall_by_hand() -> None:
    # Of the three pairs two are ordered alike and one the other way round.
    figures = pooled(array(0.1, 0.2, 0.3), array(0.4, 0.9, 0.8))

    assert figures is not None
    assert figures.krcc == pytest.approx(1 / 3)
    assert figures.srcc == pytest.approx(0.5)


def test_missing_predictions_are_left_out() -> None:
    full = pooled(array(0.1, 0.4, 0.7), array(0.2, 0.3, 0.9))
    holed = pooled(array(0.1, np.nan, 0.4, 0.7), array(0.2, 0.99, 0.3, 0.9))

    assert holed == full


def test_nothing_predicted_gives_no_figures() -> None:
    assert pooled(array(np.nan, np.nan), array(0.1, 0.2)) is None


@pytest.mark.parametrize(
    ("predicted", "target"),
    [
        (array(0.5, 0.5, 0.5), array(0.1, 0.2, 0.3)),
        (array(0.1, 0.2, 0.3), array(0.5, 0.5, 0.5)),
        (array(0.3), array(0.4)),
    ],
    ids=["same prediction", "same target", "one candidate"],
)
def test_correlation_of_what_does_not_vary_is_unknown_not_zero(
    predicted: NDArray[np.float64], target: NDArray[np.float64]
) -> None:
    figures = pooled(predicted, target)

    assert figures is not None
    assert (figures.srcc, figures.krcc, figures.plcc) == (None, None, None)
    assert figures.mae == pytest.approx(np.abs(predicted - target).mean())


@pytest.mark.parametrize(
    ("predicted", "target", "message"),
    [
        (array(0.1, 0.2), array(0.1), "one length"),
        (array(0.1, 0.2).reshape(1, 2), array(0.1, 0.2).reshape(1, 2), "one length"),
        (array(0.1, 0.2), array(0.1, np.nan), "finite targets"),
        (array(0.1, 0.2), array(0.1, np.inf), "finite targets"),
    ],
)
def test_pairs_that_do_not_fit_are_refused(
    predicted: NDArray[np.float64], target: NDArray[np.float64], message: str
) -> None:
    with pytest.raises(InvalidInputError, match=message):
        pooled(predicted, target)


def test_recommendations_by_hand() -> None:
    target = array(0.9, 0.5, 0.4, 0.8, 0.7, 0.703)
    predicted = array(0.6, 0.7, 0.1, 0.3, 0.9, 0.2)
    image = images(0, 0, 1, 1, 2, 2)
    constant = array(0.8, 0.2, 0.8, 0.2, 0.8, 0.2)

    figures = within_image(predicted, target, image, constant)

    assert figures is not None
    assert figures.n == 3
    # Image 0 misses by 0.4, image 1 is right, image 2 is within half a point.
    assert figures.top1 == pytest.approx(2 / 3)
    assert figures.regret_mean == pytest.approx((0.4 + 0.0 + 0.003) / 3)
    assert figures.regret_p95 == pytest.approx(np.quantile([0.4, 0.0, 0.003], 0.95))
    # The constant choice reaches 0.9, 0.4, 0.7; the oracle 0.9, 0.8, 0.703; this one 0.5, 0.8, 0.7.
    assert figures.gap_closed == pytest.approx((0.5 - 0.9 + 0.8 - 0.4) / (0.4 + 0.003))


def test_the_gap_is_closed_by_nothing_for_the_constant_and_wholly_for_the_oracle() -> None:
    rng = np.random.default_rng(5)
    target, image = rng.random(40), np.repeat(np.arange(10), 4)
    constant = np.tile(array(0.4, 0.3, 0.2, 0.1), 10)

    usual = within_image(constant, target, image, constant)
    best = within_image(target, target, image, constant)

    assert usual is not None
    assert best is not None
    assert usual.gap_closed == pytest.approx(0.0)
    assert best.gap_closed == pytest.approx(1.0)
    assert (best.top1, best.regret_mean, best.regret_p95) == (1.0, 0.0, 0.0)


def test_worse_than_the_constant_choice_is_negative() -> None:
    target = array(0.9, 0.5, 0.8, 0.3, 0.2, 0.6)
    image, constant = images(0, 0, 1, 1, 2, 2), array(1, 0, 1, 0, 1, 0)

    figures = within_image(-target, target, image, constant)

    assert figures is not None
    assert figures.gap_closed is not None
    assert figures.gap_closed < 0


def test_without_a_gap_its_share_is_unknown() -> None:
    target, image = array(0.9, 0.5, 0.8, 0.3), images(0, 0, 1, 1)

    figures = within_image(target, target, image, target)

    assert figures is not None
    assert figures.gap_closed is None


def test_lone_candidates_and_images_with_a_missing_prediction_do_not_count() -> None:
    target = array(0.9, 0.5, 0.4, 0.8, 0.7)
    image = images(0, 0, 1, 1, 2)
    predicted = array(0.1, 0.2, np.nan, 0.9, 0.5)

    figures = within_image(predicted, target, image, target)

    assert figures is not None
    assert figures.n == 1
    assert figures.regret_mean == pytest.approx(0.4)
    assert within_image(predicted[2:], target[2:], image[2:], target[2:]) is None


def test_half_a_point_counts_as_equally_good_and_more_does_not() -> None:
    image = images(0, 0)
    near, far = array(0.8, 0.8 + 0.9 * TIE), array(0.8, 0.8 + 1.1 * TIE)

    within_tie = within_image(array(1.0, 0.0), near, image, near)
    outside = within_image(array(1.0, 0.0), far, image, far)

    assert within_tie is not None
    assert outside is not None
    assert (within_tie.top1, outside.top1) == (1.0, 0.0)


def test_the_constant_choice_learns_from_other_scenes_only() -> None:
    target = array(0.9, 0.1, 0.8, 0.2, 0.3, 0.7)
    segmenter = np.array(["a", "b"] * 3)
    scene = np.array(["north", "north", "north", "north", "south", "south"])
    image = images(0, 0, 1, 1, 2, 2)

    predicted = constant_best(target, segmenter, scene, image)

    assert predicted[:4] == pytest.approx(array(0.3, 0.7, 0.3, 0.7))
    assert predicted[4:] == pytest.approx(array(0.85, 0.15))
    changed = target.copy()
    changed[4:] = 0.0  # what happens in the south tells nothing about the south
    assert constant_best(changed, segmenter, scene, image)[4:] == pytest.approx(predicted[4:])


def test_with_one_scene_the_constant_choice_learns_from_other_images() -> None:
    target = array(0.9, 0.1, 0.5, 0.3, 0.7, 0.2)
    segmenter = np.array(["a", "b"] * 3)
    scene = np.array(["only"] * 6)

    predicted = constant_best(target, segmenter, scene, images(0, 0, 1, 1, 2, 2))

    assert predicted == pytest.approx(array(0.6, 0.25, 0.8, 0.15, 0.7, 0.2))


def test_a_segmenter_unknown_elsewhere_gets_the_mean_of_all() -> None:
    target = array(0.9, 0.4, 0.2, 0.6)
    segmenter = np.array(["a", "new", "a", "b"])
    scene = np.array(["north", "north", "south", "south"])

    predicted = constant_best(target, segmenter, scene, images(0, 0, 1, 1))

    assert predicted[0] == pytest.approx(0.2)
    assert predicted[1] == pytest.approx(0.4)  # mean of the south
    lone = constant_best(array(0.3, 0.5), np.array(["a", "b"]), np.array(["s", "s"]), images(0, 0))
    assert lone == pytest.approx(array(0.4, 0.4))


def test_groups_hold_the_rows_of_one_image_wherever_they_stand() -> None:
    groups = image_groups(images(7, 3, 7, 3, 3, 9))

    assert [group.tolist() for group in groups] == [[1, 3, 4], [0, 2], [5]]

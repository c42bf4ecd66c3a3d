from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from rsqa_core.errors import InvalidInputError
from rsqa_core.evaluation.sampling import stratified_mean


def test_a_stratified_mean_by_hand() -> None:
    # Strata of 6 and 4: means 0.6 and 0.3, variances 0.01 and 0.02, a third and a half observed.
    found = stratified_mean([0.5, 0.7, 0.2, 0.4], ["a", "a", "b", "b"], {"a": 6, "b": 4})

    assert found is not None
    assert found.mean == pytest.approx(0.6 * 0.6 + 0.4 * 0.3)
    error = 0.36 * (1 - 2 / 6) * 0.02 / 2 + 0.16 * (1 - 2 / 4) * 0.02 / 2
    half = stats.t.ppf(0.975, 2) * error**0.5
    assert (found.low, found.high) == pytest.approx((found.mean - half, found.mean + half))
    assert (found.count, found.covered) == (4, 1.0)


def test_one_stratum_is_the_mean_with_its_usual_interval() -> None:
    values = np.random.default_rng(0).normal(0.5, 0.1, 30)

    found = stratified_mean(values.tolist(), [""] * 30, {"": 10**9})

    assert found is not None
    low, high = stats.t.interval(0.95, 29, values.mean(), stats.sem(values))
    assert (found.mean, found.low, found.high) == pytest.approx((values.mean(), low, high))


def test_who_saw_all_has_no_doubt() -> None:
    found = stratified_mean([0.2, 0.4, 0.9], ["a"] * 3, {"a": 3})
    share = stratified_mean([0, 1, 1], ["a"] * 3, {"a": 3}, proportion=True)

    assert found is not None
    assert share is not None
    assert found.low == found.high == pytest.approx(0.5)
    assert share.low == share.high == pytest.approx(2 / 3)


def test_a_stratum_of_one_takes_the_others_variance() -> None:
    found = stratified_mean([0.1, 0.3, 0.8], ["a", "a", "b"], {"a": 5, "b": 5})

    assert found is not None
    error = 0.25 * (1 - 2 / 5) * 0.02 / 2 + 0.25 * (1 - 1 / 5) * 0.02
    half = stats.t.ppf(0.975, 1) * error**0.5
    assert found.high == pytest.approx(found.mean + half)


def test_an_interval_ends_where_means_end() -> None:
    found = stratified_mean([0.2, 0.9], ["", ""], {"": 100}, within=(0.0, 1.0))

    assert found is not None
    assert (found.low, found.high) == (0.0, 1.0)


def test_a_stratum_without_an_observation_is_not_covered() -> None:
    found = stratified_mean([0.5, 0.7], ["a", "a"], {"a": 4, "b": 12})

    assert found is not None
    assert (found.mean, found.covered) == pytest.approx((0.6, 0.25))


def test_one_observation_has_no_interval_and_none_no_mean() -> None:
    found = stratified_mean([0.5], ["a"], {"a": 4})

    assert found is not None
    assert (found.mean, found.low, found.high, found.count) == (0.5, None, None, 1)
    assert stratified_mean([], [], {"a": 4}) is None


def test_a_share_of_all_still_leaves_a_doubt() -> None:
    found = stratified_mean([1.0] * 10, [""] * 10, {"": 10**6}, proportion=True)

    assert found is not None
    z = stats.norm.ppf(0.975)
    assert found.low == pytest.approx(1 / (1 + z**2 / 10), abs=1e-4)  # Wilson's for 10 of 10
    assert found.high == 1.0


@pytest.mark.parametrize("proportion", [False, True])
def test_intervals_hold_the_truth_as_often_as_they_state(proportion: bool) -> None:
    rng = np.random.default_rng(1)
    sizes = {"north": 300, "south": 120, "west": 60}
    taken = {"north": 25, "south": 10, "west": 5}
    level = {"north": 0.8, "south": 0.55, "west": 0.3}
    population = {
        name: (rng.random(size) < level[name]).astype(float)
        if proportion
        else np.clip(rng.normal(level[name], 0.12, size), 0, 1)
        for name, size in sizes.items()
    }
    truth = float(np.concatenate(list(population.values())).mean())
    held = 0
    for _ in range(1000):
        values, strata = [], []
        for name, count in taken.items():
            values += rng.choice(population[name], count, replace=False).tolist()
            strata += [name] * count
        found = stratified_mean(values, strata, sizes, proportion=proportion)
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        held += found.low <= truth <= found.high

    assert 0.93 <= held / 1000 <= 0.98


def test_wrong_input_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="stratum for each of 2 values, but got 1"):
        stratified_mean([0.1, 0.2], ["a"], {"a": 3})
    with pytest.raises(InvalidInputError, match="at most 1 observations of stratum 'a'"):
        stratified_mean([0.1, 0.2], ["a", "a"], {"a": 1})
    with pytest.raises(InvalidInputError, match="at most 0 observations of stratum 'b'"):
        stratified_mean([0.1], ["b"], {"a": 1})
    with pytest.raises(InvalidInputError, match="finite"):
        stratified_mean([float("nan")], ["a"], {"a": 1})
    with pytest.raises(InvalidInputError, match="0 or 1"):
        stratified_mean([0.5], ["a"], {"a": 1}, proportion=True)

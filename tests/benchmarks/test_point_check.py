"""The benchmark of point checks simulates a reviewer who makes no mistakes."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.point_check import check, figures
from rsqa_core.evaluation.point_check import FEWEST
from rsqa_core.records import POINT_DESIGNS, PointDesign


@pytest.mark.parametrize("design", POINT_DESIGNS)
def test_checks_of_a_mask_stop_when_the_interval_is_narrow(design: PointDesign) -> None:
    reference = np.zeros((60, 60), np.uint8)
    reference[:, 30:] = 1
    mask = reference.copy()
    mask[:12] = 1 - mask[:12]

    checks = [check(mask, reference, design, seed) for seed in range(60)]

    found = figures(checks)
    assert {truth for truth, *_ in checks} == {0.8}
    assert FEWEST < float(found["points"]) < 200
    assert float(found["width"]) <= 0.1
    assert float(found["covered"]) > 0.75
    assert abs(float(found["bias"])) < 0.02


def test_a_mask_without_mistakes_takes_the_fewest_points_that_can_be_narrow() -> None:
    reference = np.zeros((60, 60), np.uint8)

    truth, accuracy, low, high, points = check(reference, reference, "random", 0)

    assert (truth, accuracy, high) == (1.0, 1.0, 1.0)
    assert high - low <= 0.1
    assert points < 40

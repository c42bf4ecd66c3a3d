from __future__ import annotations

import numpy as np
import pytest

from rsqa_core.heads.prediction import members_apart


def test_members_are_compared_within_their_fold_alone() -> None:
    # Folds differ by 0.4; within them the first candidate's members by 0.1 and by 0.3.
    each = np.array([[0.1, 0.5], [0.2, 0.5], [0.5, 0.9], [0.8, 0.9]])

    apart = members_apart(each, np.array([0, 0, 1, 1]))

    assert apart == pytest.approx([(0.05 + 0.15) / 2, 0.0])
    assert members_apart(each[:2], np.array([0, 0])) == pytest.approx([0.05, 0.0])


def test_folds_of_one_member_say_nothing_of_how_sure_they_are() -> None:
    assert members_apart(np.array([[0.1], [0.9]]), np.array([0, 1])) == pytest.approx([0.0])

"""A segmenter's classes become a project's."""

from __future__ import annotations

import numpy as np
import pytest

from rsqa_core.errors import InvalidInputError
from rsqa_core.segmenters.mapping import class_targets, map_probs


def test_equal_names_meet_whatever_their_writing() -> None:
    targets = class_targets(
        ["Low Vegetation", "WATER", "road"], ["water", "low_vegetation", "Road"], {}
    )

    assert targets == [1, 0, 2]


def test_a_mapping_by_name_wins_over_the_equal_name() -> None:
    targets = class_targets(
        ["Building", "Road", "Water"],
        ["building", "road", "sealed ground"],
        {"building": "Sealed Ground", "water": "road"},
    )

    assert targets == [2, 1, 1]


def test_the_star_takes_every_other_name() -> None:
    targets = class_targets(
        ["Building", "Land", "Road", "Water"], ["background", "building"], {"*": "background"}
    )

    assert targets == [1, 0, 0, 0]


def test_a_class_without_a_home_has_no_target() -> None:
    assert class_targets(["a", "b", "c"], ["a", "b"], {}) == [0, 1, None]
    assert class_targets(["a", "b", "c"], ["a", "b"], {"c": "gone"}) == [0, 1, None]


@pytest.mark.parametrize(
    ("project", "class_map"),
    [
        (["crop", "forest"], {}),
        (["building", "forest"], {}),
        (["background", "crop"], {"*": "background"}),
    ],
    ids=["none", "one", "all to one"],
)
def test_a_mask_of_fewer_than_two_classes_is_refused(
    project: list[str], class_map: dict[str, str]
) -> None:
    with pytest.raises(InvalidInputError, match=r"Building, Road.*--map"):
        class_targets(["Building", "Road"], project, class_map)


def test_probabilities_add_up_by_project_class() -> None:
    probs = np.array([0.5, 0.2, 0.3], dtype=np.float32).reshape(3, 1, 1)

    mapped = map_probs(probs, [1, 0, 1], 3)

    assert mapped.dtype == np.float32
    assert mapped[:, 0, 0] == pytest.approx([0.2, 0.8, 0.0])


def test_a_dropped_class_leaves_the_others_their_proportions() -> None:
    probs = np.array([0.5, 0.1, 0.4], dtype=np.float32).reshape(3, 1, 1)

    mapped = map_probs(probs, [None, 1, 0], 2)

    assert mapped[:, 0, 0] == pytest.approx([0.8, 0.2])


def test_probabilities_sum_to_1_even_where_all_mass_was_dropped() -> None:
    rng = np.random.default_rng(3)
    probs = rng.dirichlet(np.ones(4), size=(8, 8)).transpose(2, 0, 1).astype(np.float32)
    probs[:, 0, 0] = (1.0, 0.0, 0.0, 0.0)

    mapped = map_probs(probs, [None, 0, 1, 2], 3)

    assert mapped.sum(axis=0) == pytest.approx(np.ones((8, 8)), abs=1e-6)
    assert mapped[:, 0, 0] == pytest.approx([1 / 3] * 3)  # nothing is known there

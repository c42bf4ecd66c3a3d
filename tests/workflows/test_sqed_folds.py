"""Which scenes are held out together."""

from __future__ import annotations

import pytest

from rsqa_core.errors import InvalidInputError
from workflows.sqed_folds import folds_of, given_folds

IMAGES = {"a": 5, "b": 4, "c": 3, "d": 2}


def test_scenes_are_divided_evenly_and_always_alike() -> None:
    folds = folds_of("city", IMAGES, 2)

    assert [fold.held_out for fold in folds] == [("a", "d"), ("b", "c")]
    assert [fold.trained_on for fold in folds] == [("b", "c"), ("a", "d")]
    assert [fold.name for fold in folds] == ["fold-1", "fold-2"]
    assert folds == folds_of("city", dict(reversed(IMAGES.items())), 2)


@pytest.mark.parametrize("count", [2, 3, 4])
def test_every_scene_is_held_out_once_and_never_trained_on_there(count: int) -> None:
    folds = folds_of("city", IMAGES, count)

    assert sorted(scene for fold in folds for scene in fold.held_out) == sorted(IMAGES)
    for fold in folds:
        assert fold.held_out
        assert sorted(fold.held_out + fold.trained_on) == sorted(IMAGES)


def test_given_folds_are_taken_as_they_are() -> None:
    folds = folds_of("city", IMAGES, 9, [["d"], ["c", "a", "b"]])

    assert [fold.held_out for fold in folds] == [("d",), ("a", "b", "c")]


def test_folds_are_read_by_project() -> None:
    assert given_folds(["a, b", "c"], ["city"]) == {"city": [["a", "b"], ["c"]]}
    assert given_folds(["city:a,b", "sea:c"], ["city", "sea"]) == {
        "city": [["a", "b"]],
        "sea": [["c"]],
    }
    assert given_folds([], ["city"]) == {}


def test_folds_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"4 scenes .* fewer than the 5 folds"):
        folds_of("city", IMAGES, 5)
    with pytest.raises(InvalidInputError, match="at least 2 folds"):
        folds_of("city", IMAGES, 1)
    with pytest.raises(InvalidInputError, match=r"'d' .* in 0 folds"):
        folds_of("city", IMAGES, 2, [["a"], ["b", "c"]])
    with pytest.raises(InvalidInputError, match=r"'a' .* in 2 folds"):
        folds_of("city", IMAGES, 2, [["a", "d"], ["b", "c", "a"]])
    with pytest.raises(InvalidInputError, match="no scene 'e'"):
        folds_of("city", IMAGES, 2, [["a", "e"], ["b", "c", "d"]])
    with pytest.raises(InvalidInputError, match="PROJECT:SCENE,SCENE"):
        given_folds(["a,b"], ["city", "sea"])
    with pytest.raises(InvalidInputError, match="at least one scene"):
        given_folds([" , "], ["city"])

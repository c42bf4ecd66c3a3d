"""What segmenters said comes back from disk, with probabilities and without."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rsqa_core.features.description import SegmenterSide
from rsqa_core.features.grids import CELL_SIDE, SOFT_SIDE
from rsqa_core.features.keys import segmenter_features, soft_features
from rsqa_core.features.names import SEGMENTER_CELLS, SEGMENTER_GROUPS, names_of
from rsqa_core.features.store import FeatureStore
from workflows.segmenter_cache import append_sides, load_sides


def side(seed: int, classes: int | None) -> SegmenterSide:
    rng = np.random.default_rng(seed)
    row = rng.normal(size=len(names_of(SEGMENTER_GROUPS))).astype(np.float32)
    cells = rng.normal(size=(len(SEGMENTER_CELLS), CELL_SIDE, CELL_SIDE)).astype(np.float32)
    cells[3] = np.nan
    if classes is None:
        return SegmenterSide(row, cells, None)
    soft = rng.dirichlet(np.ones(classes), (SOFT_SIDE, SOFT_SIDE)).transpose(2, 0, 1)
    return SegmenterSide(row, cells, soft.astype(np.float32))


def require_same(found: SegmenterSide, expected: SegmenterSide) -> None:
    np.testing.assert_array_equal(found.row, expected.row)
    np.testing.assert_array_equal(found.cells, expected.cells)
    assert (found.soft is None) == (expected.soft is None)
    if found.soft is not None and expected.soft is not None:
        assert found.soft.shape == expected.soft.shape
        np.testing.assert_allclose(found.soft, expected.soft, atol=5e-4)  # kept at half precision


@pytest.mark.parametrize("fingerprint", ["f" * 64, None], ids=["live", "imported"])
def test_sides_come_back_by_key(tmp_path: Path, fingerprint: str | None) -> None:
    first, second, bare = side(0, 3), side(1, 3), side(2, None)
    append_sides(tmp_path, fingerprint, {"a": first, "bare": bare})
    append_sides(tmp_path, fingerprint, {"b": second})

    found = load_sides(tmp_path, fingerprint, ["b", "a", "bare", "unheard"], 3)

    assert set(found) == {"a", "b", "bare"}
    require_same(found["a"], first)
    require_same(found["b"], second)
    require_same(found["bare"], bare)


def test_probabilities_of_different_numbers_of_classes_are_kept_apart(tmp_path: Path) -> None:
    two, three = side(0, 2), side(1, 3)
    append_sides(tmp_path, "f" * 64, {"two": two, "three": three})

    require_same(load_sides(tmp_path, "f" * 64, ["two"], 2)["two"], two)
    require_same(load_sides(tmp_path, "f" * 64, ["three"], 3)["three"], three)
    assert load_sides(tmp_path, "f" * 64, ["three"], 2)["three"].soft is None


def test_segmenters_do_not_see_one_anothers_sides(tmp_path: Path) -> None:
    append_sides(tmp_path, "f" * 64, {"a": side(0, 2)})

    assert load_sides(tmp_path, "e" * 64, ["a"], 2) == {}
    assert load_sides(tmp_path, None, ["a"], 2) == {}


def test_a_stop_between_the_two_files_leaves_a_candidate_to_be_described_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = FeatureStore.append
    calls: list[object] = []

    def killed(self: FeatureStore, *arguments: object) -> None:
        if calls:
            raise KeyboardInterrupt
        calls.append(arguments)
        append(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(FeatureStore, "append", killed)
    with pytest.raises(KeyboardInterrupt):
        append_sides(tmp_path, "f" * 64, {"a": side(0, 2)})

    assert segmenter_features(tmp_path, "f" * 64).missing(["a"]) == ["a"]
    assert soft_features(tmp_path, "f" * 64, 2).missing(["a"]) == []


def test_nothing_to_keep_writes_nothing(tmp_path: Path) -> None:
    append_sides(tmp_path, None, {})

    assert list(tmp_path.iterdir()) == []

"""Feature rows on disk: found by key, whole or not at all, shared by processes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from rsqa_core.errors import InvalidInputError
from rsqa_core.features import store as store_module
from rsqa_core.features.keys import candidate_key, context_key, segmenter_features
from rsqa_core.features.store import FeatureStore


def row(*values: float) -> NDArray[np.float32]:
    return np.array(values, dtype=np.float32)


def test_rows_come_back_by_key_and_unknown_keys_are_left_out(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, "semantic", "abc")
    store.append({"a": row(1, 2), "b": row(3, 4)})
    store.append({"c": row(5, 6, 7)})  # another shard may have another length

    loaded = store.load(["c", "a", "nowhere"])

    assert set(loaded) == {"a", "c"}
    assert loaded["a"].tolist() == [1, 2]
    assert loaded["c"].tolist() == [5, 6, 7]
    assert loaded["a"].dtype == np.float32


def test_missing_keys_keep_their_order(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, "semantic", "abc")
    store.append({"b": row(1)})

    assert store.missing(["d", "b", "a"]) == ["d", "a"]


def test_half_precision_rows_are_read_as_single_and_nan_stays_nan(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, "tokens", "abc")
    store.append({"a": row(0.5, np.nan, 1 / 3)}, np.float16)

    loaded = store.load(["a"])["a"]

    assert loaded.dtype == np.float32
    assert loaded[0] == 0.5
    assert np.isnan(loaded[1])
    assert loaded[2] == np.float32(np.float16(1 / 3))


def test_a_grid_is_stored_flat(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, "tokens", "abc")
    grid = np.arange(12, dtype=np.float32).reshape(2, 2, 3)
    store.append({"a": grid})

    assert store.load(["a"])["a"].tolist() == list(range(12))


def test_two_instances_see_what_the_other_wrote(tmp_path: Path) -> None:
    first = FeatureStore(tmp_path, "semantic", "abc")
    second = FeatureStore(tmp_path, "semantic", "abc")
    assert second.missing(["a"]) == ["a"]

    first.append({"a": row(1)})
    second.append({"b": row(2)})

    assert second.missing(["a", "b"]) == []
    assert first.load(["a", "b"]).keys() == {"a", "b"}


def test_kinds_and_fingerprints_are_apart(tmp_path: Path) -> None:
    FeatureStore(tmp_path, "semantic", "abc").append({"a": row(1)})

    assert FeatureStore(tmp_path, "tokens", "abc").missing(["a"]) == ["a"]
    assert FeatureStore(tmp_path, "semantic", "abd").missing(["a"]) == ["a"]


def test_a_shard_without_its_key_list_is_invisible(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FeatureStore(tmp_path, "semantic", "abc")
    write = store_module.write_atomically

    def killed(path: Path, content: bytes) -> None:
        if path.suffix == ".json":
            raise KeyboardInterrupt
        write(path, content)

    monkeypatch.setattr(store_module, "write_atomically", killed)
    with pytest.raises(KeyboardInterrupt):
        store.append({"a": row(1)})
    monkeypatch.undo()

    assert list(tmp_path.rglob("*.npy"))  # it was stopped after the numbers
    assert store.missing(["a"]) == ["a"]
    store.append({"a": row(2)})
    assert FeatureStore(tmp_path, "semantic", "abc").load(["a"])["a"].tolist() == [2]


def test_rows_of_unequal_length_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, "semantic", "abc")

    with pytest.raises(InvalidInputError, match=r"one length.*\[1, 2\]"):
        store.append({"a": row(1), "b": row(1, 2)})

    assert list(tmp_path.rglob("*.*")) == []


def test_no_rows_make_no_shard(tmp_path: Path) -> None:
    FeatureStore(tmp_path, "semantic", "abc").append({})

    assert list(tmp_path.iterdir()) == []


def test_imported_masks_have_a_place_of_their_own(tmp_path: Path) -> None:
    segmenter_features(tmp_path, None).append({"a": row(1)})

    assert segmenter_features(tmp_path, "f" * 64).missing(["a"]) == ["a"]
    assert segmenter_features(tmp_path, None).missing(["a"]) == []


def test_a_candidate_is_named_by_image_and_mask() -> None:
    keys = {candidate_key(image * 64, mask * 64) for image in "ab" for mask in "cd"}

    assert len(keys) == 4


def test_another_set_of_peers_or_classes_is_another_context() -> None:
    first = context_key("i" * 64, "m", ["m", "n"], ["water", "road"])

    assert first == context_key("i" * 64, "m", ["n", "m"], ["water", "road"])
    assert first != context_key("i" * 64, "m", ["m", "n", "o"], ["water", "road"])
    assert first != context_key("i" * 64, "m", ["m"], ["water", "road"])
    assert first != context_key("i" * 64, "m", ["m", "n"], ["road", "water"])

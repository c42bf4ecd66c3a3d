"""Standardised numbers, compressed embeddings, marks of what is missing."""

from __future__ import annotations

import numpy as np
import pytest

from rsqa_core.features.names import FEATURE_NAMES, GROUPS
from rsqa_core.heads.preparation import (
    CLIP,
    COMPONENTS,
    SEGMENTATION_INPUTS,
    Preparation,
    fit_preparation,
)

IMAGES, PER_IMAGE, DIM, REST = 24, 3, 16, 4


def drawn(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    rng = np.random.default_rng(seed)
    vectors = rng.normal(2.0, 3.0, size=(IMAGES, DIM + REST)).astype(np.float32)
    rows = rng.normal(-1.0, 5.0, size=(IMAGES * PER_IMAGE, len(FEATURE_NAMES))).astype(np.float32)
    return vectors, rows, np.repeat(np.arange(IMAGES), PER_IMAGE)


def everything(members: int = 1) -> np.ndarray:  # type: ignore[type-arg]
    return np.ones((members, IMAGES), dtype=bool)


def test_own_numbers_have_mean_0_and_spread_1() -> None:
    vectors, rows, image_of_row = drawn()
    preparation = fit_preparation(vectors, rows, image_of_row, everything(), DIM)

    features = preparation.features(rows)[0, :, : len(FEATURE_NAMES)].numpy()
    semantic = preparation.semantic(vectors)[0].numpy()

    assert features.mean(axis=0) == pytest.approx(np.zeros(len(FEATURE_NAMES)), abs=1e-4)
    assert features.std(axis=0) == pytest.approx(np.ones(len(FEATURE_NAMES)), rel=1e-3)
    assert semantic.shape == (IMAGES, COMPONENTS + REST)
    assert semantic.mean(axis=0) == pytest.approx(np.zeros(COMPONENTS + REST), abs=1e-4)
    assert semantic.std(axis=0, ddof=1) == pytest.approx(np.ones(COMPONENTS + REST), rel=1e-3)


def test_the_embedding_is_reduced_to_its_principal_components() -> None:
    vectors, rows, image_of_row = drawn()
    preparation = fit_preparation(vectors, rows, image_of_row, everything(), DIM)
    embedding = vectors[:, :DIM].astype(np.float64)
    values, directions = np.linalg.eigh(np.cov(embedding, rowvar=False))
    strongest = directions[:, np.argsort(-values)[:COMPONENTS]]

    likeness = np.abs(preparation.basis[0].numpy().T @ strongest)

    assert np.diag(likeness) == pytest.approx(np.ones(COMPONENTS), abs=1e-3)


def test_a_member_measures_only_what_it_may_see() -> None:
    vectors, rows, image_of_row = drawn()
    allowed = everything(2)
    allowed[1, : IMAGES // 2] = False
    poisoned_vectors, poisoned_rows = vectors.copy(), rows.copy()
    poisoned_vectors[: IMAGES // 2] += 100.0
    poisoned_rows[image_of_row < IMAGES // 2] *= -50.0

    clean = fit_preparation(vectors, rows, image_of_row, allowed, DIM)
    poisoned = fit_preparation(poisoned_vectors, poisoned_rows, image_of_row, allowed, DIM)

    for name in ("embedding_mean", "basis", "semantic_mean", "feature_mean", "feature_scale"):
        before, after = getattr(clean, name), getattr(poisoned, name)
        assert np.array_equal(before[1], after[1]), name
        assert not np.allclose(before[0], after[0]), name


def test_missing_numbers_are_left_out_of_means_and_become_0() -> None:
    vectors, rows, image_of_row = drawn()
    rows[::2, 0] = np.nan
    preparation = fit_preparation(vectors, rows, image_of_row, everything(), DIM)

    features = preparation.features(rows)[0].numpy()

    assert preparation.feature_mean[0, 0] == pytest.approx(rows[1::2, 0].mean(), rel=1e-4)
    assert preparation.feature_scale[0, 0] == pytest.approx(rows[1::2, 0].std(), rel=1e-4)
    assert np.array_equal(features[::2, 0], np.zeros(len(rows[::2])))
    assert np.isfinite(features).all()


def flags_of(preparation: Preparation, row: np.ndarray) -> dict[str, float]:  # type: ignore[type-arg]
    flags = preparation.features(row[None])[0, 0, len(FEATURE_NAMES) :].tolist()
    return dict(zip(GROUPS, flags, strict=True))


def test_a_group_that_is_missing_as_a_whole_is_marked() -> None:
    vectors, rows, image_of_row = drawn()
    preparation = fit_preparation(vectors, rows, image_of_row, everything(), DIM)
    row = rows[0].copy()
    for name in GROUPS["taps"]:
        row[FEATURE_NAMES.index(name)] = np.nan
    row[FEATURE_NAMES.index(GROUPS["picture"][0])] = np.nan  # one of several is no mark

    assert flags_of(preparation, rows[0]) == dict.fromkeys(GROUPS, 0.0)
    assert flags_of(preparation, row) == dict.fromkeys(GROUPS, 0.0) | {"taps": 1.0}
    assert preparation.features(rows).shape[2] == SEGMENTATION_INPUTS


def test_wild_numbers_are_clipped() -> None:
    vectors, rows, image_of_row = drawn()
    preparation = fit_preparation(vectors, rows, image_of_row, everything(), DIM)

    features = preparation.features(np.full_like(rows[:2], 1e9)).numpy()
    semantic = preparation.semantic(np.full_like(vectors[:2], -1e9)).numpy()

    assert features[:, :, : len(FEATURE_NAMES)].max() == CLIP
    assert np.abs(semantic).max() == CLIP


def test_a_number_that_never_occurs_or_never_varies_does_no_harm() -> None:
    vectors, rows, image_of_row = drawn()
    rows[:, 0], rows[:, 1] = np.nan, 0.25
    vectors[:, -1] = 3.0
    preparation = fit_preparation(vectors, rows, image_of_row, everything(), DIM)

    assert np.array_equal(preparation.features(rows)[0, :, :2].numpy(), np.zeros((len(rows), 2)))
    assert preparation.semantic(vectors)[0, :, -1].numpy() == pytest.approx(np.zeros(IMAGES))


def test_fewer_images_than_components_leave_the_rest_at_0() -> None:
    vectors, rows, image_of_row = drawn()
    allowed = np.zeros((1, IMAGES), dtype=bool)
    allowed[0, :3] = True

    preparation = fit_preparation(vectors, rows, image_of_row, allowed, DIM)
    semantic = preparation.semantic(vectors[:3])[0].numpy()

    assert np.isfinite(semantic).all()
    assert np.array_equal(semantic[:, 3:COMPONENTS], np.zeros((3, COMPONENTS - 3)))

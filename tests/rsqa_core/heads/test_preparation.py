"""Standardised numbers, compressed embeddings, marks of what is missing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from rsqa_core.features.names import CELL_NAMES, FEATURE_NAMES, GROUPS, IMAGE_STATISTICS
from rsqa_core.heads.inputs import PLACES, HeadInputs
from rsqa_core.heads.preparation import (
    CELL_INPUTS,
    CLIP,
    COMPONENTS,
    LIKENESS,
    LIKENESS_EMBEDDING,
    LIKENESS_STATISTICS,
    ROW_GROUPS,
    ROW_INPUTS,
    ROW_NAMES,
    Preparation,
    fit_preparation,
)

IMAGES, PER_IMAGE, DIM, REST = 24, 3, 16, 4
NUMBERS = len(ROW_NAMES)


def drawn(seed: int = 0) -> HeadInputs:
    rng = np.random.default_rng(seed)
    count = IMAGES * PER_IMAGE
    # Directions of different strength, so that the principal ones are told apart.
    strength = np.linspace(4.0, 1.0, DIM)
    return HeadInputs(
        semantic=rng.normal(2.0, 3.0, size=(IMAGES, DIM + REST)).astype(np.float32),
        tokens=(rng.normal(1.0, 1.0, size=(IMAGES, PLACES, DIM)) * strength).astype(np.float32),
        rows=rng.normal(-1.0, 5.0, size=(count, len(FEATURE_NAMES))).astype(np.float32),
        cells=rng.normal(3.0, 0.5, size=(count, PLACES, len(CELL_NAMES))).astype(np.float32),
        image_of_row=np.repeat(np.arange(IMAGES), PER_IMAGE),
    )


def everything(members: int = 1) -> np.ndarray:  # type: ignore[type-arg]
    return np.ones((members, IMAGES), dtype=bool)


def test_class_shares_are_left_out() -> None:
    assert set(ROW_NAMES) == set(FEATURE_NAMES) - set(GROUPS["mask"])
    assert "mask" not in ROW_GROUPS
    assert len(ROW_GROUPS) == len(GROUPS) - 1
    inputs = drawn()
    preparation = fit_preparation(inputs, everything())
    changed = inputs.rows.copy()
    changed[:, [FEATURE_NAMES.index(name) for name in GROUPS["mask"]]] = np.nan

    assert torch.equal(preparation.rows(changed), preparation.rows(inputs.rows))


def test_own_numbers_have_mean_0_and_spread_1() -> None:
    inputs = drawn()
    prepared = fit_preparation(inputs, everything()).prepared(inputs)

    rows, cells = prepared.rows[0, :, :NUMBERS].numpy(), prepared.cells[0].numpy()
    vectors, tokens = prepared.vectors[0].numpy(), prepared.tokens[0].numpy()

    assert prepared.rows.shape == (1, IMAGES * PER_IMAGE, ROW_INPUTS)
    assert prepared.cells.shape == (1, IMAGES * PER_IMAGE, PLACES, CELL_INPUTS)
    assert rows.mean(axis=0) == pytest.approx(np.zeros(NUMBERS), abs=1e-4)
    assert rows.std(axis=0) == pytest.approx(np.ones(NUMBERS), rel=1e-3)
    assert cells.mean(axis=(0, 1)) == pytest.approx(np.zeros(CELL_INPUTS), abs=1e-2)
    assert cells.std(axis=(0, 1)) == pytest.approx(np.ones(CELL_INPUTS), rel=1e-2)
    assert vectors.shape == (IMAGES, COMPONENTS + REST)
    assert vectors.mean(axis=0) == pytest.approx(np.zeros(COMPONENTS + REST), abs=1e-4)
    assert tokens.shape == (IMAGES, PLACES, COMPONENTS)
    assert tokens.std(axis=(0, 1)) == pytest.approx(np.ones(COMPONENTS), rel=1e-2)


def test_numbers_are_standardised_by_hand() -> None:
    inputs = drawn()
    prepared = fit_preparation(inputs, everything()).prepared(inputs)
    column, cell = FEATURE_NAMES.index("peer_mean"), CELL_NAMES.index("region")
    numbers, places = inputs.rows[:, column], inputs.cells[:, :, cell]

    found = prepared.rows[0, 5, ROW_NAMES.index("peer_mean")]
    also = prepared.cells[0, 5, 7, cell]

    assert float(found) == pytest.approx((numbers[5] - numbers.mean()) / numbers.std(), rel=1e-3)
    assert float(also) == pytest.approx((places[5, 7] - places.mean()) / places.std(), abs=1e-3)


def test_views_are_reduced_to_their_principal_components() -> None:
    inputs = drawn()
    basis = fit_preparation(inputs, everything()).basis[0].numpy()
    values, directions = np.linalg.eigh(
        np.cov(inputs.tokens.reshape(-1, DIM).astype(np.float64), rowvar=False)
    )
    strongest = directions[:, np.argsort(-values)[:COMPONENTS]]

    assert basis.T @ basis == pytest.approx(np.eye(COMPONENTS), abs=1e-4)
    assert np.abs(np.diag(basis.T @ strongest)) == pytest.approx(np.ones(COMPONENTS), abs=2e-2)


def test_views_of_few_directions_are_given_back_by_the_basis() -> None:
    inputs = drawn()
    rng = np.random.default_rng(1)
    few = rng.normal(size=(IMAGES, PLACES, 5)) @ rng.normal(size=(5, DIM)) + 2.0
    inputs = replace(inputs, tokens=few.astype(np.float32))
    preparation = fit_preparation(inputs, everything())
    mean, basis = preparation.token_mean[0].numpy(), preparation.basis[0].numpy()

    again = (inputs.tokens - mean) @ basis @ basis.T + mean

    assert again == pytest.approx(inputs.tokens, abs=1e-3)


def test_a_short_embedding_fills_the_components_that_it_can() -> None:
    inputs = drawn()
    inputs = replace(inputs, tokens=inputs.tokens[:, :, :6], semantic=inputs.semantic[:, :10])
    preparation = fit_preparation(inputs, everything())

    prepared = preparation.prepared(inputs)

    assert preparation.embedding_dim == 6
    assert preparation.vector_inputs == COMPONENTS + REST
    assert torch.equal(prepared.tokens[..., 6:], torch.zeros(1, IMAGES, PLACES, COMPONENTS - 6))
    assert torch.equal(prepared.vectors[..., 6:COMPONENTS], torch.zeros(1, IMAGES, COMPONENTS - 6))


def test_images_without_a_candidate_are_not_measured() -> None:
    inputs = drawn()
    part = inputs.only(np.flatnonzero(inputs.image_of_row < IMAGES - 2))
    elsewhere = inputs.semantic.copy()
    elsewhere[-2:] += 50.0
    tokens = inputs.tokens.copy()
    tokens[-2:] -= 9.0

    before = fit_preparation(part, everything()).tensors()
    after = fit_preparation(
        replace(part, semantic=elsewhere, tokens=tokens), everything()
    ).tensors()

    for name, value in before.items():
        assert torch.equal(value, after[name]), name


def test_a_member_measures_only_what_it_may_see() -> None:
    inputs = drawn()
    half = IMAGES // 2
    allowed = everything(2)
    allowed[1, :half] = False
    hidden = inputs.image_of_row < half
    rng = np.random.default_rng(2)
    vectors, tokens = inputs.semantic.copy(), inputs.tokens.copy()
    rows, cells = inputs.rows.copy(), inputs.cells.copy()
    vectors[:half] = rng.normal(100.0, 9.0, size=vectors[:half].shape)
    tokens[:half] = rng.normal(-7.0, 9.0, size=tokens[:half].shape)
    rows[hidden] *= -50.0
    cells[hidden] *= -50.0
    poisoned = replace(inputs, semantic=vectors, tokens=tokens, rows=rows, cells=cells)

    before = fit_preparation(inputs, allowed).tensors()
    after = fit_preparation(poisoned, allowed).tensors()

    for name, value in before.items():
        assert torch.equal(value[1], after[name][1]), name
        assert not torch.allclose(value[0], after[name][0]), name


def test_missing_numbers_are_left_out_of_means_and_become_0() -> None:
    inputs = drawn()
    column, cell = FEATURE_NAMES.index("peer_mean"), CELL_NAMES.index("region")
    inputs.rows[::2, column] = np.nan
    inputs.cells[:, 3, cell] = np.nan
    preparation = fit_preparation(inputs, everything())
    place = ROW_NAMES.index("peer_mean")

    prepared = preparation.prepared(inputs)

    known = inputs.rows[1::2, column]
    assert preparation.row_mean[0, place] == pytest.approx(known.mean(), rel=1e-4)
    assert preparation.row_scale[0, place] == pytest.approx(known.std(), rel=1e-4)
    others = np.delete(inputs.cells[:, :, cell], 3, axis=1)
    assert preparation.cell_mean[0, cell] == pytest.approx(others.mean(), rel=1e-4)
    assert prepared.rows[0, ::2, place].tolist() == [0.0] * len(known)
    assert prepared.cells[0, :, 3, cell].tolist() == [0.0] * len(inputs)
    assert torch.isfinite(prepared.rows).all()
    assert torch.isfinite(prepared.cells).all()


def flags_of(preparation: Preparation, row: np.ndarray) -> dict[str, float]:  # type: ignore[type-arg]
    flags = preparation.rows(row[None])[0, 0, NUMBERS:].tolist()
    return dict(zip(ROW_GROUPS, flags, strict=True))


def test_a_group_that_is_missing_as_a_whole_is_marked() -> None:
    inputs = drawn()
    preparation = fit_preparation(inputs, everything())
    row = inputs.rows[0].copy()
    for name in GROUPS["taps"]:
        row[FEATURE_NAMES.index(name)] = np.nan
    row[FEATURE_NAMES.index(GROUPS["picture"][0])] = np.nan  # one of several is no mark

    assert flags_of(preparation, inputs.rows[0]) == dict.fromkeys(ROW_GROUPS, 0.0)
    assert flags_of(preparation, row) == dict.fromkeys(ROW_GROUPS, 0.0) | {"taps": 1.0}


def test_wild_numbers_are_clipped() -> None:
    inputs = drawn()
    preparation = fit_preparation(inputs, everything())
    wild = replace(
        inputs,
        rows=np.full_like(inputs.rows, 1e9),
        cells=np.full_like(inputs.cells, -1e9),
        semantic=np.full_like(inputs.semantic, -1e9),
    )

    prepared = preparation.prepared(wild)

    assert prepared.rows[:, :, :NUMBERS].max() == CLIP
    assert prepared.cells.min() == -CLIP
    assert prepared.vectors.abs().max() == CLIP


def test_a_number_that_never_occurs_or_never_varies_does_no_harm() -> None:
    inputs = drawn()
    inputs.rows[:, FEATURE_NAMES.index(ROW_NAMES[0])] = np.nan
    inputs.rows[:, FEATURE_NAMES.index(ROW_NAMES[1])] = 0.25
    inputs.cells[:, :, 0], inputs.cells[:, :, 1] = np.nan, 0.5
    inputs.semantic[:, -1] = 3.0
    prepared = fit_preparation(inputs, everything()).prepared(inputs)

    assert torch.equal(prepared.rows[0, :, :2], torch.zeros(len(inputs), 2))
    assert torch.equal(prepared.cells[..., :2], torch.zeros(1, len(inputs), PLACES, 2))
    assert prepared.vectors[0, :, -1].numpy() == pytest.approx(np.zeros(IMAGES))


def test_a_member_of_one_image_has_plain_numbers() -> None:
    allowed = np.zeros((1, IMAGES), dtype=bool)
    allowed[0, 3] = True

    preparation = fit_preparation(drawn(), allowed)

    for name, value in preparation.tensors().items():
        assert torch.isfinite(value).all(), name


def test_likeness_weighs_what_tells_whose_errors_are_alike() -> None:
    inputs = drawn()
    longer = np.random.default_rng(1).normal(size=(IMAGES, DIM + 2 + len(IMAGE_STATISTICS)))
    inputs = replace(inputs, semantic=longer.astype(np.float32))
    preparation = fit_preparation(inputs, everything())

    found = preparation.likeness(inputs)

    rows = preparation.rows(inputs.rows).mean(dim=0).numpy() / np.sqrt(ROW_INPUTS)
    seen = preparation.vectors(inputs.semantic)[0].numpy()[inputs.image_of_row]
    seen = seen / np.sqrt(seen.shape[1])
    assert found.shape == (len(inputs), ROW_INPUTS + seen.shape[1])
    for group in ROW_GROUPS:
        own = [ROW_NAMES.index(name) for name in GROUPS[group]]
        weight = LIKENESS.get(group, 1.0)
        assert found[:, own] == pytest.approx(weight * rows[:, own], rel=1e-5, abs=1e-6)
    statistics = len(IMAGE_STATISTICS)
    pictured, encoded = found[:, -statistics:], found[:, ROW_INPUTS : ROW_INPUTS + COMPONENTS]
    expected = LIKENESS_STATISTICS * seen[:, -statistics:]
    assert pictured == pytest.approx(expected, rel=1e-5, abs=1e-6)
    expected = LIKENESS_EMBEDDING * seen[:, :COMPONENTS]
    assert encoded == pytest.approx(expected, rel=1e-5, abs=1e-6)

"""Stacked autoencoders and k-means: planted clusters, the mode filter, any number of bands."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score

from rsqa_core.errors import InvalidInputError
from rsqa_core.segmenters.autoencoders import (
    ClusteringOptions,
    cluster_bands,
    mode_filtered,
    stretched_by_pixel,
)


def planted(
    bands: int, groups: int = 4, side: int = 48
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Blocks of 12 px, each of one group's spectrum at a brightness of its own."""
    rng = np.random.default_rng(3)
    spectra = np.stack([np.roll(np.linspace(0.1, 1, bands), k) for k in range(groups)])
    blocks = rng.integers(0, groups, (side // 12, side // 12))
    truth = np.kron(blocks, np.ones((12, 12), int)).astype(np.uint8)
    light = np.kron(rng.uniform(50, 4000, blocks.shape), np.ones((12, 12)))
    values = spectra[truth].transpose(2, 0, 1) * light
    return (values * rng.normal(1, 0.01, values.shape)).astype(np.float32), truth


@pytest.mark.parametrize("bands", [4, 6, 13])
def test_planted_groups_are_recovered(bands: int) -> None:
    values, truth = planted(bands)

    found = cluster_bands(values, ClusteringOptions(clusters=4, mode_px=3))

    assert adjusted_rand_score(truth.ravel(), found.labels.ravel()) > 0.95
    assert found.calinski_harabasz > 500
    assert 0 < found.davies_bouldin < 0.6


def test_too_many_clusters_are_worse_by_both_scores() -> None:
    values, _ = planted(6)
    right, many = (cluster_bands(values, ClusteringOptions(clusters=k)) for k in (4, 12))

    assert right.davies_bouldin < many.davies_bouldin


def test_memberships_sum_to_1_and_name_the_label() -> None:
    values, _ = planted(5)
    found = cluster_bands(values, ClusteringOptions(clusters=6))

    assert found.memberships.shape == (6, 48, 48)
    assert found.memberships.sum(axis=0) == pytest.approx(np.ones((48, 48)), abs=1e-5)
    assert np.array_equal(found.memberships.argmax(axis=0), found.labels)


def test_the_mode_filter_agrees_with_counting() -> None:
    labels = np.random.default_rng(0).integers(0, 3, (11, 9)).astype(np.uint8)
    filtered = mode_filtered(labels, 3, 7)

    padded = np.pad(labels, 3, mode="symmetric")
    for y, x in np.ndindex(*labels.shape):
        counts = np.bincount(padded[y : y + 7, x : x + 7].ravel(), minlength=3)
        assert filtered[y, x] == counts.argmax()


def test_a_pixel_is_stretched_by_its_own_extremes() -> None:
    pixels = np.array([[1, 3, 2], [10, 30, 20], [4, 4, 4]], dtype=np.float32)

    assert stretched_by_pixel(pixels).tolist() == [[0, 1, 0.5], [0, 1, 0.5], [0, 0, 0]]


def test_an_image_of_one_colour_is_one_cluster() -> None:
    found = cluster_bands(np.ones((3, 8, 8), dtype=np.float32))

    assert found.labels.max() == 0
    assert found.memberships.tolist() == np.ones((1, 8, 8)).tolist()
    assert np.isnan([found.calinski_harabasz, found.davies_bouldin]).all()


def test_neither_threads_nor_random_numbers_of_the_process_change() -> None:
    torch.manual_seed(5)
    before = (torch.get_num_threads(), torch.random.get_rng_state())
    values, _ = planted(4)
    first = cluster_bands(values)
    torch.manual_seed(6)
    second = cluster_bands(values)

    torch.manual_seed(5)
    assert torch.get_num_threads() == before[0]
    assert torch.equal(torch.random.get_rng_state(), before[1])
    assert np.array_equal(first.code, second.code)


def test_other_forms_are_refused() -> None:
    for bands in (np.ones((1, 4, 4)), np.ones((4, 4)), np.full((3, 4, 4), np.nan)):
        with pytest.raises(InvalidInputError, match="finite values with B >= 2"):
            cluster_bands(bands.astype(np.float32))

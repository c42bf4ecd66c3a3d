"""What counts as like the training: directions that vary there, and how far new scenes lie."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from rsqa_core.heads.familiarity import (
    COMPONENTS,
    MARGIN,
    QUANTILE,
    SHRINKAGE,
    measure_seen,
    squared_distance,
)

LENGTH = 20


def drawn(count: int = 60, seed: int = 0) -> Tensor:
    """Vectors that vary along three directions, and hardly elsewhere."""
    rng = np.random.default_rng(seed)
    directions = np.random.default_rng(9).normal(size=(3, LENGTH))
    found = rng.normal(size=(count, 3)) @ directions + 0.01 * rng.normal(size=(count, LENGTH))
    return torch.from_numpy(found.astype(np.float32))


def away(vectors: Tensor, found: dict[str, Tensor]) -> Tensor:
    kept = {name: value[None] for name, value in found.items() if name != "limit"}
    return squared_distance(vectors, **kept)[0]


def test_it_is_the_mahalanobis_distance_of_the_shrunk_covariance() -> None:
    vectors, asked = drawn(), drawn(5, seed=1) + 0.3
    found = measure_seen(vectors, ["one"] * 60)

    values = vectors.double().numpy()
    scaled = (values - values.mean(axis=0)) / values.std(axis=0)
    covariance = scaled.T @ scaled / len(scaled)
    lengths, directions = np.linalg.eigh(covariance)
    lengths[:-COMPONENTS] = 0.0  # what is left of the others is called noise
    shrunk = directions @ np.diag((1 - SHRINKAGE) * lengths + SHRINKAGE) @ directions.T
    z = (asked.double().numpy() - values.mean(axis=0)) / values.std(axis=0)
    expected = np.einsum("ij,jk,ik->i", z, np.linalg.inv(shrunk), z) / LENGTH
    assert away(asked, found).numpy() == pytest.approx(expected, rel=1e-3)


def test_leaving_the_directions_of_the_training_is_farther_than_going_along_them() -> None:
    vectors = drawn()
    found = measure_seen(vectors, ["one"] * 60)
    z = torch.zeros(2, LENGTH)
    z[0] = found["basis"][:, 0]
    z[1, 0] = 1.0
    z[1] -= found["basis"] @ (found["basis"].T @ z[1])
    z[1] /= z[1].norm()

    along, across = away(3 * z * found["scale"] + found["mean"], found)

    assert across > 5 * along


def test_the_limit_is_how_far_a_usual_scene_lies_when_it_is_left_out() -> None:
    vectors = drawn(80)
    groups = [f"scene {i // 20}" for i in range(80)]
    vectors[60:] += 4.0 * torch.randn(LENGTH, generator=torch.Generator().manual_seed(0))

    found = measure_seen(vectors, groups)

    reached = []
    for start in range(0, 80, 20):
        out = torch.arange(80).sub(start).div(20, rounding_mode="floor") == 0
        others = measure_seen(vectors[~out], ["rest"] * 60)
        reached.append(np.quantile(away(vectors[out], others).numpy(), QUANTILE))
    assert float(found["limit"]) == pytest.approx(MARGIN * np.median(reached), rel=1e-5)
    assert float(found["limit"]) < 0.2 * max(reached)  # the strange scene does not set it


@pytest.mark.parametrize("count", [1, 3])
def test_few_images_give_finite_numbers(count: int) -> None:
    found = measure_seen(drawn(count), [f"scene {i}" for i in range(count)])

    assert all(bool(torch.isfinite(value).all()) for value in found.values())
    assert float(found["limit"]) > 0
    assert found["basis"].shape == (LENGTH, COMPONENTS)

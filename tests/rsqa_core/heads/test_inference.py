"""A folded head says what its network says."""

from __future__ import annotations

import pytest
import torch

from rsqa_core.heads.gating import GatedHead
from rsqa_core.heads.inference import FoldedHead, can_be_folded
from tests.rsqa_core.heads.test_gating import IMAGE_OF_ROW, VECTOR, WIDTH, random_inputs
from tests.rsqa_core.heads.test_gating import random_head as random_network


@pytest.mark.parametrize("anchored", [True, False])
def test_a_folded_head_says_what_its_network_says(anchored: bool) -> None:
    network = random_network()
    network.anchored = anchored
    prepared, guess = random_inputs()

    with torch.inference_mode():
        expected = network(prepared, IMAGE_OF_ROW, guess)
        found = FoldedHead(network)(prepared, IMAGE_OF_ROW, guess)

    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    assert expected.std() > 1  # the comparison is of something


def test_no_input_is_changed() -> None:
    prepared, guess = random_inputs()
    before = [values.clone() for values in (*vars_of(prepared), guess)]

    with torch.inference_mode():
        FoldedHead(random_network())(prepared, IMAGE_OF_ROW, guess)

    for now, then in zip((*vars_of(prepared), guess), before, strict=True):
        assert torch.equal(now, then)


@pytest.mark.parametrize(
    ("gate", "branch", "can"),
    [
        ("two-way", "both", True),
        ("one-way", "both", False),
        ("none", "both", False),
        ("two-way", "semantic", False),
    ],
)
def test_only_the_full_network_is_folded(gate: str, branch: str, can: bool) -> None:
    assert can_be_folded(GatedHead(1, VECTOR, WIDTH, gate, branch=branch)) == can


def vars_of(prepared: object) -> list[torch.Tensor]:
    return [getattr(prepared, name) for name in ("vectors", "tokens", "rows", "cells")]

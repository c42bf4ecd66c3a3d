"""The fusion block against the formulas written out for one member at a time."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from rsqa_core.features.names import FEATURE_NAMES
from rsqa_core.heads.gating import GATES, PRIOR, GatedHead

MEMBERS, COUNT, SEMANTIC, SEGMENTATION, WIDTH = 3, 7, 5, len(FEATURE_NAMES) + 2, 4


def random_head(gate: str, seed: int = 0) -> GatedHead:
    """A head whose weights, scales and shifts are all random, so that no term is zero."""
    torch.manual_seed(seed)
    head = GatedHead(MEMBERS, SEMANTIC, SEGMENTATION, WIDTH, gate).eval()
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.copy_(torch.randn_like(parameter))
    return head


def one_member(head: GatedHead, member: int, semantic: Tensor, segmentation: Tensor) -> Tensor:
    """q before the sigmoid for (N, Ds) and (N, Df), with torch's own linear and layer norm."""

    def linear(name: str, values: Tensor) -> Tensor:
        layer = getattr(head, name)
        return functional.linear(values, layer.weight[member].T, layer.bias[member, 0])

    def norm(name: str, values: Tensor) -> Tensor:
        layer = getattr(head, name)
        return functional.layer_norm(
            values, values.shape[-1:], layer.scale[member, 0], layer.shift[member, 0]
        )

    gelu = functional.gelu
    s, f = linear("project_s", semantic), linear("project_f", segmentation)
    if head.gate == "none":
        fused = torch.cat([s, f], dim=-1)
    else:
        s1, f1 = gelu(linear("w1", norm("norm_s", s))), gelu(linear("w2", norm("norm_f", f)))
        if head.gate == "two-way":
            s = s + linear("w3", s1 * f1)
        fused = f + s + linear("w4", f1 * s1)
    hidden = gelu(linear("hidden", norm("norm_out", fused)))
    known = sum(
        weight * segmentation[:, FEATURE_NAMES.index(name)] for name, weight in PRIOR.items()
    )
    learnt = linear("out", hidden) + linear("linear", segmentation)
    return learnt[:, 0] + head.gain[member] * known


@pytest.mark.parametrize("gate", GATES)
def test_every_member_follows_the_formulas(gate: str) -> None:
    head = random_head(gate)
    semantic = torch.randn(MEMBERS, COUNT, SEMANTIC)
    segmentation = torch.randn(MEMBERS, COUNT, SEGMENTATION)

    with torch.inference_mode():
        logits = head(semantic, segmentation)
        for member in range(MEMBERS):
            expected = one_member(head, member, semantic[member], segmentation[member])
            torch.testing.assert_close(logits[member], expected, rtol=1e-4, atol=1e-4)
    assert logits.shape == (MEMBERS, COUNT)


def test_gates_differ() -> None:
    semantic = torch.randn(MEMBERS, COUNT, SEMANTIC)
    segmentation = torch.randn(MEMBERS, COUNT, SEGMENTATION)

    with torch.inference_mode():
        two, one = (random_head(gate)(semantic, segmentation) for gate in ("two-way", "one-way"))

    assert not torch.allclose(two, one, atol=1e-2)


def test_what_one_member_is_given_does_not_reach_another() -> None:
    head = random_head("two-way")
    semantic = torch.randn(MEMBERS, COUNT, SEMANTIC)
    segmentation = torch.randn(MEMBERS, COUNT, SEGMENTATION)
    changed = segmentation.clone()
    changed[1] += 1.0

    with torch.inference_mode():
        before, after = head(semantic, segmentation), head(semantic, changed)

    assert torch.equal(before[[0, 2]], after[[0, 2]])
    assert not torch.allclose(before[1], after[1])


def test_an_untrained_head_goes_by_the_three_plain_signals() -> None:
    torch.manual_seed(0)
    head = GatedHead(MEMBERS, SEMANTIC, SEGMENTATION, WIDTH).eval()
    segmentation = torch.zeros(MEMBERS, 3, SEGMENTATION)
    segmentation[:, 0, FEATURE_NAMES.index("peer_mean")] = 2.0
    segmentation[:, 1, FEATURE_NAMES.index("max_prob_mean")] = -1.0
    segmentation[:, 2, FEATURE_NAMES.index("peer_max")] = 5.0  # none of the three

    with torch.inference_mode():
        logits = head(torch.randn(MEMBERS, 3, SEMANTIC), segmentation)

    torch.testing.assert_close(logits, torch.tensor([1.0, -0.2, 0.0]).expand(MEMBERS, 3))


def test_members_start_from_different_weights() -> None:
    torch.manual_seed(0)
    weight = GatedHead(MEMBERS, SEMANTIC, SEGMENTATION, WIDTH).w1.weight

    assert not torch.allclose(weight[0], weight[1])


def test_dropout_acts_in_training_only() -> None:
    head = random_head("two-way")
    semantic = torch.randn(MEMBERS, COUNT, SEMANTIC)
    segmentation = torch.randn(MEMBERS, COUNT, SEGMENTATION)

    quiet = [head(semantic, segmentation) for _ in range(2)]
    head.train()
    noisy = [head(semantic, segmentation) for _ in range(2)]

    assert torch.equal(*quiet)
    assert not torch.equal(*noisy)

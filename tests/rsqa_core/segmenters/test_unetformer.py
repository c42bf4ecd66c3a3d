"""The network of our own writing: what its parts compute. Weights are random."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from rsqa_core.segmenters.unetformer import Fusion, UNetFormer, WindowAttention, _averaged


@pytest.fixture(scope="module")
def network() -> UNetFormer:
    torch.manual_seed(0)
    return UNetFormer("mobilenetv4_conv_small_050", 3, width=16, heads=4).eval()


@pytest.mark.parametrize("sides", [(32, 32), (64, 96)])
def test_logits_have_the_size_of_the_image(network: UNetFormer, sides: tuple[int, int]) -> None:
    with torch.inference_mode():
        logits = network(torch.randn(2, 3, *sides))

    assert logits.shape == (2, 3, *sides)
    assert logits.isfinite().all()


def test_every_weight_learns(network: UNetFormer) -> None:
    network.train()
    network(torch.randn(2, 3, 64, 64)).square().mean().backward()

    still = [
        name
        for name, weight in network.named_parameters()
        if weight.grad is None or not weight.grad.abs().sum() > 0
    ]
    network.zero_grad(set_to_none=True)
    network.eval()
    # The key's scale of a window of equal values and the like may rest; whole layers may not.
    assert still == []


def test_attention_agrees_with_working_out_one_window_by_hand() -> None:
    torch.manual_seed(1)
    side, heads, width = 2, 2, 4
    attention = WindowAttention(width, window=side, heads=heads)
    x = torch.randn(1, width, side, side)

    seen = attention(x)

    places = x[0].reshape(width, -1).T
    query, key, value = (attention.qkv.weight[:, :, 0, 0] @ places.T).reshape(3, width, -1)
    grid = torch.zeros(width, side, side)
    for head in range(heads):
        part = slice(head * 2, head * 2 + 2)
        for p in range(side**2):
            weights = torch.zeros(side**2)
            for q in range(side**2):
                dy, dx = p // side - q // side, p % side - q % side
                bias = attention.bias[head, (dy + side - 1) * (2 * side - 1) + dx + side - 1]
                weights[q] = query[part, p] @ key[part, q] / 2**0.5 + bias
            mixed = value[part] @ functional.softmax(weights, dim=0)
            grid[part, p // side, p % side] = mixed
    expected = _averaged(grid[None], (2, 1)) + _averaged(grid[None], (1, 2))
    assert torch.allclose(seen, expected, atol=1e-5)


def test_windows_do_not_see_each_other_but_their_averages_do() -> None:
    torch.manual_seed(2)
    attention = WindowAttention(8, window=4, heads=2)
    x = torch.randn(1, 8, 8, 8)
    changed = x.clone()
    changed[:, :, 0, 0] += 5

    moved = (attention(x) - attention(changed)).abs().amax(dim=(0, 1)) > 1e-6

    assert moved[:4, :4].all()
    assert not moved[6:, 6:].any()  # the window across, out of reach of a mean of four
    assert moved[4, :4].any()  # the next one below sees it through the mean along columns


def test_a_mean_slides_over_repeated_edges() -> None:
    row = torch.tensor([1.0, 2.0, 6.0]).view(1, 1, 1, 3)

    assert _averaged(row, (1, 3)).flatten().tolist() == pytest.approx([4 / 3, 3, 14 / 3])
    assert _averaged(row, (1, 2)).flatten().tolist() == pytest.approx([1.5, 4.0, 6.0])


def test_fusion_begins_with_equal_shares() -> None:
    fusion = Fusion(3, 2).eval()
    fusion.after = torch.nn.Identity()
    deep, skip = torch.randn(1, 2, 2, 2), torch.randn(1, 3, 4, 4)

    raised = functional.interpolate(deep, size=(4, 4), mode="bilinear")
    assert torch.allclose(fusion(deep, skip), (raised + fusion.skip(skip)) / 2, atol=1e-6)

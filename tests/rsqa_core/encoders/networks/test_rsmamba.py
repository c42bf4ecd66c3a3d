"""RSMamba from a checkpoint in mmpretrain's layout."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional

from rsqa_core.encoders.networks.rsmamba import (
    RSMamba,
    RSMambaConfig,
    build_rsmamba,
    infer_rsmamba,
    remap_rsmamba,
)
from rsqa_core.errors import InvalidInputError, UnreadableFileError
from tests.rsqa_core.encoders.networks.layouts import rsmamba_checkpoint

SIZES = RSMambaConfig(size_px=32, stride_px=4)


def network(tokens: int = 64, seed: int = 0) -> RSMamba:
    state = remap_rsmamba(rsmamba_checkpoint(tokens))
    built = build_rsmamba(replace(infer_rsmamba(state, SIZES), shuffle_seed=seed))
    assert isinstance(built, RSMamba)
    built.load_state_dict(state, strict=True)
    return built.eval()


def pictures(n: int = 2) -> torch.Tensor:
    return torch.randn(n, 3, 32, 32, generator=torch.Generator().manual_seed(5))


def test_the_defaults_are_the_base_models() -> None:
    with torch.device("meta"):
        base = build_rsmamba(RSMambaConfig())

    assert sum(weight.numel() for weight in base.parameters()) == 6_377_088  # theirs too
    assert RSMambaConfig().tokens == 28**2


def test_sizes_are_read_off_the_weights() -> None:
    found = infer_rsmamba(remap_rsmamba(rsmamba_checkpoint()), SIZES)

    assert found == RSMambaConfig(
        size_px=32,
        patch_px=8,
        stride_px=4,
        tokens=64,
        dim=8,
        inner=16,
        layers=2,
        states=4,
        dt_rank=2,
    )


@pytest.mark.parametrize(("tokens", "side"), [(64, 8), (49, 7)])
def test_the_number_of_tokens_says_whether_edges_are_padded(tokens: int, side: int) -> None:
    with torch.inference_mode():
        pooled, grid = network(tokens)(pictures())

    assert pooled.shape == (2, 8)
    assert grid.shape == (2, side, side, 8)


def test_edges_are_padded_at_the_right_and_the_bottom() -> None:
    built, seen = network(tokens=64), []
    built.patch_embed.register_forward_pre_hook(lambda _, given: seen.append(given[0]))

    with torch.inference_mode():
        built(pictures())

    assert seen[0].shape == (2, 3, 36, 36)
    assert torch.equal(seen[0][..., :32, :32], pictures())
    assert float(seen[0][..., 32:, :].abs().max()) == float(seen[0][..., 32:].abs().max()) == 0


def test_any_other_number_of_tokens_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"49 or 64 tokens.*but got 50"):
        build_rsmamba(replace(SIZES, patch_px=8, tokens=50))


def test_pooled_is_the_normed_mean_of_the_grid() -> None:
    built = network()
    with torch.inference_mode():
        pooled, grid = built(pictures())
        assert torch.allclose(built.ln2(grid.mean((1, 2))), pooled, atol=1e-5)


def test_each_path_is_read_in_its_order_and_weighed_by_the_gate() -> None:
    built = network()
    mixer, gate = built.layers[0], built.gates[0]
    assert isinstance(gate, nn.Linear)
    x = torch.randn(1, 64, 8, generator=torch.Generator().manual_seed(1))
    order = torch.randperm(64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        normed = functional.layer_norm(x, (8,), built.pre_norm.weight, built.pre_norm.bias, 1e-6)
        shuffled = torch.empty(1, 64, 8)
        shuffled[:, order] = mixer(normed[:, order])
        paths = [mixer(normed), mixer(normed.flip(1)).flip(1), shuffled]
        logits = torch.cat([path.mean(1) for path in paths], 1) @ gate.weight.T
        weights = logits.softmax(1)[0]
        expected = sum(weight * path for weight, path in zip(weights, paths, strict=True))

        found = built._mixed(x, mixer, gate, torch.Generator().manual_seed(0))

    assert torch.allclose(found, torch.as_tensor(expected), atol=1e-5)


def test_the_same_image_gives_the_same_vector_whatever_was_drawn_before() -> None:
    built = network()
    with torch.inference_mode():
        first, _ = built(pictures())
        torch.randperm(10)
        second, _ = built(pictures())
        alone, _ = built(pictures()[:1])

    assert torch.equal(first, second)
    assert torch.allclose(alone, first[:1], atol=1e-6)


def test_the_seed_of_the_shuffled_path_matters() -> None:
    with torch.inference_mode():
        one, other = (network(seed=seed)(pictures())[0] for seed in (0, 1))

    assert float((one - other).abs().max()) > 1e-4


def test_a_foreign_key_is_refused_by_name() -> None:
    state = rsmamba_checkpoint()
    state["state_dict"]["backbone.layers.0.in_proj.bias"] = torch.ones(32)

    with pytest.raises(UnreadableFileError, match=r"backbone\.layers\.0\.in_proj\.bias"):
        remap_rsmamba(state)


def test_other_bands_or_sizes_are_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"\(N, 3, 32, 32\) floats, but got \(1, 4, 32"):
        network()(torch.zeros(1, 4, 32, 32))

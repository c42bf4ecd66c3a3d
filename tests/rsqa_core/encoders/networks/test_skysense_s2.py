"""SkySense's Sentinel-2 encoder, against torch's own transformer layer."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from rsqa_core.encoders.networks.skysense import (
    PREPROCESSING_S2,
    SkySenseS2Config,
    build_skysense_s2,
    infer_skysense_s2,
    remap_skysense_s2,
)
from rsqa_core.errors import InvalidInputError, UnreadableFileError
from tests.rsqa_core.encoders.networks.layouts import skysense_checkpoint, skysense_s2_shapes

HEADS = SkySenseS2Config(heads=2)


def network() -> nn.Module:
    state = remap_skysense_s2(skysense_checkpoint())
    built = build_skysense_s2(infer_skysense_s2(state, HEADS))
    built.load_state_dict(state, strict=True)
    return built.eval()


def pictures() -> Tensor:
    return torch.randn(2, 10, 8, 8, generator=torch.Generator().manual_seed(2))


def test_the_defaults_are_the_published_model() -> None:
    with torch.device("meta"):
        size = sum(weight.numel() for weight in build_skysense_s2().parameters())

    assert size == 302_738_432  # as the authors' code has it
    assert len(PREPROCESSING_S2.bands) == SkySenseS2Config().bands


def test_sizes_are_read_off_the_weights() -> None:
    found = infer_skysense_s2(remap_skysense_s2(skysense_checkpoint()), HEADS)

    assert found == SkySenseS2Config(10, 8, 4, dim=8, layers=2, heads=2, inner=16)


def test_it_is_a_vision_transformer_without_a_last_norm() -> None:
    weights = skysense_checkpoint()["model"]

    def of(name: str) -> Tensor:
        tensor: Tensor = weights[f"backbone_s2.{name}"]
        return tensor

    x = nn.functional.conv2d(
        pictures(), of("patch_embed.projection.weight"), of("patch_embed.projection.bias"), 4
    )
    x = torch.cat([of("cls_token").expand(2, -1, -1), x.flatten(2).transpose(1, 2)], 1)
    x = x + of("pos_embed")
    for i in range(2):
        layer = nn.TransformerEncoderLayer(
            8, 2, 16, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        layer.load_state_dict(
            {
                f"{ours}{kind}": of(f"layers.{i}.{theirs}{kind}")
                for ours, theirs in (
                    ("self_attn.in_proj_", "attn.attn.in_proj_"),
                    ("self_attn.out_proj.", "attn.attn.out_proj."),
                    ("linear1.", "ffn.layers.0.0."),
                    ("linear2.", "ffn.layers.1."),
                    ("norm1.", "ln1."),
                    ("norm2.", "ln2."),
                )
                for kind in ("weight", "bias")
            }
        )
        with torch.no_grad():
            x = layer(x)

    with torch.inference_mode():
        pooled, grid = network()(pictures())

    assert torch.allclose(grid, x[:, 1:].view(2, 2, 2, 8), atol=1e-5)
    assert torch.allclose(pooled, x[:, 1:].mean(1), atol=1e-5)


def test_the_encoders_own_file_gives_the_same_network() -> None:
    whole = skysense_checkpoint()["model"]
    own = {key.removeprefix("backbone_s2."): whole[key] for key in skysense_s2_shapes()}
    own["ctpe"] = whole["ctpe"]

    found, expected = remap_skysense_s2(own), remap_skysense_s2({"model": whole})

    assert found.keys() == expected.keys()
    assert all(torch.equal(found[key], expected[key]) for key in found)


def test_a_foreign_key_is_refused_by_name() -> None:
    state = skysense_checkpoint()
    state["model"]["backbone_s2.ln1.weight"] = torch.ones(8)

    with pytest.raises(UnreadableFileError, match=r"backbone_s2\.ln1\.weight"):
        remap_skysense_s2(state)


def test_other_bands_and_sizes_are_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"\(N, 10, 8, 8\) floats, but got \(2, 9, 8, 8\)"):
        network()(pictures()[:, :9])
    with pytest.raises(InvalidInputError, match="a multiple of 4 px, but got 6 px"):
        build_skysense_s2(replace(HEADS, size_px=6))

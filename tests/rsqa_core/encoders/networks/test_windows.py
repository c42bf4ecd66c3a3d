"""Swin Transformer V2 of SatVision-TOA and SkySense HR, against timm's and in their layouts."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
import timm.models.swin_transformer_v2
import torch
from torch import Tensor, nn
from torch.nn import functional

from rsqa_core.encoders.networks.satvision import (
    SATVISION,
    build_satvision,
    infer_satvision,
    remap_satvision,
)
from rsqa_core.encoders.networks.skysense import (
    SKYSENSE_HR,
    build_skysense_hr,
    infer_skysense_hr,
    remap_skysense_hr,
)
from rsqa_core.encoders.networks.windows import Block, Merging, SwinConfig
from rsqa_core.errors import InvalidInputError, UnreadableFileError
from tests.rsqa_core.encoders.networks.layouts import (
    HR_DEPTHS,
    HR_HEADS,
    SATVISION_DEPTHS,
    SATVISION_HEADS,
    satvision_checkpoint,
    skysense_checkpoint,
    skysense_hr_shapes,
)

TINY_SATVISION = replace(SATVISION, size_px=32, window=4)
TINY_HR = replace(SKYSENSE_HR, size_px=64, window=2)


def satvision() -> nn.Module:
    state = remap_satvision(satvision_checkpoint())
    network = build_satvision(infer_satvision(state, TINY_SATVISION))
    network.load_state_dict(state, strict=True)
    return network.eval()


def skysense(state: dict[str, Tensor] | None = None) -> nn.Module:
    state = state or remap_skysense_hr(skysense_checkpoint())
    network = build_skysense_hr(infer_skysense_hr(state, TINY_HR))
    network.load_state_dict(state, strict=True)
    return network.eval()


def pictures(bands: int, size_px: int) -> Tensor:
    return torch.randn(2, bands, size_px, size_px, generator=torch.Generator().manual_seed(4))


def test_the_defaults_are_the_published_models() -> None:
    with torch.device("meta"):
        sizes = [
            sum(weight.numel() for weight in network.parameters())
            for network in (build_satvision(), build_skysense_hr())
        ]

    assert sizes == [2_595_047_904, 655_074_704]  # as the authors' code has them


def test_sizes_are_read_off_the_weights() -> None:
    found = infer_satvision(remap_satvision(satvision_checkpoint()), TINY_SATVISION)

    assert found == SwinConfig(14, 32, 2, 8, SATVISION_DEPTHS, SATVISION_HEADS, 4, 3)
    assert found.dim == 64
    high_resolution = infer_skysense_hr(remap_skysense_hr(skysense_checkpoint()), TINY_HR)
    assert high_resolution == SwinConfig(3, 64, 4, 8, HR_DEPTHS, HR_HEADS, 2, 3)


def timm_twin(**options: Any) -> nn.Module:
    torch.manual_seed(1)
    twin: nn.Module = timm.models.swin_transformer_v2.SwinTransformerV2(num_classes=0, **options)
    with torch.no_grad():
        for key, weight in twin.named_parameters():
            if weight.ndim == 1:
                weight.add_(0.3 * torch.randn_like(weight) + float(key.endswith("weight")))
            if key.endswith("logit_scale"):
                weight.uniform_(3, 6)  # below and above the bound, log 100
    return twin.eval()


def test_without_the_third_norm_it_is_timms_network() -> None:
    twin = timm_twin(
        img_size=32,
        patch_size=2,
        in_chans=14,
        embed_dim=8,
        depths=SATVISION_DEPTHS,
        num_heads=SATVISION_HEADS,
        window_size=4,
    )
    theirs = {
        # timm merges at a stage's start
        re.sub(r"layers\.(\d)(?=\.down)", lambda m: f"layers.{int(m[1]) - 1}", key): weight
        for key, weight in twin.state_dict().items()
    }
    state = remap_satvision(theirs)
    config = infer_satvision(state, TINY_SATVISION)
    network = build_satvision(config).eval()
    network.load_state_dict(state, strict=True)

    assert config.extra_norm_every == 0
    with torch.inference_mode():
        expected: Any = twin.forward_features(pictures(14, 32))  # type: ignore[operator]
        pooled, grid = network(pictures(14, 32))
    assert torch.allclose(grid, expected, atol=1e-5)
    assert torch.allclose(pooled, expected.mean((1, 2)), atol=1e-5)


@pytest.mark.parametrize(("build", "bands", "size_px"), [(satvision, 14, 32), (skysense, 3, 64)])
def test_every_third_norm_counts(build: Any, bands: int, size_px: int) -> None:
    network = build()
    blocks = [m for m in network.modules() if isinstance(m, Block) and m.has_extra_norm]
    assert len(blocks) == (2 if bands == 14 else 1)
    with torch.inference_mode():
        whole, _ = network(pictures(bands, size_px))
        for block in blocks:
            block.has_extra_norm = False
            reduced, _ = network(pictures(bands, size_px))
            block.has_extra_norm = True
            assert float((reduced - whole).abs().max()) > 1e-2


def test_the_third_norm_is_the_last_thing_in_its_block() -> None:
    block = Block(dim=4, heads=1, side=2, window=2, shifted=False, extra_norm=True).eval()
    x = torch.randn(1, 2, 2, 4, generator=torch.Generator().manual_seed(0))

    with torch.inference_mode():
        normed = block(x)
        block.has_extra_norm = False
        plain = block(x)

    assert torch.allclose(normed, functional.layer_norm(plain, (4,)), atol=1e-5)


def test_skysense_merges_tokens_in_the_order_of_its_weights() -> None:
    checkpoint = skysense_checkpoint()
    stage = "backbone_gep.stages.1.downsample"
    theirs = checkpoint["model"]
    ours = remap_skysense_hr(checkpoint)
    merging = Merging(8)
    merging.load_state_dict(
        {
            key.removeprefix("stages.1.merging."): weight
            for key, weight in ours.items()
            if key.startswith("stages.1.merging.")
        }
    )
    x = torch.randn(1, 4, 4, 8, generator=torch.Generator().manual_seed(0))

    # How the original gathers two by two tokens.
    gathered = functional.unfold(x.permute(0, 3, 1, 2), 2, stride=2).transpose(1, 2)
    reduced = gathered @ theirs[f"{stage}.reduction.weight"].T
    expected = functional.layer_norm(
        reduced, (16,), theirs[f"{stage}.norm.weight"], theirs[f"{stage}.norm.bias"]
    )

    with torch.inference_mode():
        assert torch.allclose(merging(x), expected.view(1, 2, 2, 16), atol=1e-5)


@pytest.mark.parametrize("prefix", ["backbone.", ""])
def test_the_encoders_own_file_gives_the_same_network(prefix: str) -> None:
    whole = skysense_checkpoint()["model"]
    own = {
        key.replace("backbone_gep.", prefix): whole[key]
        for key in skysense_hr_shapes("backbone_gep.")
    }

    with torch.inference_mode():
        expected, _ = skysense()(pictures(3, 64))
        found, _ = skysense(remap_skysense_hr(own))(pictures(3, 64))

    assert torch.equal(found, expected)


def test_tokens_stand_row_by_row_from_the_top_left() -> None:
    network = skysense()
    plain = torch.zeros(1, 3, 64, 64)
    spotted = plain.clone()
    spotted[:, :, 40:, :24] = pictures(3, 64)[:1, :, 40:, :24]  # bottom left

    with torch.inference_mode():
        change = (network(spotted)[1] - network(plain)[1]).norm(dim=-1)[0]

    assert change.argmax().item() == 2  # of (2, 2): second row, first column


@pytest.mark.parametrize(
    ("remap", "checkpoint", "inside", "key"),
    [
        (remap_satvision, satvision_checkpoint, "module", "encoder.layers.0.blocks.0.gamma"),
        (remap_skysense_hr, skysense_checkpoint, "model", "backbone_gep.norm0.weight"),
    ],
)
def test_a_foreign_key_is_refused_by_name(
    remap: Any, checkpoint: Any, inside: str, key: str
) -> None:
    state = checkpoint()
    state[inside][key] = torch.ones(8)

    with pytest.raises(UnreadableFileError, match=re.escape(key)):
        remap(state)


def test_other_bands_are_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"\(N, 14, 32, 32\) floats, but got \(2, 3, 32"):
        satvision()(pictures(3, 32))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (replace(SKYSENSE_HR, size_px=224), r"Stages of \[28, 14\] tokens.*windows of 8"),
        (replace(SKYSENSE_HR, size_px=250), r"a multiple of 32 px"),
        (replace(SKYSENSE_HR, heads=(8, 16)), r"heads for each of 4 stages"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(config: SwinConfig, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        build_skysense_hr(config)

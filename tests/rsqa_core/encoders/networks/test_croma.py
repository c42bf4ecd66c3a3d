"""CROMA through torchgeo, from the authors' dictionary of five parts."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from rsqa_core.encoders.networks.croma import (
    CROMA_LARGE,
    PREPROCESSING,
    CromaConfig,
    build_croma,
    infer_croma,
    remap_croma,
)
from rsqa_core.errors import InvalidInputError, NotFoundError, UnreadableFileError
from tests.rsqa_core.encoders.networks.layouts import croma_checkpoint

TINY = CromaConfig(size_px=16)
MODALITIES = [("sar", 2), ("optical", 12), ("joint", 14)]


def network(modality: str) -> nn.Module:
    state = remap_croma(croma_checkpoint(), modality)
    built = build_croma(infer_croma(state, TINY))
    built.load_state_dict(state, strict=True)
    return built.eval()


def pictures(bands: int) -> Tensor:
    return torch.rand(2, bands, 16, 16, generator=torch.Generator().manual_seed(6))


@pytest.mark.parametrize(("modality", "bands"), MODALITIES)
def test_sizes_are_read_off_the_weights(modality: str, bands: int) -> None:
    found = infer_croma(remap_croma(croma_checkpoint(), modality), TINY)

    assert found == CromaConfig(modality, size_px=16, dim=16, layers=2)
    assert found.bands == bands == len(PREPROCESSING[modality].bands)
    assert CromaConfig("optical", 120, 1024, 24) == CROMA_LARGE


@pytest.mark.parametrize(("modality", "bands"), MODALITIES)
def test_it_gives_what_torchgeo_gives(modality: str, bands: int) -> None:
    from torchgeo.models.croma import CROMA

    parts = croma_checkpoint()
    whole = CROMA(encoder_dim=16, encoder_depth=2, num_heads=16, image_size=16).eval()
    for part, weights in parts.items():
        getattr(whole, part).load_state_dict(weights, strict=True)
    given = pictures(14)
    with torch.inference_mode():
        expected = whole(x_sar=given[:, :2], x_optical=given[:, 2:])
        mine = {"sar": given[:, :2], "optical": given[:, 2:], "joint": given}[modality]
        pooled, grid = network(modality)(mine)

    assert mine.shape[1] == bands
    assert torch.allclose(pooled, expected[f"{modality}_GAP"], atol=1e-6)
    assert torch.allclose(grid.flatten(1, 2), expected[f"{modality}_encodings"], atol=1e-6)
    assert grid.shape == (2, 2, 2, 16)


def test_a_missing_part_is_named() -> None:
    parts = croma_checkpoint()
    del parts["joint_encoder"]

    with pytest.raises(UnreadableFileError, match=r"no weights of joint_encoder.*CROMA_base\.pt"):
        remap_croma(parts)


def test_an_unknown_part_is_refused_by_name() -> None:
    with pytest.raises(UnreadableFileError, match=r"decoder\.weight"):
        remap_croma(croma_checkpoint() | {"decoder": {"weight": torch.ones(2)}})


def test_a_foreign_key_inside_a_part_does_not_load() -> None:
    parts = croma_checkpoint()
    parts["s2_encoder"]["cls_token"] = torch.ones(16)
    state = remap_croma(parts)

    with pytest.raises(RuntimeError, match=r"s2_encoder\.cls_token"):
        build_croma(infer_croma(state, TINY)).load_state_dict(state, strict=True)


def test_an_unknown_modality_is_refused_with_the_known_ones() -> None:
    with pytest.raises(NotFoundError, match="joint, optical, sar"):
        remap_croma(croma_checkpoint(), "radar")
    with pytest.raises(NotFoundError, match="joint, optical, sar"):
        build_croma(replace(TINY, modality="radar"))


def test_other_bands_and_sizes_are_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"\(N, 12, 16, 16\) floats, but got \(2, 13,"):
        network("optical")(pictures(13))
    with pytest.raises(InvalidInputError, match="a multiple of 8 px and its dim one of 16"):
        build_croma(CromaConfig(size_px=60))


def test_without_torchgeo_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchgeo.models.croma", None)

    with pytest.raises(NotFoundError, match="extra `encoders`"):
        build_croma(TINY)

"""Tiny checkpoints with the keys, shapes and wrapping of the originals, filled at random.

Written out from the originals' layouts and not from the networks under test, so that a network
with other keys cannot make a checkpoint that suits it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

Shapes = dict[str, tuple[int, ...]]


def filled(shapes: Mapping[str, tuple[int, ...]], seed: int = 0) -> dict[str, Tensor]:
    """Return seeded float32 tensors; norms scatter around 1, so that leaving one out shows."""
    draw = torch.Generator().manual_seed(seed)
    tensors = {}
    for key, shape in shapes.items():
        values = 0.3 * torch.randn(shape, generator=draw)
        is_norm = "norm" in key or ".ln" in key
        tensors[key] = values + 1 if is_norm and key.endswith("weight") else values
    return tensors


def _norm(name: str, dim: int) -> Shapes:
    return {f"{name}.weight": (dim,), f"{name}.bias": (dim,)}


def _linear(name: str, inputs: int, outputs: int) -> Shapes:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def rsmamba_shapes(tokens: int = 64) -> Shapes:
    """RSMamba: 32 px, patches of 8 px every 4 px, dim 8, 2 layers."""
    shapes: Shapes = {
        "backbone.pos_embed": (1, tokens, 8),
        "backbone.patch_embed.projection.weight": (8, 3, 8, 8),
    }
    for i in range(2):
        layer = f"backbone.layers.{i}"
        shapes |= {
            f"{layer}.A_log": (16, 4),
            f"{layer}.D": (16,),
            f"{layer}.conv1d.weight": (16, 1, 4),
            f"{layer}.conv1d.bias": (16,),
            f"{layer}.in_proj.weight": (32, 8),
            f"{layer}.x_proj.weight": (2 + 2 * 4, 16),
            **_linear(f"{layer}.dt_proj", 2, 16),
            f"{layer}.out_proj.weight": (8, 16),
            f"backbone.gate_layers.{i}.0.weight": (3, 24),
        }
    for name in ("pre_norm", "ln1", "ln2"):
        shapes |= _norm(f"backbone.{name}", 8)
    return shapes | _linear("head.fc", 8, 5)


def rsmamba_checkpoint(tokens: int = 64) -> dict[str, Any]:
    """As mmpretrain saves it."""
    return {"meta": {"epoch": 3}, "state_dict": filled(rsmamba_shapes(tokens)), "optimizer": {}}


def _window_block(attention: str, block: str, dim: int, heads: int) -> Shapes:
    return {
        **_norm(f"{block}.norm1", dim),
        **_norm(f"{block}.norm2", dim),
        f"{attention}.logit_scale": (heads, 1, 1),
        f"{attention}.q_bias": (dim,),
        f"{attention}.v_bias": (dim,),
        **_linear(f"{attention}.cpb_mlp.0", 2, 512),
        f"{attention}.cpb_mlp.2.weight": (heads, 512),
        f"{attention}.qkv.weight": (3 * dim, dim),
        **_linear(f"{attention}.proj", dim, dim),
        f"{attention}.relative_coords_table": (1, 7, 7, 2),
        f"{attention}.relative_position_index": (16, 16),
    }


SATVISION_DEPTHS = (2, 2, 6, 2)
SATVISION_HEADS = (1, 2, 2, 4)


def satvision_shapes() -> Shapes:
    """SatVision-TOA: 32 px, patches of 2 px, width 8, windows of 4, a third norm every 3 blocks."""
    shapes: Shapes = {"encoder.mask_token": (1, 1, 8), "encoder.patch_embed.proj.bias": (8,)}
    shapes |= {"encoder.patch_embed.proj.weight": (8, 14, 2, 2)}
    shapes |= _norm("encoder.patch_embed.norm", 8) | _norm("encoder.norm", 64)
    for stage, (depth, heads) in enumerate(zip(SATVISION_DEPTHS, SATVISION_HEADS, strict=True)):
        dim = 8 * 2**stage
        layer = f"encoder.layers.{stage}"
        for i in range(depth):
            block = f"{layer}.blocks.{i}"
            shapes |= _window_block(f"{block}.attn", block, dim, heads)
            shapes |= _linear(f"{block}.mlp.fc1", dim, 4 * dim)
            shapes |= _linear(f"{block}.mlp.fc2", 4 * dim, dim)
            if i % 2:
                shapes[f"{block}.attn_mask"] = (16, 16, 16)
            if (i + 1) % 3 == 0:
                shapes |= _norm(f"{block}.norm3", dim)
        if stage < 3:
            shapes[f"{layer}.downsample.reduction.weight"] = (2 * dim, 4 * dim)
            shapes |= _norm(f"{layer}.downsample.norm", 2 * dim)
    return shapes | {"decoder.0.weight": (20, 64, 1, 1), "decoder.0.bias": (20,)}


def satvision_checkpoint() -> dict[str, Any]:
    """As DeepSpeed saves it."""
    return {"module": filled(satvision_shapes()), "ds_version": "0.14", "lr_scheduler": None}


HR_DEPTHS = (2, 2, 3, 2)
HR_HEADS = (1, 2, 2, 4)


def skysense_hr_shapes(prefix: str = "backbone_gep.") -> Shapes:
    """SkySense HR: 64 px, patches of 4 px, width 8, windows of 2, a third norm every 3 blocks."""
    shapes: Shapes = {f"{prefix}mask_token": (1, 1, 8)}
    shapes |= {
        f"{prefix}patch_embed.projection.weight": (8, 3, 4, 4),
        f"{prefix}patch_embed.projection.bias": (8,),
    }
    shapes |= _norm(f"{prefix}patch_embed.norm", 8) | _norm(f"{prefix}norm3", 64)
    for stage, (depth, heads) in enumerate(zip(HR_DEPTHS, HR_HEADS, strict=True)):
        dim = 8 * 2**stage
        layer = f"{prefix}stages.{stage}"
        if stage:
            shapes[f"{layer}.downsample.reduction.weight"] = (dim, 2 * dim)
            shapes |= _norm(f"{layer}.downsample.norm", dim)
        for i in range(depth):
            block = f"{layer}.blocks.{i}"
            shapes |= _window_block(f"{block}.attn.w_msa", block, dim, heads)
            shapes |= _linear(f"{block}.ffn.layers.0.0", dim, 4 * dim)
            shapes |= _linear(f"{block}.ffn.layers.1", 4 * dim, dim)
            if (i + 1) % 3 == 0:
                shapes |= _norm(f"{block}.norm3", dim)
    return shapes


def skysense_s2_shapes(prefix: str = "backbone_s2.") -> Shapes:
    """SkySense S2: 8 px, patches of 4 px, dim 8, 2 layers."""
    shapes: Shapes = {
        f"{prefix}cls_token": (1, 1, 8),
        f"{prefix}pos_embed": (1, 5, 8),
        f"{prefix}patch_embed.projection.weight": (8, 10, 4, 4),
        f"{prefix}patch_embed.projection.bias": (8,),
    }
    for i in range(2):
        layer = f"{prefix}layers.{i}"
        shapes |= _norm(f"{layer}.ln1", 8) | _norm(f"{layer}.ln2", 8)
        shapes |= {
            f"{layer}.attn.attn.in_proj_weight": (24, 8),
            f"{layer}.attn.attn.in_proj_bias": (24,),
            **_linear(f"{layer}.attn.attn.out_proj", 8, 8),
            **_linear(f"{layer}.ffn.layers.0.0", 8, 16),
            **_linear(f"{layer}.ffn.layers.1", 16, 8),
        }
    return shapes


def skysense_checkpoint() -> dict[str, Any]:
    """The whole model in one file."""
    others: Shapes = {
        "backbone_s1.cls_token": (1, 1, 8),
        "fusion.layers.0.ln1.weight": (8,),
        "head_gep.mlp.0.weight": (4, 8),
        "head_s2.up.0.weight": (8, 8, 2, 2),
        "ctpe": (1, 365, 8),
    }
    shapes = skysense_hr_shapes() | skysense_s2_shapes() | others
    return {"model": filled(shapes)}


def _croma_layer(name: str, kinds: tuple[str, ...], dim: int) -> Shapes:
    shapes: Shapes = {}
    for i, kind in enumerate(kinds):
        part = f"{name}.{i}"
        shapes |= _norm(f"{part}.input_norm", dim)
        if kind == "ffn":
            shapes |= _linear(f"{part}.net.0", dim, 4 * dim)
            shapes |= _linear(f"{part}.net.3", 4 * dim, dim)
            continue
        projections = ("to_qkv",) if kind == "self" else ("to_q", "to_k", "to_v")
        for projection in projections:
            width = 3 * dim if projection == "to_qkv" else dim
            shapes[f"{part}.{projection}.weight"] = (width, dim)
        shapes |= _linear(f"{part}.to_out", dim, dim)
    return shapes


def croma_checkpoint() -> dict[str, Any]:
    """CROMA: dim 16, 2 optical layers, 1 of each other kind."""
    dim = 16
    parts: dict[str, Any] = {}
    for branch, bands, depth in (("s1", 2, 1), ("s2", 12, 2)):
        shapes = _linear("linear_input", 64 * bands, dim) | _norm("transformer.norm_out", dim)
        for i in range(depth):
            shapes |= _croma_layer(f"transformer.layers.{i}", ("self", "ffn"), dim)
        parts[f"{branch}_encoder"] = filled(shapes, seed=bands)
        gap = _norm("0", dim) | _linear("1", dim, 4 * dim) | _linear("3", 4 * dim, dim)
        parts[f"{branch}_GAP_FFN"] = filled(gap, seed=bands + 1)
    joint = _croma_layer("layers.0", ("self", "cross", "ffn"), dim) | _norm("norm_out", dim)
    parts["joint_encoder"] = filled(joint, seed=9)
    return parts

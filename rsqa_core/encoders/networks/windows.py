"""Swin Transformer V2: attention in shifted windows, shared by SatVision-TOA and SkySense."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from rsqa_core.encoders.networks.checkpoints import count, needed
from rsqa_core.encoders.networks.inputs import check_batch
from rsqa_core.errors import InvalidInputError

BIAS_HIDDEN = 512
"""Width of the network that turns distances into attention biases."""


@dataclass(frozen=True, slots=True)
class SwinConfig:
    """Sizes of a Swin Transformer V2.

    Attributes:
        bands: number of input bands.
        size_px: side of the input.
        patch_px: side of a patch.
        width: length of a token in the first stage; it doubles with each further one.
        depths: blocks of each stage.
        heads: attention heads of each stage.
        window: side of a window in tokens. A stage that is no larger than a window is one window.
        extra_norm_every: every such block of a stage ends with one more norm; 0 for none.
    """

    bands: int
    size_px: int
    patch_px: int
    width: int
    depths: tuple[int, ...]
    heads: tuple[int, ...]
    window: int
    extra_norm_every: int

    @property
    def dim(self) -> int:
        """Length of the embedding."""
        return self.width << (len(self.depths) - 1)


def _split(x: Tensor, axis: int, sizes: tuple[int, ...]) -> Tensor:
    return torch.unflatten(x, axis, sizes)


class WindowAttention(nn.Module):
    """Cosine attention among the tokens of a window, biased by their distance."""

    def __init__(self, dim: int, heads: int, window: int) -> None:
        super().__init__()
        self.heads = heads
        self.window = window
        self.logit_scale = nn.Parameter(torch.full((heads, 1, 1), math.log(10.0)))
        self.cpb_mlp = nn.Sequential(
            nn.Linear(2, BIAS_HIDDEN), nn.ReLU(), nn.Linear(BIAS_HIDDEN, heads, bias=False)
        )
        self.qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.q_bias = nn.Parameter(torch.zeros(dim))
        self.v_bias = nn.Parameter(torch.zeros(dim))
        self.proj = nn.Linear(dim, dim)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Return (B, W, T, D) for B images of W windows of T tokens.

        Args:
            x: (B, W, T, D).
            mask: (W, 1, T, T), added to the logits; None where windows are not shifted.
        """
        bias = torch.cat([self.q_bias, torch.zeros_like(self.q_bias), self.v_bias])
        qkv = functional.linear(x, self.qkv.weight, bias)
        # (3, B, W, heads, T, D / heads)
        q, k, v = _split(qkv, -1, (3, self.heads, -1)).permute(3, 0, 1, 4, 2, 5)
        # The bound keeps trained scales from becoming so large that attention saturates.
        scale = self.logit_scale.clamp(max=math.log(100.0)).exp()
        logits = self._distance_bias() if mask is None else self._distance_bias() + mask
        seen = functional.scaled_dot_product_attention(
            functional.normalize(q, dim=-1) * scale,
            functional.normalize(k, dim=-1),
            v,
            attn_mask=logits.expand(*q.shape[:-1], q.shape[-2]),
            scale=1.0,
        )
        projected: Tensor = self.proj(seen.transpose(2, 3).flatten(-2))
        return projected

    def _distance_bias(self) -> Tensor:
        """Return (heads, T, T): for each pair of tokens, from their distance on a log scale."""
        side = self.window
        steps = torch.arange(1 - side, side, dtype=self.proj.weight.dtype)
        relative = 8 * steps / max(side - 1, 1)
        logs = relative.sign() * torch.log2(relative.abs() + 1) / math.log2(8)
        table = self.cpb_mlp(torch.cartesian_prod(logs, logs))
        rows, columns = torch.cartesian_prod(torch.arange(side), torch.arange(side)).unbind(1)
        down = rows[:, None] - rows[None, :] + side - 1
        right = columns[:, None] - columns[None, :] + side - 1
        bias: Tensor = 16 * torch.sigmoid(table[down * (2 * side - 1) + right])
        return bias.permute(2, 0, 1)


class Block(nn.Module):
    """Attention and a perceptron, each normed before it is added; perhaps a norm at the end."""

    def __init__(
        self, dim: int, heads: int, side: int, window: int, shifted: bool, extra_norm: bool
    ) -> None:
        super().__init__()
        self.side = side
        self.window = min(window, side)
        self.shift = window // 2 if shifted and side > window else 0
        self.attn = WindowAttention(dim, heads, self.window)
        self.norm1 = nn.LayerNorm(dim)
        self.mlp = nn.Sequential()
        self.mlp.add_module("fc1", nn.Linear(dim, 4 * dim))
        self.mlp.add_module("act", nn.GELU())
        self.mlp.add_module("fc2", nn.Linear(4 * dim, dim))
        self.norm2 = nn.LayerNorm(dim)
        if extra_norm:
            self.norm3 = nn.LayerNorm(dim)
        self.has_extra_norm = extra_norm

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, side, side, D) for the same."""
        x = x + self.norm1(self._attended(x))
        x = x + self.norm2(self.mlp(x))
        # Left out, the residual stream of a deep network grows without bound.
        return self.norm3(x) if self.has_extra_norm else x

    def _attended(self, x: Tensor) -> Tensor:
        shift, window = self.shift, self.window
        if shift:
            x = x.roll((-shift, -shift), (1, 2))
        across = self.side // window
        # (B, rows, window, columns, window, D) to (B, windows, tokens, D)
        cut = _split(_split(x, 2, (across, window)), 1, (across, window))
        windows = cut.transpose(2, 3).flatten(3, 4).flatten(1, 2)
        seen = self.attn(windows, self._mask() if shift else None)
        whole = _split(_split(seen, 2, (window, window)), 1, (across, across))
        x = whole.transpose(2, 3).flatten(3, 4).flatten(1, 2)
        return x.roll((shift, shift), (1, 2)) if shift else x

    def _mask(self) -> Tensor:
        """Return (W, 1, T, T): -100 between tokens that only the shift has made neighbours."""
        place = torch.arange(self.side)
        part = (place >= self.side - self.window).int() + (place >= self.side - self.shift).int()
        region = part[:, None] * 3 + part[None, :]
        across = self.side // self.window
        cut = _split(_split(region, 1, (across, self.window)), 0, (across, self.window))
        windows = cut.transpose(1, 2).flatten(2, 3).flatten(0, 1)
        apart = windows[:, :, None] != windows[:, None, :]
        return torch.zeros(apart.shape).masked_fill(apart, -100.0)[:, None]


class Merging(nn.Module):
    """Joins two by two tokens into one of twice the length."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.reduction = nn.Linear(4 * dim, 2 * dim, bias=False)
        self.norm = nn.LayerNorm(2 * dim)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, h / 2, w / 2, 2 D) for (B, h, w, D)."""
        pairs = _split(_split(x, 2, (-1, 2)), 1, (-1, 2))  # (B, h, 2, w, 2, D)
        joined = pairs.permute(0, 1, 3, 4, 2, 5).flatten(3)  # down first, then right
        merged: Tensor = self.norm(self.reduction(joined))
        return merged


class Swin(nn.Module):
    """The whole network; ``forward`` gives pooled vectors and the grid of the last stage."""

    def __init__(self, config: SwinConfig) -> None:
        super().__init__()
        self.config = config
        patch = config.patch_px
        self.patch_embed = nn.Conv2d(config.bands, config.width, patch, patch)
        self.patch_norm = nn.LayerNorm(config.width)
        self.stages = nn.ModuleList()
        for number, side in enumerate(_sides(config)):
            dim = config.width * 2**number
            stage = nn.Module()
            if number:
                stage.add_module("merging", Merging(dim // 2))
            period = config.extra_norm_every
            blocks = (
                Block(
                    dim,
                    config.heads[number],
                    side,
                    config.window,
                    shifted=i % 2 == 1,
                    extra_norm=bool(period) and (i + 1) % period == 0,
                )
                for i in range(config.depths[number])
            )
            stage.add_module("blocks", nn.Sequential(*blocks))
            self.stages.append(stage)
        self.norm = nn.LayerNorm(config.dim)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Encode (N, C, S, S) float32 images.

        Returns:
            (N, D) means of the tokens, and the (N, h, w, D) tokens.
        """
        check_batch(images, self.config.bands, self.config.size_px)
        x = self.patch_norm(self.patch_embed(images).permute(0, 2, 3, 1))
        for stage in self.stages:
            for part in stage.children():  # merging, where there is one, then blocks
                x = part(x)
        x = self.norm(x)
        return x.mean((1, 2)), x


def _sides(config: SwinConfig) -> list[int]:
    """Return the tokens a side of each stage.

    Raises:
        InvalidInputError: a stage cannot be cut into whole windows.
    """
    smallest = config.patch_px * 2 ** (len(config.depths) - 1)
    if config.size_px % smallest or len(config.heads) != len(config.depths):
        raise InvalidInputError(
            f"Expected the size to be a multiple of {smallest} px and heads for each of "
            f"{len(config.depths)} stages, but got {config.size_px} px and {config.heads}."
        )
    sides = [config.size_px // config.patch_px // 2**i for i in range(len(config.depths))]
    odd = [side for side in sides if side > config.window and side % config.window]
    if odd:
        raise InvalidInputError(
            f"Stages of {odd} tokens a side cannot be cut into windows of {config.window}. Choose "
            f"another size than {config.size_px} px."
        )
    return sides


def infer_swin(state: Mapping[str, Tensor], base: SwinConfig) -> SwinConfig:
    """Return the sizes of remapped weights; input size and window are taken from ``base``.

    Raises:
        UnreadableFileError: a tensor that shows a size is missing.
    """
    patches = needed(state, "patch_embed.weight")
    stages = count(state, r"stages\.(\d+)\.")
    depths = tuple(count(state, rf"stages\.{i}\.blocks\.(\d+)\.") for i in range(stages))
    scales = [needed(state, f"stages.{i}.blocks.0.attn.logit_scale") for i in range(stages)]
    extra = [
        i + 1
        for stage, depth in enumerate(depths)
        for i in range(depth)
        if f"stages.{stage}.blocks.{i}.norm3.weight" in state
    ]
    return dataclasses.replace(
        base,
        bands=patches.shape[1],
        patch_px=patches.shape[2],
        width=patches.shape[0],
        depths=depths,
        heads=tuple(scale.shape[0] for scale in scales),
        extra_norm_every=min(extra, default=0),
    )

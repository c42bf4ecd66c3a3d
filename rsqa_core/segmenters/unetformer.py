"""A real-time network after UNetFormer: a small convolutional backbone, attention in the decoder.

Each decoder stage looks both ways: convolutions see the neighbourhood, self-attention inside
windows sees further, and averaging along the rows and columns of the windows lets them exchange
what they saw (Wang et al. 2022, "UNetFormer", ISPRS Journal 190). Written from the paper.
"""

from __future__ import annotations

from typing import Any

import timm
import torch
from torch import Tensor, nn
from torch.nn import functional


class UNetFormer(nn.Module):
    """Logits at full resolution from images whose sides are multiples of 32 px.

    Args:
        backbone: a timm model with features at strides 4, 8, 16 and 32.
        classes: output channels.
        width: channels of the decoder, a multiple of ``heads``.
        window: side of an attention window, in places of a stage.
        heads: attention heads of a stage.
    """

    def __init__(
        self, backbone: str, classes: int, *, width: int = 64, window: int = 8, heads: int = 8
    ) -> None:
        super().__init__()
        self.encoder = timm.create_model(backbone, pretrained=False, features_only=True)
        levels: Any = self.encoder.feature_info
        strides = levels.reduction()
        channels = [
            count for count, stride in zip(levels.channels(), strides, strict=True) if stride >= 4
        ]
        self._skipped = len(strides) - len(channels)
        self.enter = _conv(channels[-1], width, 1)
        self.stages = nn.ModuleList(
            GlobalLocalBlock(width, window=window, heads=heads) for _ in channels[:-1]
        )
        self.fusions = nn.ModuleList(Fusion(count, width) for count in reversed(channels[:-1]))
        self.decoder = Refinement(width)
        self.head = nn.Conv2d(width, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, 3, H, W) to (N, classes, H, W)."""
        levels: list[Tensor] = self.encoder(x)[self._skipped :]
        y = self.enter(levels[-1])
        skips = reversed(levels[:-1])
        for stage, fusion, skip in zip(self.stages, self.fusions, skips, strict=True):
            y = fusion(stage(y), skip)
        logits: Tensor = self.head(self.decoder(y))
        return functional.interpolate(
            logits, size=x.shape[2:], mode="bilinear", align_corners=False
        )


class Fusion(nn.Module):
    """Adds a skip connection to the upsampled deeper level, with learned shares."""

    def __init__(self, skip_channels: int, width: int) -> None:
        super().__init__()
        self.skip = nn.Conv2d(skip_channels, width, 1, bias=False)
        self.shares = nn.Parameter(torch.ones(2))
        self.after = _conv(width, width, 3)

    def forward(self, deep: Tensor, skip: Tensor) -> Tensor:
        share = functional.softmax(self.shares, dim=0)
        raised = functional.interpolate(
            deep, size=skip.shape[2:], mode="bilinear", align_corners=False
        )
        fused: Tensor = self.after(share[0] * raised + share[1] * self.skip(skip))
        return fused


class GlobalLocalBlock(nn.Module):
    """Global-local attention and a small per-place network, both residual."""

    def __init__(self, width: int, *, window: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(width)
        self.local3 = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False),
            nn.Conv2d(width, width, 1, bias=False),
            nn.BatchNorm2d(width),
        )
        self.local1 = nn.Sequential(nn.Conv2d(width, width, 1, bias=False), nn.BatchNorm2d(width))
        self.attention = WindowAttention(width, window=window, heads=heads)
        self.out = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False),
            nn.BatchNorm2d(width),
            nn.Conv2d(width, width, 1, bias=False),
        )
        self.norm2 = nn.BatchNorm2d(width)
        self.mlp = nn.Sequential(
            nn.Conv2d(width, 2 * width, 1), nn.GELU(), nn.Conv2d(2 * width, width, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm1(x)
        x = x + self.out(self.local3(y) + self.local1(y) + self.attention(y))
        mixed: Tensor = x + self.mlp(self.norm2(x))
        return mixed


class WindowAttention(nn.Module):
    """Self-attention inside windows, then averages along the windows' rows and columns."""

    def __init__(self, width: int, *, window: int, heads: int) -> None:
        super().__init__()
        self.window = window
        self.heads = heads
        self.qkv = nn.Conv2d(width, 3 * width, 1, bias=False)
        self.bias = nn.Parameter(torch.zeros(heads, (2 * window - 1) ** 2))
        nn.init.trunc_normal_(self.bias, std=0.02)
        place = torch.arange(window)
        offset = place[:, None] - place[None, :] + window - 1
        table = offset[:, None, :, None] * (2 * window - 1) + offset[None, :, None, :]
        self.table: Tensor
        self.register_buffer("table", table.reshape(window**2, window**2), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        count, width, height, length = x.shape
        side = self.window
        padded = functional.pad(x, (0, -length % side, 0, -height % side))
        rows, columns = padded.shape[2] // side, padded.shape[3] // side
        parts = self.qkv(padded).reshape(
            count, 3, self.heads, width // self.heads, rows, side, columns, side
        )
        # (3, windows, heads, places, channels of a head)
        query, key, value = parts.permute(1, 0, 4, 6, 2, 5, 7, 3).reshape(
            3, count * rows * columns, self.heads, side**2, width // self.heads
        )
        bias = self.bias[:, self.table][None]
        seen = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        seen = seen.reshape(count, rows, columns, self.heads, side, side, width // self.heads)
        grid = seen.permute(0, 3, 6, 1, 4, 2, 5).reshape(count, width, rows * side, columns * side)
        grid = grid[:, :, :height, :length]
        return _averaged(grid, (side, 1)) + _averaged(grid, (1, side))


class Refinement(nn.Module):
    """Weighs places and channels of the finest level before the last convolution."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.before = _conv(width, width, 3)
        self.place = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, groups=width), nn.Sigmoid()
        )
        self.channel = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(width, width // 4, 1),
            nn.ReLU(),
            nn.Conv2d(width // 4, width, 1),
            nn.Sigmoid(),
        )
        self.after = _conv(width, width, 3, groups=width)

    def forward(self, x: Tensor) -> Tensor:
        y = self.before(x)
        refined: Tensor = functional.relu(x + self.after(y * self.place(y) + y * self.channel(y)))
        return refined


def _averaged(x: Tensor, kernel: tuple[int, int]) -> Tensor:
    """Slide a mean over ``x``, which keeps its size; its edges are repeated outwards."""
    before = tuple((side - 1) // 2 for side in kernel)
    padded = functional.pad(
        x,
        (before[1], kernel[1] - 1 - before[1], before[0], kernel[0] - 1 - before[0]),
        mode="replicate",
    )
    return functional.avg_pool2d(padded, kernel, stride=1)


def _conv(channels: int, width: int, kernel: int, **more: Any) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, width, kernel, padding=kernel // 2, bias=False, **more),
        nn.BatchNorm2d(width),
        nn.ReLU(),
    )

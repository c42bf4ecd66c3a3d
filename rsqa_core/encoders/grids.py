"""What the parts of an image are in the space that an encoder shares with text."""

from __future__ import annotations

from math import isqrt
from typing import Any

import open_clip
import torch
from open_clip.modified_resnet import ModifiedResNet
from torch import Tensor


def grid_and_pooled(model: Any, batch: Tensor) -> tuple[Tensor | None, Tensor]:
    """Encode a batch with a model of open_clip.

    A part goes through the same pooling and projection as the whole image, as if it were all there
    is. Where pooling is an average and the projection linear, parts average to the whole.

    Returns:
        the (N, h, w, D) grid, None for an architecture without one, and the (N, D) whole images;
        neither is normalised.
    """
    visual = model.visual
    if isinstance(visual, open_clip.timm_model.TimmModel):
        return _timm(visual, batch)
    if isinstance(visual, ModifiedResNet):
        return _resnet(visual, batch)
    if (
        isinstance(visual, open_clip.transformer.VisionTransformer)
        and getattr(visual, "attn_pool", None) is None
    ):
        outcome = visual.forward_intermediates(batch, indices=1, normalize_intermediates=True)
        grid = outcome["image_intermediates"][-1].permute(0, 2, 3, 1)
        projected = grid if visual.proj is None else grid @ visual.proj
        return projected, outcome["image_features"]
    return None, model.encode_image(batch)


def _timm(visual: Any, batch: Tensor) -> tuple[Tensor | None, Tensor]:
    trunk = visual.trunk
    features = trunk.forward_features(batch)
    pooled = visual.head(trunk.forward_head(features))
    if hasattr(visual.head, "pool") or getattr(trunk, "output_fmt", "NCHW") == "NHWC":
        return None, pooled  # attention pooling for one fixed size, or an order we do not know
    if features.ndim == 4:
        images, channels, height, width = features.shape
        parts = features.permute(0, 2, 3, 1).reshape(-1, channels, 1, 1)
    else:
        prefix = int(getattr(trunk, "num_prefix_tokens", 0))
        images, count, channels = features[:, prefix:].shape
        height = width = isqrt(count)
        if height * width != count:
            return None, pooled
        # Pooling may look at the class token, at the others, or at all: each is the part.
        parts = features[:, prefix:].reshape(-1, 1, channels).expand(-1, prefix + 1, -1)
    grid = visual.head(trunk.forward_head(parts))
    return grid.reshape(images, height, width, -1), pooled


def _resnet(visual: ModifiedResNet, batch: Tensor) -> tuple[Tensor, Tensor]:
    features = visual.stem(batch)
    for layer in (visual.layer1, visual.layer2, visual.layer3, visual.layer4):
        features = layer(features)
    attention = visual.attnpool
    # Attention over a single part takes its value as it is.
    grid = attention.c_proj(attention.v_proj(features.permute(0, 2, 3, 1)))
    whole: Tensor = attention(features)
    return torch.as_tensor(grid), whole

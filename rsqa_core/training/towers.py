"""The two towers of an open_clip model as training needs them, on one process or several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel

from rsqa_core.encoders import openclip as encoders
from rsqa_core.encoders.grids import grid_and_pooled
from rsqa_core.errors import InvalidInputError

RANDOM = "random"
"""Name of the start from nothing: the compact model with random weights."""

_LARGEST_SCALE = 50.0
"""Bound of the contrastive scale; a few hundred steps on few scenes overshoot open_clip's 100."""


@dataclass(frozen=True, slots=True)
class Towers:
    """A model to train.

    Attributes:
        name: of the encoder that it starts from, or ``random``.
        model: an open_clip model.
        tokenize: makes (N, L) int64 token ids of texts.
        mean: three numbers by which an image in [0, 1] is normalised; ``std`` likewise.
        side_px: side of the input that the architecture was made for.
    """

    name: str
    model: Any
    tokenize: Callable[[list[str]], Tensor]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    side_px: int

    def images(self, pictures: Sequence[NDArray[np.uint8]], side_px: int, device: str) -> Tensor:
        """Return (N, 3, side, side) float32 normalised input for (3, H, W) uint8 pictures."""
        sized = np.stack([resized(picture, side_px) for picture in pictures])
        batch = torch.from_numpy(sized).to(device).float() / 255
        mean = torch.tensor(self.mean, device=device).view(1, 3, 1, 1)
        std = torch.tensor(self.std, device=device).view(1, 3, 1, 1)
        return ((batch - mean) / std).contiguous(memory_format=torch.channels_last)

    def embed_images(
        self, pictures: Sequence[NDArray[np.uint8]], side_px: int, device: str
    ) -> NDArray[np.float32]:
        """Return (N, D) float32 unit vectors of pictures, without gradient."""
        with torch.inference_mode():
            _, pooled = grid_and_pooled(self.model, self.images(pictures, side_px, device))
            unit = functional.normalize(pooled.float(), dim=-1).cpu().numpy()
        return np.asarray(unit, dtype=np.float32)

    def embed_texts(self, texts: Sequence[str], device: str) -> NDArray[np.float32]:
        """Return (N, D) float32 unit vectors of texts, without gradient."""
        with torch.inference_mode():
            rows = self.model.encode_text(self.tokenize(list(texts)).to(device), normalize=True)
        return np.asarray(rows.float().cpu().numpy(), dtype=np.float32)


class TwoTowers(nn.Module):
    """One forward pass over images, captions and prompts, as DistributedDataParallel wants it."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        if getattr(model, "logit_bias", None) is not None:
            model.logit_bias.requires_grad_(False)  # of sigmoid losses; this one has no bias

    def forward(
        self, images: Tensor, captions: Tensor, prompts: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None, Tensor]:
        """Return unit vectors of images and captions, the grid, unit prompts and the scale."""
        grid, pooled = grid_and_pooled(self.model, images)
        texts = captions if prompts is None else torch.cat([captions, prompts])
        # For texts this short the CPU's fused attention takes over twice the time of the plain one.
        plain = texts.device.type == "cpu" and torch.is_autocast_enabled("cpu")
        with sdpa_kernel(SDPBackend.MATH) if plain else nullcontext():
            rows = self.model.encode_text(texts, normalize=True)
        own, asked = rows[: len(captions)], rows[len(captions) :]
        scale = self.model.logit_scale.exp().clamp(max=_LARGEST_SCALE)
        unit = functional.normalize(pooled, dim=-1)
        return unit, own, grid, None if prompts is None else asked, scale


def start_towers(
    name: str, *, seed: int = 0, cache_dir: Path | None = None, offline: bool = False
) -> Towers:
    """Return the model that pre-training starts from.

    Args:
        name: ``random`` for the compact model with random weights, or any encoder that
            `load_encoder` knows, which is then trained on.
        seed: of random weights.
        cache_dir: where weights of open_clip are downloaded to.
        offline: True forbids that.

    Raises:
        InvalidInputError: the encoder is none of open_clip's, or has no text tower.
        RsqaError: it cannot be loaded (see `load_encoder`).
    """
    if name == RANDOM:
        torch.manual_seed(seed)
        model: Any = encoders.build_compact()
        mean, std = open_clip.OPENAI_DATASET_MEAN, open_clip.OPENAI_DATASET_STD
        side = int(np.max(model.visual.image_size))
        return Towers(name, model, open_clip.get_tokenizer(encoders.COMPACT), mean, std, side)
    encoder = encoders.load_encoder(name, cache_dir=cache_dir, offline=offline)
    if not isinstance(encoder, encoders.OpenClipEncoder):
        raise InvalidInputError(
            f"Expected an open_clip model to go on from, but {name!r} is another kind of encoder. "
            "Name a CLIP-type encoder of `rsqa encoders list`, or `random`."
        )
    mean, std = (np.resize(v, 3) for v in (encoder.preprocessing.mean, encoder.preprocessing.std))
    return Towers(
        name,
        encoder._model,
        encoder._tokenize,
        (float(mean[0]), float(mean[1]), float(mean[2])),
        (float(std[0]), float(std[1]), float(std[2])),
        encoder.preprocessing.size_px,
    )


def resized(picture: NDArray[np.uint8], side_px: int) -> NDArray[np.uint8]:
    """Return a (3, H, W) uint8 picture as (3, side, side) uint8."""
    if picture.shape[1:] == (side_px, side_px):
        return picture
    image = Image.fromarray(np.ascontiguousarray(picture.transpose(1, 2, 0)))
    scaled = image.resize((side_px, side_px), Image.Resampling.BICUBIC)
    return np.array(scaled).transpose(2, 0, 1)

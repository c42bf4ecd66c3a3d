"""Encoders that open_clip can build: the shipped compact one, and any of its architectures."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import torch
from numpy.typing import NDArray
from open_clip.tokenizer import HFTokenizer
from torch import Tensor, nn
from torch.nn import functional

from rsqa_core.encoders.checkpoints import load_exactly, read_state
from rsqa_core.encoders.grids import grid_and_pooled
from rsqa_core.encoders.identity import fingerprint_of
from rsqa_core.encoders.preprocessing import Encoder, ImageFeatures, Preprocessing, prepare
from rsqa_core.encoders.registry import COMPACT, CONFIG_DIR
from rsqa_core.encoders.specs import EncoderSpec
from rsqa_core.progress import Progress, no_progress
from rsqa_core.settings import MODEL_HUB

__all__ = [
    "COMPACT",
    "CONFIG_DIR",
    "WEIGHTS_DIR",
    "Encoder",
    "ImageFeatures",
    "ImageTower",
    "OpenClipEncoder",
    "Preprocessing",
    "build_compact",
    "image_features",
    "load_compact",
    "load_encoder",
    "prepare",
]

WEIGHTS_DIR = Path(__file__).resolve().parents[1] / "weights" / "encoders"


class OpenClipEncoder:
    """A frozen open_clip model. Equal weights and preprocessing give an equal ``fingerprint``.

    Args:
        name: what loads it again.
        model: of open_clip.
        tokenize: its tokenizer.
        preprocessing: default: what open_clip attached to the model, the whole image squashed.
        architecture: part of the fingerprint; default: the name up to its colon.
    """

    has_text = True

    def __init__(
        self,
        name: str,
        model: Any,
        tokenize: Callable[[list[str]], Tensor],
        *,
        preprocessing: Preprocessing | None = None,
        architecture: str = "",
    ) -> None:
        self.name = name
        self._model = model.eval()
        self._tokenize = tokenize
        self.preprocessing = preprocessing or _preprocessing_of(model.visual)
        self.fingerprint = fingerprint_of(
            architecture or name.partition(":")[0], model, self.preprocessing
        )
        self.dim = int(self.encode_texts(["a"]).shape[1])

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return (N, D) float32 unit vectors of ``texts``."""
        with torch.inference_mode():
            encoded = self._model.encode_text(self._tokenize(list(texts)), normalize=True)
        return np.asarray(encoded.float().numpy(), dtype=np.float32)

    def encode_images(self, images: Sequence[NDArray[np.uint8]]) -> list[ImageFeatures]:
        """Encode images of any size.

        Args:
            images: each (3, H, W) uint8.
        """
        if not images:
            return []
        batch = torch.from_numpy(np.stack([prepare(rgb, self.preprocessing) for rgb in images]))
        with torch.inference_mode():
            grid, pooled = grid_and_pooled(self._model, batch)
        return image_features(grid, pooled)

    def image_tower(self) -> ImageTower:
        """Return what turns prepared images into grid and pooled vectors, for other runtimes."""
        return ImageTower(self._model)


class ImageTower(nn.Module):
    """The image half of an encoder: an (N, 3, S, S) batch to ``grid_and_pooled`` of it.

    An architecture without a grid gives the pooled vectors alone.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: Tensor) -> tuple[Tensor, ...]:
        grid, pooled = grid_and_pooled(self.model, batch)
        return (pooled,) if grid is None else (pooled, grid)


def image_features(grid: Tensor | None, pooled: Tensor) -> list[ImageFeatures]:
    """Return the unit vectors of each image of (N, h, w, D) ``grid`` and (N, D) ``pooled``."""
    rows = functional.normalize(pooled.float(), dim=-1).numpy()
    tokens = None if grid is None else functional.normalize(grid.float(), dim=-1).numpy()
    return [ImageFeatures(row, None if tokens is None else tokens[i]) for i, row in enumerate(rows)]


def build_compact() -> nn.Module:
    """Return the untrained compact model."""
    open_clip.add_model_config(CONFIG_DIR)
    return _untrained(COMPACT)


def load_compact(path: Path) -> OpenClipEncoder:
    """Load weights of the compact model.

    Raises:
        UnreadableFileError: the file is missing or does not fit.
    """
    model = build_compact()
    load_exactly(model, read_state(path), path)
    return OpenClipEncoder(COMPACT, model, open_clip.get_tokenizer(COMPACT))


def load_encoder(
    name: str = COMPACT,
    *,
    cache_dir: Path | None = None,
    offline: bool = False,
    hub: str = MODEL_HUB,
    progress: Progress = no_progress,
) -> Encoder:
    """Load the encoder called ``name``; see rsqa_core.encoders.loading."""
    from rsqa_core.encoders import loading  # which knows this module as one of its loaders

    return loading.load(name, cache_dir=cache_dir, offline=offline, hub=hub, progress=progress)


def build(spec: EncoderSpec, folder: Path | None = None) -> tuple[Any, Callable[[Any], Tensor]]:
    """Return the untrained model that ``spec`` describes, and its tokenizer.

    Args:
        spec: architecture, activation, context length.
        folder: with the configuration and tokenizer of text towers that transformers builds, and
            open_clip_config.json where ``spec.loader`` is open_clip_folder.
    """
    name = f"local-dir:{folder}" if spec.loader == "open_clip_folder" else spec.architecture
    text = dict(open_clip.get_model_config(name)["text_cfg"])
    options: dict[str, Any] = {}
    if spec.quick_gelu is not None:
        options["quick_gelu"] = spec.quick_gelu
    if spec.context_length is not None:
        text["context_length"] = spec.context_length
        options["text_cfg"] = text
    if folder is not None and "hf_model_name" in text:
        # The configuration of the text tower is a file here; its weights are in the checkpoint.
        text |= {"hf_model_name": str(folder / "text"), "hf_model_pretrained": False}
        options["text_cfg"] = text
    model = _untrained(name, **options)
    if folder is not None and text.get("hf_tokenizer_name"):
        return model, HFTokenizer(
            str(folder),
            context_length=text.get("context_length", open_clip.tokenizer.DEFAULT_CONTEXT_LENGTH),
            tokenizer_mode=text.get("tokenizer_mode"),
            **text.get("tokenizer_kwargs", {}),
        )
    return model, open_clip.get_tokenizer(name, context_length=spec.context_length)


def adapted(model: Any, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return ``state`` in the layout of today's open_clip, as its own loading does.

    Older checkpoints name the text tower's tensors without ``text.`` and have scalars as vectors.
    """
    state = dict(open_clip.convert.convert_state_dict(model, state))
    if "positional_embedding" in state and not hasattr(model, "positional_embedding"):
        state = open_clip.model.convert_to_custom_text_state_dict(state)
    for name in ("logit_scale", "logit_bias"):
        here = getattr(model, name, None)
        if here is not None and name in state and state[name].numel() == here.numel():
            state[name] = state[name].reshape(here.shape)
    return state


def _untrained(architecture: str, **options: Any) -> nn.Module:
    """Build a model whose weights are loaded next, without open_clip's warning that it has none."""

    def wanted(record: logging.LogRecord) -> bool:
        return not record.getMessage().startswith("No pretrained weights loaded")

    root = logging.getLogger()
    root.addFilter(wanted)
    try:
        model: nn.Module = open_clip.create_model(
            architecture, pretrained=None, load_weights=False, pretrained_text=False, **options
        )
    finally:
        root.removeFilter(wanted)
    return model


def _preprocessing_of(visual: Any) -> Preprocessing:
    size = visual.image_size
    side = int(size if isinstance(size, int) else size[0])
    mean = getattr(visual, "image_mean", None) or open_clip.OPENAI_DATASET_MEAN
    std = getattr(visual, "image_std", None) or open_clip.OPENAI_DATASET_STD
    return Preprocessing(
        side,
        (float(mean[0]), float(mean[1]), float(mean[2])),
        (float(std[0]), float(std[1]), float(std[2])),
    )

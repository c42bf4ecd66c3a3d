"""Encoders that open_clip can build: the shipped compact one, or any it knows by name."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors import safe_open
from torch import Tensor, nn
from torch.nn import functional

from rsqa_core.errors import DownloadError, InvalidInputError, UnreadableFileError

COMPACT = "rsqa-compact"
CONFIG_DIR = Path(__file__).with_name("configs")
WEIGHTS_DIR = Path(__file__).resolve().parents[1] / "weights" / "encoders"


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How an image becomes the encoder's input; part of the encoder's identity.

    The whole image is resized to ``size_px`` squared (the crop of open_clip's default would hide
    the edges of a tile) and normalised per band.
    """

    size_px: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    interpolation: str = "bicubic"
    resize: str = "squash"


@dataclass(frozen=True, slots=True)
class ImageFeatures:
    """An encoder's view of one image.

    Attributes:
        pooled: (D,) float32 unit vector in the space shared with text.
        tokens: (h, w, D) float32 unit vectors of image parts in the same space, row by row from
            the top left; None when the architecture gives no such grid.
    """

    pooled: NDArray[np.float32]
    tokens: NDArray[np.float32] | None


class OpenClipEncoder:
    """A frozen open_clip model. Equal weights and preprocessing give an equal ``fingerprint``."""

    def __init__(self, name: str, model: Any, tokenize: Callable[[list[str]], Tensor]) -> None:
        self.name = name
        self._model = model.eval()
        self._tokenize = tokenize
        self.preprocessing = _preprocessing_of(model.visual)
        self.fingerprint = _fingerprint(name, model, self.preprocessing)
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
            grid, pooled = _grid_and_pooled(self._model, batch)
        rows = functional.normalize(pooled.float(), dim=-1).numpy()
        tokens = None if grid is None else functional.normalize(grid.float(), dim=-1).numpy()
        return [
            ImageFeatures(rows[i], None if tokens is None else tokens[i])
            for i in range(len(images))
        ]


def prepare(rgb: NDArray[np.uint8], preprocessing: Preprocessing) -> NDArray[np.float32]:
    """Return the (3, S, S) float32 input of an encoder for a (3, H, W) uint8 image."""
    if rgb.ndim != 3 or rgb.shape[0] != 3 or rgb.dtype != np.uint8:
        raise InvalidInputError(
            f"Expected an image to be (3, H, W) uint8, but got {rgb.shape} {rgb.dtype}."
        )
    side = preprocessing.size_px
    picture = Image.fromarray(np.ascontiguousarray(rgb.transpose(1, 2, 0)))
    resized = picture.resize((side, side), Image.Resampling.BICUBIC)
    scaled = np.asarray(resized, dtype=np.float32) / np.float32(255)
    mean = np.asarray(preprocessing.mean, dtype=np.float32)
    std = np.asarray(preprocessing.std, dtype=np.float32)
    return np.ascontiguousarray(((scaled - mean) / std).transpose(2, 0, 1))


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
    _load_exactly(model, path)
    return OpenClipEncoder(COMPACT, model, open_clip.get_tokenizer(COMPACT))


def load_encoder(
    name: str = COMPACT, *, cache_dir: Path | None = None, offline: bool = False
) -> OpenClipEncoder:
    """Load the encoder called ``name``.

    ``rsqa-compact`` is the shipped one. ``ARCHITECTURE:TAG`` names any of open_clip's models, its
    weights downloaded into ``cache_dir`` at first use; ``ARCHITECTURE:FILE`` reads a local file.

    Raises:
        InvalidInputError: open_clip does not know the architecture or the tag.
        DownloadError: the weights are not here and cannot be fetched.
        UnreadableFileError: a weights file does not fit the architecture.
    """
    if name == COMPACT:
        return load_compact(WEIGHTS_DIR / f"{COMPACT}.safetensors")
    architecture, _, weights = name.partition(":")
    known = open_clip.list_models()
    if architecture not in known or not weights:
        raise InvalidInputError(
            f"Expected an encoder named {COMPACT!r}, ARCHITECTURE:TAG or ARCHITECTURE:FILE with an "
            f"architecture of open_clip, but got {name!r}. Example: ViT-B-32:openai."
        )
    tokenize = open_clip.get_tokenizer(architecture)
    if Path(weights).is_file():
        model = _untrained(architecture)
        _load_exactly(model, Path(weights))
        return OpenClipEncoder(name, model, tokenize)
    tags = open_clip.list_pretrained_tags_by_model(architecture)
    if weights not in tags:
        raise InvalidInputError(
            f"No weights {weights!r} for {architecture}: not a file here and not one of "
            f"open_clip's tags {', '.join(tags) or '(none)'}."
        )
    if offline:
        raise DownloadError(
            f"The weights {name} would have to be downloaded, but RSQA_OFFLINE is 1. Unset it, or "
            f"name a local file: {architecture}:FILE."
        )
    try:
        model = open_clip.create_model(
            architecture, pretrained=weights, cache_dir=str(cache_dir) if cache_dir else None
        )
    except (OSError, RuntimeError) as error:
        raise DownloadError(
            f"The weights {name} could not be downloaded: {error}. Check the network and call "
            f"again, or name a local file: {architecture}:FILE."
        ) from error
    return OpenClipEncoder(name, model, tokenize)


def _untrained(architecture: str) -> nn.Module:
    """Build a model whose weights are loaded next, without open_clip's warning that it has none."""

    def wanted(record: logging.LogRecord) -> bool:
        return not record.getMessage().startswith("No pretrained weights loaded")

    root = logging.getLogger()
    root.addFilter(wanted)
    try:
        model: nn.Module = open_clip.create_model(architecture, pretrained=None)
    finally:
        root.removeFilter(wanted)
    return model


def _load_exactly(model: nn.Module, path: Path) -> None:
    try:
        if path.suffix == ".safetensors":
            with safe_open(path, framework="pt") as stream:
                state = {key: stream.get_tensor(key) for key in stream.keys()}  # noqa: SIM118
        else:
            loaded = torch.load(path, map_location="cpu", weights_only=True)
            state = loaded.get("state_dict", loaded)
    except Exception as error:  # safetensors, pickle and zip errors have no common type
        raise UnreadableFileError(f"Cannot read encoder weights {path}: {error}") from error
    state = {
        key.removeprefix("module."): value.float() if value.is_floating_point() else value
        for key, value in state.items()
    }
    known = model.state_dict()
    missing = [key for key in known if key not in state]
    unexpected = [key for key in state if key not in known]
    misshapen = [k for k, v in state.items() if k in known and v.shape != known[k].shape]
    if missing or unexpected or misshapen:
        raise UnreadableFileError(
            f"{path} does not fit the architecture: missing {missing[:4]}, unexpected "
            f"{unexpected[:4]}, of another shape {misshapen[:4]}. Name the architecture that the "
            "file was trained with."
        )
    bad = [k for k, v in state.items() if v.is_floating_point() and not v.isfinite().all()]
    if bad:
        raise UnreadableFileError(f"{path} holds values that are not finite, in {bad[0]!r}.")
    model.load_state_dict(state)


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


def _fingerprint(name: str, model: nn.Module, preprocessing: Preprocessing) -> str:
    """Hash weights, activation (the module types) and preprocessing."""
    digest = hashlib.sha256()
    digest.update(json.dumps(asdict(preprocessing), sort_keys=True).encode())
    digest.update(name.partition(":")[0].encode())
    digest.update(" ".join(type(module).__name__ for module in model.modules()).encode())
    for key, value in sorted(model.state_dict().items()):
        digest.update(key.encode())
        digest.update(value.contiguous().numpy().tobytes())
    return digest.hexdigest()


def _grid_and_pooled(model: Any, batch: Tensor) -> tuple[Tensor | None, Tensor]:
    """Return the (N, h, w, D) grid in the shared space, where there is one, and (N, D)."""
    visual = model.visual
    if isinstance(visual, open_clip.timm_model.TimmModel) and hasattr(visual.head, "proj"):
        feature_map = visual.trunk.forward_features(batch)
        pooled = visual.head(visual.trunk.forward_head(feature_map, pre_logits=True))
        if feature_map.ndim != 4:
            return None, pooled
        # Averaging and a linear projection commute, so projected tokens average to the pooled one.
        return visual.head(feature_map.permute(0, 2, 3, 1)), pooled
    if isinstance(visual, open_clip.transformer.VisionTransformer):
        outcome = visual.forward_intermediates(batch, indices=1, normalize_intermediates=True)
        grid = outcome["image_intermediates"][-1].permute(0, 2, 3, 1)
        projected = grid if visual.proj is None else grid @ visual.proj
        return projected, outcome["image_features"]
    return None, model.encode_image(batch)

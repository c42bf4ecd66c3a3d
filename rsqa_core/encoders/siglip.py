"""SigLIP models in the format of transformers, such as Git-RSCLIP."""

from __future__ import annotations

import json
from collections.abc import Sequence
from math import isqrt
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional
from transformers import AutoTokenizer, SiglipConfig, SiglipModel

from rsqa_core.encoders.identity import fingerprint_of
from rsqa_core.encoders.preprocessing import ImageFeatures, Preprocessing, prepare
from rsqa_core.encoders.specs import EncoderSpec
from rsqa_core.errors import UnreadableFileError

_RESAMPLING = {2: "bilinear", 3: "bicubic"}
"""Pillow's numbers, as preprocessor_config.json writes them."""


def build(folder: Path) -> Any:
    """Return the untrained model of ``folder``'s config.json.

    Raises:
        UnreadableFileError: the file describes no SigLIP model.
    """
    config = _read_json(folder / "config.json")
    if config.get("model_type") != "siglip":
        raise UnreadableFileError(
            f"{folder / 'config.json'} describes a {config.get('model_type')!r}; expected 'siglip'."
        )
    return SiglipModel(SiglipConfig.from_dict(config))


class SiglipEncoder:
    """A frozen SigLIP model of transformers.

    Args:
        spec: its preprocessing is compared with the folder's configuration, or taken from there.
        model: with its weights.
        folder: with configuration and tokenizer.

    Raises:
        UnreadableFileError: spec and configuration disagree, or the tokenizer cannot be read.
    """

    has_text = True

    def __init__(self, spec: EncoderSpec, model: Any, folder: Path) -> None:
        self.name = spec.id
        self._model = model.eval()
        self.preprocessing = _preprocessing(spec, model, folder)
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(str(folder))
        except (OSError, ValueError) as error:
            raise UnreadableFileError(f"Cannot read the tokenizer in {folder}: {error}") from error
        self._length = min(
            spec.context_length or 64, model.config.text_config.max_position_embeddings
        )
        self.fingerprint = fingerprint_of(spec.architecture, model, self.preprocessing)
        self.dim = int(model.config.vision_config.hidden_size)

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return (N, D) float32 unit vectors of ``texts``, each padded to the full length.

        SigLIP reads the last position, so padding is part of what it was trained on.
        """
        tokens = self._tokenizer(
            list(texts),
            padding="max_length",
            truncation=True,
            max_length=self._length,
            return_tensors="pt",
        )
        with torch.inference_mode():
            encoded = self._model.text_model(input_ids=tokens["input_ids"]).pooler_output
        return np.asarray(functional.normalize(encoded.float(), dim=-1).numpy(), dtype=np.float32)

    def encode_images(self, images: Sequence[NDArray[np.uint8]]) -> list[ImageFeatures]:
        """Encode images of any size, each (3, H, W) uint8.

        A part of the image goes through the attention pooling as if it were the whole image.
        """
        if not images:
            return []
        batch = torch.from_numpy(np.stack([prepare(rgb, self.preprocessing) for rgb in images]))
        vision = self._model.vision_model
        with torch.inference_mode():
            seen = vision(pixel_values=batch)
            hidden = seen.last_hidden_state
            count, width = hidden.shape[1:]
            side = isqrt(count)
            parts = vision.head(hidden.reshape(-1, 1, width)).reshape(-1, side, side, width)
        pooled = functional.normalize(seen.pooler_output.float(), dim=-1).numpy()
        tokens = functional.normalize(parts.float(), dim=-1).numpy()
        return [ImageFeatures(pooled[i], tokens[i]) for i in range(len(images))]


def _preprocessing(spec: EncoderSpec, model: Any, folder: Path) -> Preprocessing:
    side = int(model.config.vision_config.image_size)
    path = folder / "preprocessor_config.json"
    stated = _read_json(path) if path.is_file() else {}
    found = Preprocessing(
        side,
        tuple(float(value) for value in stated.get("image_mean", (0.5, 0.5, 0.5))),
        tuple(float(value) for value in stated.get("image_std", (0.5, 0.5, 0.5))),
        _RESAMPLING.get(stated.get("resample", 3), "bicubic"),
    )
    if spec.preprocessing is not None and spec.preprocessing != found:
        raise UnreadableFileError(
            f"The configuration in {folder} states {found}, but the encoder {spec.id!r} is "
            f"registered with {spec.preprocessing}. The files are of another model."
        )
    return found


def _read_json(path: Path) -> dict[str, Any]:
    try:
        read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UnreadableFileError(f"Cannot read {path}: {error}") from error
    return read

"""Weights files of trained encoders, and what an encoder knows without being told."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save
from torch import nn

from rsqa_core.encoders.captions import class_prompts, compose_caption
from rsqa_core.encoders.openclip import COMPACT
from rsqa_core.encoders.preprocessing import Encoder
from rsqa_core.files import write_atomically
from rsqa_core.records import VOID
from rsqa_core.training.contrastive import majority_classes
from rsqa_core.training.crops import CropOptions, CropSampler, LabelledScene


def save_encoder(path: Path, model: nn.Module, name: str = COMPACT) -> None:
    """Write the weights of the encoder ``name`` in half precision as safetensors."""
    tensors = {
        key: value.half().cpu().contiguous()
        if value.is_floating_point()
        else value.cpu().contiguous()
        for key, value in model.state_dict().items()
    }
    write_atomically(path, save(tensors, metadata={"rsqa_encoder": name}))


def evaluate_encoder(
    encoder: Encoder, scenes: Sequence[LabelledScene], classes: Sequence[str], seed: int = 0
) -> dict[str, float]:
    """Measure zero-shot tagging on crops of ``scenes``.

    Returns:
        ``token_accuracy``: share of spatial tokens whose nearest class prompt is the class of most
        of the pixels below; ``dominant_accuracy``: the same for whole crops; ``chance``: the share
        of the commonest class among tokens; ``retrieval_at_5``: share of crops whose own caption is
        among the five nearest of ``crops`` captions; ``crops``.
    """
    sampler = CropSampler(
        scenes,
        dict.fromkeys({s.source for s in scenes}, 1.0),
        CropOptions(side_px=encoder.preprocessing.size_px, zoom=(0.5, 1.5), colour=0.0),
        seed,
    )
    texts = _class_vectors(encoder, classes)
    rng = np.random.default_rng(seed)
    hits: list[float] = []
    dominant: list[float] = []
    seen: list[int] = []
    pooled, captions = [], []
    for _ in range(128):
        rgb, mask = sampler.draw()
        caption = compose_caption(mask, classes, rng)
        if caption is None:
            continue
        features = encoder.encode_images([rgb])[0]
        pooled.append(features.pooled)
        captions.append(caption)
        labels = mask[mask != VOID]
        dominant.append(float(np.argmax(texts @ features.pooled) == np.argmax(np.bincount(labels))))
        if features.tokens is None:
            continue
        grid = majority_classes(
            torch.from_numpy(mask)[None], features.tokens.shape[:2], len(classes)
        )[0]
        guess = np.argmax(features.tokens @ texts.T, axis=-1)
        valid = grid.numpy() != VOID
        hits.extend((guess == grid.numpy())[valid].astype(float))
        seen.extend(grid.numpy()[valid].tolist())
    similarity = np.stack(pooled) @ encoder.encode_texts(captions).T
    ranks = (similarity > np.diag(similarity)[:, None]).sum(axis=1)
    return {
        "token_accuracy": float(np.mean(hits)),
        "chance": float(np.bincount(seen).max() / len(seen)),
        "dominant_accuracy": float(np.mean(dominant)),
        "retrieval_at_5": float(np.mean(ranks < 5)),
        "crops": float(len(pooled)),
    }


def _class_vectors(encoder: Encoder, classes: Sequence[str]) -> np.ndarray[Any, Any]:
    rows = [encoder.encode_texts(class_prompts(name)).mean(axis=0) for name in classes]
    matrix = np.stack(rows)
    return np.asarray(matrix / np.linalg.norm(matrix, axis=1, keepdims=True))

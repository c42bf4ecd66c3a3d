"""Contrastive training of the compact encoder on captions derived from masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import torch
from numpy.typing import NDArray
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn import functional

from rsqa_core.encoders.captions import class_prompts, compose_caption
from rsqa_core.encoders.openclip import COMPACT, OpenClipEncoder, build_compact
from rsqa_core.files import write_atomically
from rsqa_core.progress import Progress, no_progress
from rsqa_core.records import VOID
from rsqa_core.training.checkpoint import Checkpoint
from rsqa_core.training.crops import CropOptions, CropSampler, LabelledScene


@dataclass(frozen=True, slots=True)
class EncoderTraining:
    """Options of one training run; crops are smaller than the input at inference for speed."""

    steps: int = 500
    batch: int = 64
    side_px: int = 128
    learning_rate: float = 1.5e-3
    weight_decay: float = 0.1
    real_share: float = 0.6
    region_weight: float = 1.0
    seed: int = 0


def train_encoder(
    scenes: Sequence[LabelledScene],
    classes: Sequence[str],
    options: EncoderTraining,
    *,
    checkpoint: Path | None = None,
    progress: Progress = no_progress,
) -> nn.Module:
    """Train the compact open_clip model on crops of ``scenes`` and captions from their masks.

    Two terms: the contrastive loss of image and caption, and a region term that makes each spatial
    token agree with the prompts of the class that covers it, which is what region-text agreement
    later reads. A stopped run goes on from ``checkpoint``.
    """
    torch.manual_seed(options.seed)
    model: Any = build_compact()
    model = model.to(memory_format=torch.channels_last)
    tokenize = open_clip.get_tokenizer(COMPACT)
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser,
        options.learning_rate,
        total_steps=options.steps,
        pct_start=0.1 if options.steps != 10 else 0.15,  # torch divides by zero in a rise of one
    )
    state = Checkpoint(
        checkpoint,
        f"{COMPACT} {asdict(options)}",
        {"model": model, "optimiser": optimiser, "schedule": schedule},
    )
    start = state.resume()
    draw = _PairSampler(scenes, classes, options, start)
    mean = torch.tensor(open_clip.OPENAI_DATASET_MEAN).view(1, 3, 1, 1)
    std = torch.tensor(open_clip.OPENAI_DATASET_STD).view(1, 3, 1, 1)
    prompts = [class_prompts(name) for name in classes]
    model.train()
    running = 0.0
    for step in range(start, options.steps):
        rgb, target, captions = draw.batch()
        images = ((rgb.float() / 255 - mean) / std).contiguous(memory_format=torch.channels_last)
        feature_map = model.visual.trunk.forward_features(images)
        tokens = model.visual.head(feature_map.permute(0, 2, 3, 1))
        pooled = functional.normalize(tokens.mean(dim=(1, 2)), dim=-1)
        texts = model.encode_text(tokenize(captions), normalize=True)
        scale = model.logit_scale.exp().clamp(max=50)
        logits = scale * pooled @ texts.T
        same = torch.tensor([[a == b for b in captions] for a in captions])
        truth = same.float() / same.float().sum(dim=1, keepdim=True)
        contrastive = -0.5 * (
            (truth * logits.log_softmax(dim=1)).sum(dim=1).mean()
            + (truth * logits.T.log_softmax(dim=1)).sum(dim=1).mean()
        )
        region = _region_loss(model, tokenize, prompts, tokens, target, scale, draw.rng)
        loss = contrastive + options.region_weight * region
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        running = 0.95 * running + 0.05 * loss.item() if running else loss.item()
        progress(f"training {COMPACT} (loss {running:.3f})", step + 1, options.steps)
        state.after_step(step + 1)
    state.remove()
    trained: nn.Module = model.eval()
    return trained


def save_encoder(path: Path, model: nn.Module) -> None:
    """Write the weights in half precision as safetensors."""
    tensors = {
        key: value.half().contiguous() if value.is_floating_point() else value.contiguous()
        for key, value in model.state_dict().items()
    }
    write_atomically(path, save(tensors, metadata={"rsqa_encoder": COMPACT}))


def evaluate_encoder(
    encoder: OpenClipEncoder, scenes: Sequence[LabelledScene], classes: Sequence[str], seed: int = 0
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
        grid = _majority(torch.from_numpy(mask)[None], features.tokens.shape[:2], len(classes))[0]
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


class _PairSampler:
    def __init__(
        self,
        scenes: Sequence[LabelledScene],
        classes: Sequence[str],
        options: EncoderTraining,
        start: int,
    ) -> None:
        real = sorted({scene.source for scene in scenes} - {"generated"})
        shares = {name: options.real_share / len(real) for name in real}
        if any(scene.source == "generated" for scene in scenes):
            shares["generated"] = 1 - options.real_share if real else 1.0
        crops = CropOptions(side_px=options.side_px, zoom=(0.25, 1.0))
        self._sampler = CropSampler(scenes, shares, crops, options.seed * 100_003 + start)
        self._classes = classes
        self._size = options.batch
        self.rng = np.random.default_rng(options.seed * 31 + start)

    def batch(self) -> tuple[Tensor, Tensor, list[str]]:
        images: list[NDArray[np.uint8]] = []
        masks: list[NDArray[np.uint8]] = []
        captions: list[str] = []
        while len(images) < self._size:
            rgb, mask = self._sampler.draw()
            caption = compose_caption(mask, self._classes, self.rng)
            if caption is not None:
                images.append(rgb)
                masks.append(mask)
                captions.append(caption)
        return torch.from_numpy(np.stack(images)), torch.from_numpy(np.stack(masks)), captions


def _region_loss(
    model: Any,
    tokenize: Any,
    prompts: Sequence[Sequence[str]],
    tokens: Tensor,
    target: Tensor,
    scale: Tensor,
    rng: np.random.Generator,
) -> Tensor:
    chosen = [str(rng.choice(texts)) for texts in prompts]
    vectors = model.encode_text(tokenize(chosen), normalize=True)
    labels = _majority(target, (tokens.shape[1], tokens.shape[2]), len(prompts))
    logits = scale * functional.normalize(tokens, dim=-1) @ vectors.T
    return functional.cross_entropy(logits.flatten(0, 2), labels.flatten(), ignore_index=VOID)


def _majority(masks: Tensor, shape: tuple[int, int], class_count: int) -> Tensor:
    """Return the commonest class of each grid cell, (N, h, w) int64; VOID if mostly unlabelled."""
    labelled = masks != VOID
    planes = torch.stack([(masks == k).float() for k in range(class_count)], dim=1)
    shares = functional.adaptive_avg_pool2d(planes, shape)
    known = functional.adaptive_avg_pool2d(labelled[:, None].float(), shape)[:, 0]
    labels = shares.argmax(dim=1)
    labels[known < 0.5] = VOID
    return labels


def _class_vectors(encoder: OpenClipEncoder, classes: Sequence[str]) -> np.ndarray[Any, Any]:
    rows = [encoder.encode_texts(class_prompts(name)).mean(axis=0) for name in classes]
    matrix = np.stack(rows)
    return np.asarray(matrix / np.linalg.norm(matrix, axis=1, keepdims=True))

"""Train one segmentation network from labelled scenes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from rsqa_core.errors import InvalidInputError
from rsqa_core.metrics import confusion_matrix, iou_per_class
from rsqa_core.progress import Progress, no_progress
from rsqa_core.records import VOID
from rsqa_core.segmenters.architectures import build_network
from rsqa_core.segmenters.network import (
    FeatureReference,
    FeatureTaps,
    Segmenter,
    normalise,
)
from rsqa_core.segmenters.specs import SegmenterSpec
from rsqa_core.training.checkpoint import Checkpoint
from rsqa_core.training.crops import CropOptions, CropSampler, LabelledScene, class_frequencies


@dataclass(frozen=True, slots=True)
class SegmenterTraining:
    """Options of one training run; a checkpoint of other options is not resumed."""

    steps: int = 800
    batch: int = 8
    side_px: int = 256
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    real_share: float = 0.65
    seed: int = 0


def train_segmenter(
    spec: SegmenterSpec,
    scenes: Sequence[LabelledScene],
    class_count: int,
    options: SegmenterTraining,
    *,
    checkpoint: Path | None = None,
    progress: Progress = no_progress,
) -> tuple[nn.Module, FeatureReference]:
    """Train ``spec`` on crops of ``scenes`` and describe its decoder features.

    Scenes of source ``generated`` get ``1 - real_share`` of the crops, all others the rest. With
    ``checkpoint`` a stopped run goes on where it was; the file is removed at the end.

    Returns:
        the network in evaluation mode and the reference of its decoder features.
    """
    torch.manual_seed(options.seed)
    network = build_network(spec, class_count).to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(
        _parameter_groups(network, options.weight_decay), lr=options.learning_rate
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, options.learning_rate, total_steps=options.steps, pct_start=0.15
    )
    state = Checkpoint(
        checkpoint,
        f"{spec} {asdict(options)}",
        {"network": network, "optimiser": optimiser, "schedule": schedule},
    )
    start = state.resume()
    sampler = _sampler(scenes, options, seed=options.seed * 100_003 + start)
    weights = _class_weights(scenes, class_count)
    network.train()
    running = 0.0
    for step in range(start, options.steps):
        rgb, target = (torch.from_numpy(part) for part in sampler.batch(options.batch))
        logits = network(normalise(rgb).contiguous(memory_format=torch.channels_last))
        loss = segmentation_loss(logits, target.long(), weights)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 2.0)
        optimiser.step()
        schedule.step()
        running = 0.95 * running + 0.05 * loss.item() if running else loss.item()
        progress(f"training {spec.name} (loss {running:.3f})", step + 1, options.steps)
        state.after_step(step + 1)
    network.eval()
    reference = describe_features(network, spec, scenes, class_count, options)
    state.remove()
    return network, reference


def segmentation_loss(logits: Tensor, target: Tensor, weights: Tensor) -> Tensor:
    """Return cross-entropy plus soft Dice over the labelled pixels of a batch.

    Args:
        logits: (N, K, H, W).
        target: (N, H, W) int64 class ids or VOID.
        weights: (K,) class weights of the cross-entropy.
    """
    entropy = functional.cross_entropy(
        logits, target, weight=weights, ignore_index=VOID, label_smoothing=0.02
    )
    valid = (target != VOID).unsqueeze(1)
    probs = logits.softmax(dim=1) * valid
    truth = functional.one_hot(target.clamp(max=logits.shape[1] - 1), logits.shape[1])
    truth = truth.permute(0, 3, 1, 2) * valid
    overlap = (probs * truth).sum(dim=(0, 2, 3))
    total = (probs + truth).sum(dim=(0, 2, 3))
    present = truth.sum(dim=(0, 2, 3)) > 0
    dice = 1 - (2 * overlap + 1) / (total + 1)
    return entropy + 0.5 * (dice * present).sum() / present.sum().clamp(min=1)


def describe_features(
    network: nn.Module,
    spec: SegmenterSpec,
    scenes: Sequence[LabelledScene],
    class_count: int,
    options: SegmenterTraining,
    crops: int = 160,
) -> FeatureReference:
    """Measure the decoder features of ``network`` on training crops (see FeatureReference)."""
    sampler = _sampler(scenes, options, seed=options.seed + 77)
    sums: NDArray[np.float64] | None = None
    pooled: list[NDArray[np.float64]] = []
    for _ in range(crops // options.batch):
        rgb, target = sampler.batch(options.batch)
        with torch.inference_mode(), FeatureTaps(network, spec.taps) as taps:
            network(normalise(torch.from_numpy(rgb)).contiguous(memory_format=torch.channels_last))
            features = taps.outputs["decoder"]
        labels = functional.interpolate(
            torch.from_numpy(target)[:, None].float(), size=features.shape[2:], mode="nearest"
        )[:, 0].long()
        unit = functional.normalize(features, dim=1)
        rows = unit.permute(0, 2, 3, 1)
        if sums is None:
            sums = np.zeros((class_count, features.shape[1]))
        for k in range(class_count):
            sums[k] += rows[labels == k].sum(dim=0).double().numpy()
        pooled.extend(features.mean(dim=(2, 3)).double().numpy())
    if sums is None:
        raise InvalidInputError(f"Expected at least {options.batch} `crops`, but got {crops}.")
    norms = np.linalg.norm(sums, axis=1, keepdims=True)
    matrix = np.stack(pooled)
    covariance = np.cov(matrix, rowvar=False)
    shrunk = 0.8 * covariance + 0.2 * np.eye(len(covariance)) * np.trace(covariance) / len(
        covariance
    )
    return FeatureReference(
        centroids=(sums / np.maximum(norms, 1e-9)).astype(np.float32),
        pooled_mean=matrix.mean(axis=0).astype(np.float32),
        pooled_precision=np.linalg.inv(shrunk).astype(np.float32),
    )


def evaluate_segmenter(
    segmenter: Segmenter, scenes: Sequence[LabelledScene], tile_px: int = 512
) -> dict[str, float]:
    """Return overall accuracy, mean IoU and IoU per class, pooled over tiles of ``scenes``."""
    count = len(segmenter.classes)
    total = np.zeros((count, count + 1), dtype=np.int64)
    for scene in scenes:
        height, width = scene.reference_mask.shape
        for y in range(0, height, tile_px):
            for x in range(0, width, tile_px):
                window = (slice(y, y + tile_px), slice(x, x + tile_px))
                mask = segmenter.predict(np.ascontiguousarray(scene.rgb[:, *window])).mask
                total += confusion_matrix(mask, scene.reference_mask[window], count)
    ious = iou_per_class(total)
    result = {"overall_accuracy": float(np.trace(total[:, :count]) / max(total.sum(), 1))}
    result["mean_iou"] = float(np.nanmean(ious))
    result.update({f"iou_{n}": float(v) for n, v in zip(segmenter.classes, ious, strict=True)})
    return result


def _sampler(scenes: Sequence[LabelledScene], options: SegmenterTraining, seed: int) -> CropSampler:
    sources = {scene.source for scene in scenes}
    real = sorted(sources - {"generated"})
    shares = {name: options.real_share / len(real) for name in real}
    if "generated" in sources:
        shares["generated"] = 1 - options.real_share if real else 1.0
    return CropSampler(scenes, shares, CropOptions(side_px=options.side_px), seed)


def _class_weights(scenes: Sequence[LabelledScene], class_count: int) -> Tensor:
    shares = class_frequencies([scene.reference_mask for scene in scenes], class_count)
    weights = (shares + 0.02) ** -0.5
    return torch.from_numpy(weights / weights.mean()).float()


def _parameter_groups(network: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Leave norms and biases without decay."""
    decayed = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    return [
        {"params": decayed, "weight_decay": weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]

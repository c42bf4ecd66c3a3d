"""Train the base head from reference masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from rsqa_core.errors import InvalidInputError
from rsqa_core.features.names import FEATURE_NAMES, GROUPS
from rsqa_core.heads.gating import GatedHead
from rsqa_core.heads.head import COVERAGE, HeadCard, QualityHead
from rsqa_core.heads.preparation import SEGMENTATION_INPUTS, fit_preparation
from rsqa_core.progress import Progress, no_progress

_GROUP_COLUMNS = [[FEATURE_NAMES.index(n) for n in names] for names in GROUPS.values()]


@dataclass(frozen=True, slots=True)
class HeadData:
    """Labelled candidates of many images.

    Attributes:
        semantic: (I, D + rest) float32 semantic vector of each image.
        embedding_dim: D.
        sources: source sha256 of each image, I entries.
        fold_names: fold of each image by name, I entries; "" keeps an image in every training set.
        rows: (N, F) float32 description rows, NaN where missing.
        image_of_row: (N,) index into the images.
        targets: (N,) quality in 0..1.
        weights: (N,) importance of each label, 1 for a trusted one.
    """

    semantic: NDArray[np.float32]
    embedding_dim: int
    sources: tuple[str, ...]
    fold_names: tuple[str, ...]
    rows: NDArray[np.float32]
    image_of_row: NDArray[np.int64]
    targets: NDArray[np.float32]
    weights: NDArray[np.float32]

    def __post_init__(self) -> None:
        count = len(self.targets)
        if not len(self.rows) == len(self.image_of_row) == len(self.weights) == count:
            raise InvalidInputError(
                f"Expected rows, images, targets and weights of one length, but got "
                f"{len(self.rows)}, {len(self.image_of_row)}, {count} and {len(self.weights)}."
            )
        if not (
            np.isfinite(self.targets).all() and ((self.targets >= 0) & (self.targets <= 1)).all()
        ):
            raise InvalidInputError("Expected every target to be a number in [0, 1].")


@dataclass(frozen=True, slots=True)
class HeadTraining:
    """Options of training the head; ``correlation`` and ``ranking`` weigh the loss terms.

    The correlation term is off: on the sample's scenes it cost accuracy (pooled SRCC 0.899 with a
    weight of 0.02, 0.912 without).
    """

    epochs: int = 40
    images_per_batch: int = 48
    learning_rate: float = 1e-2
    weight_decay: float = 8.0
    width: int = 32
    gate: str = "two-way"
    seeds: int = 5
    correlation: float = 0.0
    ranking: float = 0.1
    group_dropout: float = 0.12
    seed: int = 0


def train_head(
    data: HeadData,
    encoder: tuple[str, str],
    options: HeadTraining,
    *,
    trained_on: tuple[str, ...] = (),
    progress: Progress = no_progress,
) -> QualityHead:
    """Train one member a fold and seed, each on every image outside its fold.

    Args:
        encoder: name and fingerprint of the encoder of the semantic vectors.

    Raises:
        InvalidInputError: fewer than two folds.
    """
    names = sorted(set(data.fold_names) - {""})
    if len(names) < 2:
        raise InvalidInputError(
            f"Expected images of at least two folds, but got {names}. Add scenes."
        )
    member_fold = tuple(fold for fold in range(len(names)) for _ in range(options.seeds))
    image_fold = np.array([names.index(n) if n else -1 for n in data.fold_names])
    allowed = np.stack([image_fold != fold for fold in member_fold])
    preparation = fit_preparation(
        data.semantic, data.rows, data.image_of_row, allowed, data.embedding_dim
    )
    torch.manual_seed(options.seed)
    network = GatedHead(
        len(member_fold),
        preparation.semantic_inputs,
        SEGMENTATION_INPUTS,
        options.width,
        options.gate,
    )
    card = HeadCard(
        encoder_name=encoder[0],
        encoder_fingerprint=encoder[1],
        folds={
            name: tuple(
                sorted({s for s, n in zip(data.sources, data.fold_names, strict=True) if n == name})
            )
            for name in names
        },
        member_fold=member_fold,
        interval=(0.1, 0.0),
        gate=options.gate,
        width=options.width,
        trained_on=trained_on,
    )
    head = QualityHead(network, preparation, card)
    fit(head, data, allowed, options, progress=progress)
    return calibrated(head, data)


def fit(
    head: QualityHead,
    data: HeadData,
    allowed: NDArray[np.bool_],
    options: HeadTraining,
    *,
    progress: Progress = no_progress,
) -> None:
    """Optimise the head's network on ``data`` in place.

    Args:
        allowed: (M, I) True where a member may learn from an image.
    """
    network = head.network.train()
    semantic = head.preparation.semantic(data.semantic)
    features = head.preparation.features(data.rows)
    targets = torch.from_numpy(data.targets.astype(np.float32))
    table = _rows_of_images(data)
    member_rows = torch.from_numpy(
        (allowed[:, data.image_of_row] * data.weights).astype(np.float32)
    )
    # Biases, scales and shifts are left alone: decaying them would pull every score to one half.
    decayed = [p for n, p in network.named_parameters() if n.endswith("weight")]
    others = [p for n, p in network.named_parameters() if not n.endswith("weight")]
    optimiser = torch.optim.AdamW(
        [
            {"params": decayed, "weight_decay": options.weight_decay},
            {"params": others, "weight_decay": 0.0},
        ],
        lr=options.learning_rate,
    )
    rng = np.random.default_rng(options.seed)
    per_epoch = -(-len(table) // options.images_per_batch)
    steps = options.epochs * per_epoch
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser,
        options.learning_rate,
        total_steps=steps,
        pct_start=0.1 if steps != 10 else 0.15,  # torch divides by zero in a rise of one step
    )
    for epoch in range(options.epochs):
        for batch in np.array_split(rng.permutation(len(table)), per_epoch):
            index, present = _batch(table, batch)
            chosen = features[:, index]
            dropped = _drop_groups(chosen, options.group_dropout, rng)
            logits = network(semantic[:, torch.from_numpy(data.image_of_row)[index]], dropped)
            loss = head_loss(
                logits, targets[index], member_rows[:, index] * present, len(batch), options
            )
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimiser.step()
            schedule.step()
        progress("training the head", epoch + 1, options.epochs)
    network.eval()


def head_loss(
    logits: Tensor, targets: Tensor, weights: Tensor, images: int, options: HeadTraining
) -> Tensor:
    """Return SmoothL1 + a (1 - PLCC) / 2 + b pairwise hinge within each image, mean over members.

    Args:
        logits: (M, B * C) with the C candidates of an image side by side.
        targets: (B * C,) in 0..1.
        weights: (M, B * C); 0 for padding and for what a member may not see.
        images: B.
    """
    score = logits.sigmoid()
    total = weights.sum(dim=1).clamp(min=1e-6)
    error = functional.smooth_l1_loss(score, targets.expand_as(score), reduction="none", beta=0.05)
    regression = (error * weights).sum(dim=1) / total
    share = weights / total[:, None]
    mean_s = (score * share).sum(dim=1, keepdim=True)
    mean_t = (targets * share).sum(dim=1, keepdim=True)
    covariance = (share * (score - mean_s) * (targets - mean_t)).sum(dim=1)
    variance_s = (share * (score - mean_s) ** 2).sum(dim=1)
    variance_t = (share * (targets - mean_t) ** 2).sum(dim=1)
    plcc = covariance / (variance_s * variance_t + 1e-8).sqrt()
    grouped = score.view(score.shape[0], images, -1)
    truth = targets.view(images, -1)
    both = weights.view(score.shape[0], images, -1)
    gap = truth[:, :, None] - truth[:, None, :]
    pair = both[..., :, None] * both[..., None, :] * (gap > 0.01)
    hinge = (0.5 * gap - (grouped[..., :, None] - grouped[..., None, :])).clamp(min=0)
    ranking = (hinge * pair).sum(dim=(1, 2, 3)) / pair.sum(dim=(1, 2, 3)).clamp(min=1e-6)
    combined = regression + options.correlation * (1 - plcc) / 2 + options.ranking * ranking
    return combined.mean()


def calibrated(head: QualityHead, data: HeadData) -> QualityHead:
    """Return the head with intervals whose half-width covers COVERAGE of out-of-fold errors.

    Only images of a named fold count, each scored by members that never saw it. Every image has
    the same say, however many candidates it has.
    """
    outside = np.array([bool(name) for name in data.fold_names])[data.image_of_row]
    rows = np.flatnonzero(outside)
    prediction = head.predict(
        data.semantic[data.image_of_row[rows]],
        data.rows[rows],
        [data.sources[i] for i in data.image_of_row[rows]],
        head.card.encoder_fingerprint,
    )
    floor = 0.03
    ratios = np.abs(prediction.score - data.targets[rows]) / (floor + prediction.spread)
    counts = np.bincount(data.image_of_row[rows], minlength=len(data.sources))
    weights = 1.0 / counts[data.image_of_row[rows]]
    order = np.argsort(ratios)
    cumulative = np.cumsum(weights[order]) / weights.sum()
    factor = float(ratios[order][np.searchsorted(cumulative, COVERAGE)])
    card = replace(head.card, interval=(floor * factor, factor))
    return QualityHead(head.network, head.preparation, card)


def _rows_of_images(data: HeadData) -> list[NDArray[np.int64]]:
    order = np.argsort(data.image_of_row, kind="stable")
    cuts = np.flatnonzero(np.diff(data.image_of_row[order])) + 1
    return [group for group in np.split(order, cuts) if group.size]


def _batch(table: Sequence[NDArray[np.int64]], images: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
    """Return row indices of whole images side by side, padded, and 1 where one is present."""
    groups = [table[int(i)] for i in images]
    width = max(len(group) for group in groups)
    index = np.zeros((len(groups), width), dtype=np.int64)
    present = np.zeros((len(groups), width), dtype=np.float32)
    for line, group in enumerate(groups):
        index[line, : len(group)] = group
        present[line, : len(group)] = 1.0
    return torch.from_numpy(index.ravel()), torch.from_numpy(present.ravel())


def _drop_groups(features: Tensor, share: float, rng: np.random.Generator) -> Tensor:
    """Make random groups of random rows missing, as imported masks have them missing."""
    if share <= 0:
        return features
    dropped = features.clone()
    for group, columns in enumerate(_GROUP_COLUMNS):
        rows = torch.from_numpy(rng.random(features.shape[1]) < share)
        chosen = dropped[:, rows]
        chosen[:, :, columns] = 0.0
        chosen[:, :, len(FEATURE_NAMES) + group] = 1.0
        dropped[:, rows] = chosen
    return dropped

"""Train the quality head: members by fold and seed, then what qualifies their scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from rsqa_core.errors import InvalidInputError
from rsqa_core.features.names import SEGMENTER_CELLS, SEGMENTER_GROUPS, names_of
from rsqa_core.heads.anchor import anchor
from rsqa_core.heads.card import HeadCard
from rsqa_core.heads.gating import GatedHead
from rsqa_core.heads.head import QualityHead
from rsqa_core.heads.preparation import ROW_GROUPS, ROW_NAMES, Prepared, fit_preparation
from rsqa_core.progress import Progress, no_progress
from rsqa_core.training.head_data import HeadData
from rsqa_core.training.qualifying import qualified

__all__ = ["HeadData", "HeadTraining", "head_loss", "train_head"]

_OWN_COLUMNS = torch.tensor([ROW_NAMES.index(name) for name in names_of(SEGMENTER_GROUPS)])
_OWN_FLAGS = torch.tensor([len(ROW_NAMES) + ROW_GROUPS.index(g) for g in SEGMENTER_GROUPS])
"""Where the prepared row holds what only a live segmenter gives, and that it is missing."""


@dataclass(frozen=True, slots=True)
class HeadTraining:
    """Options of training the head.

    Attributes:
        cells, correlation, ranking: weights of the loss terms beside the regression of the
            candidate's accuracy: regression of each cell, 1 - PLCC, pairs within an image.
        hidden: share of rows whose segmenter's numbers are hidden in a step, as those of imported
            masks are.
    """

    epochs: int = 12
    images_per_batch: int = 16
    learning_rate: float = 5e-3
    weight_decay: float = 1.0
    width: int = 64
    gate: str = "two-way"
    branch: str = "both"
    anchored: bool = True
    seeds: int = 3
    cells: float = 0.5
    correlation: float = 0.02
    ranking: float = 0.1
    hidden: float = 0.15
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
    preparation = fit_preparation(data.inputs, allowed, data.fold_names)
    torch.manual_seed(options.seed)
    network = GatedHead(
        len(member_fold),
        preparation.vector_inputs,
        options.width,
        options.gate,
        branch=options.branch,
        anchored=options.anchored,
    )
    sources = _sources_of_images(data)
    card = HeadCard(
        encoder_name=encoder[0],
        encoder_fingerprint=encoder[1],
        folds={
            name: tuple(
                sorted(
                    {s for s, n in zip(sources, data.fold_names, strict=True) if s and n == name}
                )
            )
            for name in names
        },
        member_fold=member_fold,
        gate=options.gate,
        branch=options.branch,
        width=options.width,
        anchored=options.anchored,
        trained_on=trained_on,
    )
    head = QualityHead(network, preparation, card)
    fit(head, data, allowed, options, progress=progress)
    return qualified(head, data)


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
    prepared = head.preparation.prepared(data.inputs)
    table = _Table(data, allowed)
    # Biases, scales, shifts and gains are left alone: decaying them would pull every score to one
    # half, and the gain on the first guess to knowing nothing.
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
    per_epoch = -(-len(table.groups) // options.images_per_batch)
    steps = options.epochs * per_epoch
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser,
        options.learning_rate,
        total_steps=steps,
        pct_start=0.15 if steps != 7 else 0.2,  # torch divides by zero in a rise of one step
    )
    for epoch in range(options.epochs):
        for batch in np.array_split(rng.permutation(len(table.groups)), per_epoch):
            rows, present = table.rows(batch)
            images, image_of_row = torch.unique(table.image_of_row[rows], return_inverse=True)
            taken = _taken(prepared, rows, images)
            guess = table.guess[rows]
            hide = torch.from_numpy(rng.random(len(rows)) < options.hidden)
            logits = network(_hidden(taken, hide), image_of_row, guess)
            loss = head_loss(
                logits,
                table.cell_targets[rows],
                table.cell_valid[rows],
                table.targets[rows],
                table.member_weights[:, rows] * present,
                len(batch),
                options,
            )
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimiser.step()
            schedule.step()
        progress("training the head", epoch + 1, options.epochs)
    network.eval()


def head_loss(
    logits: Tensor,
    cell_targets: Tensor,
    cell_valid: Tensor,
    targets: Tensor,
    weights: Tensor,
    images: int,
    options: HeadTraining,
) -> Tensor:
    """Return SmoothL1 of the candidate + a of its cells + b (1 - PLCC) / 2 + c pairwise hinge.

    The candidate's quality is the mean of its cells, weighted by their valid share, which is what
    its target measures.

    Args:
        logits: (M, B * C, P) with the C candidates of an image side by side.
        cell_targets, cell_valid: (B * C, P) in 0..1.
        targets: (B * C,) in 0..1.
        weights: (M, B * C); 0 for padding and for what a member may not see.
        images: B.
    """
    cells = logits.sigmoid()
    share_valid = cell_valid / cell_valid.sum(dim=1, keepdim=True).clamp(min=1e-6)
    score = (cells * share_valid).sum(dim=2)
    total = weights.sum(dim=1).clamp(min=1e-6)
    share = weights / total[:, None]
    error = functional.smooth_l1_loss(score, targets.expand_as(score), reduction="none", beta=0.05)
    regression = (error * share).sum(dim=1)
    local = functional.smooth_l1_loss(
        cells, cell_targets.expand_as(cells), reduction="none", beta=0.2
    )
    by_cell = ((local * share_valid).sum(dim=2) * share).sum(dim=1)
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
    combined = (
        regression
        + options.cells * by_cell
        + options.correlation * (1 - plcc) / 2
        + options.ranking * ranking
    )
    # The sum, so that a member's steps do not depend on how many others train beside it.
    return combined.sum()


class _Table:
    """The training rows as tensors, and which rows each image has."""

    def __init__(self, data: HeadData, allowed: NDArray[np.bool_]) -> None:
        order = np.argsort(data.image_of_row, kind="stable")
        cuts = np.flatnonzero(np.diff(data.image_of_row[order])) + 1
        self.groups = [group for group in np.split(order, cuts) if group.size]
        self.image_of_row = torch.from_numpy(data.image_of_row)
        self.targets = torch.from_numpy(data.targets.astype(np.float32))
        self.cell_targets = torch.from_numpy(np.nan_to_num(data.cell_targets).astype(np.float32))
        self.cell_valid = torch.from_numpy(data.cell_valid.astype(np.float32))
        self.guess = torch.from_numpy(anchor(data.inputs.rows, data.inputs.cells))
        balance = _balance(data.fold_names)[data.image_of_row] * data.weights
        weights = allowed[:, data.image_of_row] * balance
        self.member_weights = torch.from_numpy(weights.astype(np.float32))

    def rows(self, images: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Return rows of whole images side by side, padded, and 1 where one is present."""
        groups = [self.groups[int(i)] for i in images]
        width = max(len(group) for group in groups)
        index = np.zeros((len(groups), width), dtype=np.int64)
        present = np.zeros((len(groups), width), dtype=np.float32)
        for line, group in enumerate(groups):
            index[line, : len(group)] = group
            present[line, : len(group)] = 1.0
        return torch.from_numpy(index.ravel()), torch.from_numpy(present.ravel())


def _balance(fold_names: Sequence[str]) -> NDArray[np.float64]:
    """Return a weight for each image, so that a fold of many images does not drown the others."""
    names, inverse, counts = np.unique(
        np.array(fold_names), return_inverse=True, return_counts=True
    )
    weights: NDArray[np.float64] = (1.0 / np.sqrt(counts))[inverse]
    return weights / weights.mean() if len(names) else weights


def _taken(prepared: Prepared, rows: Tensor, images: Tensor) -> Prepared:
    return Prepared(
        prepared.vectors[:, images],
        prepared.tokens[:, images],
        prepared.rows[:, rows],
        prepared.cells[:, rows],
    )


def _hidden(prepared: Prepared, hide: Tensor) -> Prepared:
    """Hide what only a live segmenter gives, as it is missing for imported masks."""
    if not bool(hide.any()):
        return prepared
    rows, cells = prepared.rows.clone(), prepared.cells.clone()
    hidden = hide.nonzero()[:, :1]
    rows[:, hidden, _OWN_COLUMNS] = 0.0
    rows[:, hidden, _OWN_FLAGS] = 1.0
    cells[:, hidden[:, 0], :, : len(SEGMENTER_CELLS)] = 0.0
    return Prepared(prepared.vectors, prepared.tokens, rows, cells)


def _sources_of_images(data: HeadData) -> list[str]:
    found = [""] * len(data.fold_names)
    for image, source in zip(data.image_of_row, data.places.sources, strict=True):
        found[int(image)] = source
    return found

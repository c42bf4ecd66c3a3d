"""Contrastive training of an image and a text tower on picked pairs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from rsqa_core.encoders.captions import class_prompts
from rsqa_core.errors import InvalidInputError, UnreadableFileError
from rsqa_core.progress import Progress, no_progress
from rsqa_core.records import VOID
from rsqa_core.training.checkpoint import Checkpoint
from rsqa_core.training.crops import augment_colour
from rsqa_core.training.pairs import LeftOut, PickedPair
from rsqa_core.training.processes import gather_rows, process_count, process_rank, summed
from rsqa_core.training.towers import Towers, TwoTowers, resized

PRECISIONS = ("float32", "bfloat16", "float16")
_ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class ContrastiveTraining:
    """Options of one training.

    Attributes:
        steps: optimiser steps.
        batch: pairs a step, over all processes together.
        side_px: side of the training images.
        learning_rate: highest of the one-cycle schedule.
        weight_decay: of AdamW.
        region_weight: weight of the region term; 0 leaves it out.
        colour: strength of the colour augmentation; 0 also leaves out flips and turns.
        precision: ``float32``, ``bfloat16`` (autocast, CPU or GPU) or ``float16`` (GPU only).
        seed: of order and augmentation.
    """

    steps: int = 500
    batch: int = 64
    side_px: int = 128
    learning_rate: float = 1.5e-3
    weight_decay: float = 0.1
    region_weight: float = 1.0
    colour: float = 1.0
    precision: str = "float32"
    seed: int = 0


def train_contrastive(
    towers: Towers,
    pairs: Sequence[PickedPair],
    classes: Sequence[str],
    options: ContrastiveTraining,
    *,
    device: str = "cpu",
    name: str = "pairs",
    checkpoint: Path | None = None,
    progress: Progress = no_progress,
) -> list[LeftOut]:
    """Train the towers in place.

    Two terms: the contrastive loss of images and captions, where equal captions are no negatives
    of each other, and a region term that makes each spatial token of an image with a reference
    mask agree with the prompts of the class that covers it, which is what region-text agreement
    later reads. A stopped training goes on from ``checkpoint``; a finished one leaves it, so that
    a recipe of several trainings does not repeat it.

    Args:
        classes: names by the class ids of the reference masks; unused without masks.
        device: of the model, such as ``cpu`` or ``cuda:0``.
        name: of the training, as progress shows it.

    Returns:
        the pairs whose images could not be decoded; others took their places.

    Raises:
        InvalidInputError: there is nothing to train on, an option is out of range, or the region
            term is asked of an architecture without spatial tokens.
    """
    _require(pairs, options, device)
    model = towers.model.to(device, memory_format=torch.channels_last).train()
    net: nn.Module = TwoTowers(model)
    optimiser = torch.optim.AdamW(
        [p for p in model.parameters() if p.requires_grad],
        lr=options.learning_rate,
        weight_decay=options.weight_decay,
        fused=True,
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser,
        options.learning_rate,
        total_steps=options.steps,
        pct_start=0.1 if options.steps != 10 else 0.15,  # torch divides by zero in a rise of one
    )
    scaler = torch.amp.GradScaler("cuda", enabled=options.precision == "float16")
    state = Checkpoint(
        checkpoint,
        _identity(towers, pairs, classes, options),
        {"model": model, "optimiser": optimiser, "schedule": schedule, "scaler": scaler},
    )
    start = state.resume()
    if process_count() > 1:
        net = nn.parallel.DistributedDataParallel(net)
    draw = _Batches(pairs, options)
    prompts = [class_prompts(each) for each in classes] if options.region_weight else []
    running = 0.0
    for step in range(start, options.steps):
        pictures, masks, captions = draw.batch(step)
        tokens = towers.tokenize(captions).to(device)
        asked = None
        seen = float(any(mask is not None for mask in masks))
        if prompts and summed(torch.tensor(seen, device=device)) > 0:
            rng = np.random.default_rng([options.seed, 3, step])
            asked = towers.tokenize([str(rng.choice(texts)) for texts in prompts]).to(device)
        images = towers.images(pictures, options.side_px, device)
        with torch.autocast(
            device.partition(":")[0],
            dtype=torch.float16 if options.precision == "float16" else torch.bfloat16,
            enabled=options.precision != "float32",
        ):
            unit, own, grid, words, scale = net(images, tokens, asked)
        loss = contrastive_loss(
            gather_rows(unit.float()), gather_rows(own.float()), gather_rows(tokens), scale.float()
        )
        if words is not None:
            loss = loss + options.region_weight * _region_loss(grid, words, masks, scale)
        optimiser.zero_grad(set_to_none=True)
        scaled: Tensor = scaler.scale(loss)
        torch.autograd.backward(scaled)
        scaler.unscale_(optimiser)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimiser)
        scaler.update()
        schedule.step()
        seen_loss = float(summed(loss.detach())) / process_count()
        running = 0.95 * running + 0.05 * seen_loss if running else seen_loss
        progress(f"training on {name} (loss {running:.3f})", step + 1, options.steps)
        if process_rank() == 0:
            state.after_step(step + 1, last=step + 1 == options.steps)
    model.eval()
    return draw.left_out


def contrastive_loss(images: Tensor, texts: Tensor, tokens: Tensor, scale: Tensor) -> Tensor:
    """Return the symmetric cross-entropy of images and texts.

    Args:
        images: (N, D) unit vectors; ``texts`` the same, row by row their captions.
        tokens: (N, L) token ids; rows that are equal count as each other's captions too.
        scale: by which similarities are multiplied.
    """
    logits = scale * images @ texts.T
    same = (tokens[:, None] == tokens[None]).all(dim=-1).float()
    truth = same / same.sum(dim=1, keepdim=True)
    rows = (truth * logits.log_softmax(dim=1)).sum(dim=1).mean()
    columns = (truth * logits.T.log_softmax(dim=1)).sum(dim=1).mean()
    return -0.5 * (rows + columns)


def majority_classes(masks: Tensor, shape: tuple[int, int], class_count: int) -> Tensor:
    """Return the commonest class of each grid cell, (N, h, w) int64; VOID if mostly unlabelled."""
    labelled = masks != VOID
    planes = torch.stack([(masks == k).float() for k in range(class_count)], dim=1)
    shares = functional.adaptive_avg_pool2d(planes, shape)
    known = functional.adaptive_avg_pool2d(labelled[:, None].float(), shape)[:, 0]
    labels = shares.argmax(dim=1)
    labels[known < 0.5] = VOID
    return labels


def _region_loss(
    grid: Tensor | None,
    words: Tensor,
    masks: Sequence[NDArray[np.uint8] | None],
    scale: Tensor,
) -> Tensor:
    """Return the cross-entropy of tokens against class prompts, a mean over all processes."""
    if grid is None:
        raise InvalidInputError(
            "This architecture gives no grid of image tokens, so the region term has nothing to "
            "train. Set its weight to 0."
        )
    with_mask = [i for i, mask in enumerate(masks) if mask is not None]
    if not with_mask:  # another process has some, and all take part in the sums
        summed(torch.zeros((), device=grid.device))
        return (grid.sum() + words.sum() + scale) * 0
    stacked = torch.from_numpy(np.stack([m for m in masks if m is not None])).to(grid.device)
    labels = majority_classes(stacked, (grid.shape[1], grid.shape[2]), len(words))
    logits = scale.float() * functional.normalize(grid[with_mask].float(), dim=-1) @ words.float().T
    total = functional.cross_entropy(
        logits.flatten(0, 2), labels.flatten(), ignore_index=VOID, reduction="sum"
    )
    count = summed((labels != VOID).sum().float())
    return total * process_count() / count.clamp(min=1)


def _require(pairs: Sequence[PickedPair], options: ContrastiveTraining, device: str) -> None:
    if not pairs:
        raise InvalidInputError(
            "There are no pairs to train on. Name a source with trusted pairs, or discard fewer."
        )
    if options.precision not in PRECISIONS or (
        options.precision == "float16" and not device.startswith("cuda")
    ):
        raise InvalidInputError(
            f"Cannot train in precision {options.precision!r} on {device}. Expected one of "
            f"{', '.join(PRECISIONS)}, float16 on a GPU only."
        )
    if options.steps < 1 or options.batch < 2 or options.batch % process_count():
        raise InvalidInputError(
            f"Expected at least 1 step and a batch of 2 or more that divides by "
            f"{process_count()} processes, but got {options.steps} and {options.batch}."
        )


def _identity(
    towers: Towers,
    pairs: Sequence[PickedPair],
    classes: Sequence[str],
    options: ContrastiveTraining,
) -> str:
    digest = hashlib.sha256()
    for pair in pairs:
        digest.update(f"{pair.entry.key}\t{pair.caption}\n".encode())
    return f"{towers.name} {asdict(options)} {list(classes)} {digest.hexdigest()}"


class _Batches:
    """Pairs by step, each once before any comes again; a process reads only its own part."""

    def __init__(self, pairs: Sequence[PickedPair], options: ContrastiveTraining) -> None:
        self.left_out: list[LeftOut] = []
        self._pairs = pairs
        self._options = options
        self._order: tuple[int, NDArray[np.int64]] = (-1, np.empty(0, dtype=np.int64))

    def batch(
        self, step: int
    ) -> tuple[list[NDArray[np.uint8]], list[NDArray[np.uint8] | None], list[str]]:
        part = self._options.batch // process_count()
        first = step * self._options.batch + process_rank() * part
        read = [self._read(position) for position in range(first, first + part)]
        return [r[0] for r in read], [r[1] for r in read], [r[2] for r in read]

    def _read(self, position: int) -> tuple[Any, Any, str]:
        rng = np.random.default_rng([self._options.seed, 5, position])
        index = self._in_order(position)
        for _ in range(_ATTEMPTS):
            pair = self._pairs[index]
            try:
                rgb, mask = pair.source.picture(pair.index)
            except UnreadableFileError as error:
                self.left_out.append(LeftOut(pair.entry.key, str(error)))
                index = int(rng.integers(len(self._pairs)))
                continue
            rgb, mask = self._augmented(rgb, mask, rng)
            return rgb, mask, pair.caption
        raise UnreadableFileError(
            f"{_ATTEMPTS} images in a row cannot be decoded, the last: "
            f"{self.left_out[-1].reason} Check the source."
        )

    def _in_order(self, position: int) -> int:
        epoch, place = divmod(position, len(self._pairs))
        if self._order[0] != epoch:
            rng = np.random.default_rng([self._options.seed, 7, epoch])
            self._order = (epoch, rng.permutation(len(self._pairs)))
        return int(self._order[1][place])

    def _augmented(
        self, rgb: NDArray[np.uint8], mask: NDArray[np.uint8] | None, rng: np.random.Generator
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
        side = self._options.side_px
        rgb = resized(rgb, side)
        if mask is not None and mask.shape != (side, side):
            rows = (np.arange(side) * mask.shape[0]) // side
            columns = (np.arange(side) * mask.shape[1]) // side
            mask = mask[rows][:, columns]
        if self._options.colour <= 0:
            return rgb, mask
        flip, turns = bool(rng.random() < 0.5), int(rng.integers(4))
        rgb = np.rot90(rgb[:, :, ::-1] if flip else rgb, turns, (1, 2))
        if mask is not None:
            mask = np.ascontiguousarray(np.rot90(mask[:, ::-1] if flip else mask, turns))
        return augment_colour(rgb, rng, self._options.colour), mask

"""The recipe: CLIP_Sem on trusted pairs, purification of the coarse ones, training on the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from rsqa_core.progress import Progress, no_progress
from rsqa_core.training.contrastive import ContrastiveTraining, train_contrastive
from rsqa_core.training.pairs import LeftOut, PairSource, PickedPair, pick
from rsqa_core.training.purification import (
    Embedded,
    Fate,
    MaskOrNeighbourRefiner,
    PurificationOptions,
    Refiner,
    embed_pairs,
    purification_report,
    purified_pairs,
    purify,
)
from rsqa_core.training.towers import Towers

RefinerMaker = Callable[[Embedded], Refiner]
"""Makes a refiner from the embedded trusted pairs."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Options of a whole pre-training.

    Attributes:
        training: of both trainings; ``steps`` counts the two together.
        semantic_share: share of the steps that CLIP_Sem gets on the trusted pairs. The training on
            the purified set goes on from its weights.
        purification: what happens to coarse pairs.
        neighbour_bank: most trusted pairs that the built-in refiner searches.
    """

    training: ContrastiveTraining = field(default_factory=ContrastiveTraining)
    semantic_share: float = 0.4
    purification: PurificationOptions = field(default_factory=PurificationOptions)
    neighbour_bank: int = 4_000


@dataclass(frozen=True, slots=True)
class Pretrained:
    """What a pre-training leaves beside the weights, which are in the towers.

    Attributes:
        report: the purification in numbers and examples; empty without coarse pairs.
        fates: what became of each coarse pair.
        left_out: rows, members and images that gave no pair, and why.
    """

    report: dict[str, Any]
    fates: tuple[Fate, ...]
    left_out: tuple[LeftOut, ...]


def pretrain(
    towers: Towers,
    sources: Sequence[PairSource],
    classes: Sequence[str],
    recipe: Recipe,
    *,
    device: str = "cpu",
    folder: Path | None = None,
    make_refiner: RefinerMaker | None = None,
    progress: Progress = no_progress,
) -> Pretrained:
    """Train the towers in place by the recipe.

    Without coarse pairs there is nothing to purify, and the trusted ones get all steps.

    Args:
        classes: names by the class ids of reference masks; empty without masks.
        device: such as ``cpu`` or ``cuda:0``.
        folder: for checkpoints, so that a stopped run goes on; None keeps none.
        make_refiner: gives the refiner of low-quality captions; default: reference mask, else
            closest trusted images.

    Raises:
        InvalidInputError: there are no trusted pairs, or an option is out of range.
    """
    trusted, coarse = pick(sources, trusted=True), pick(sources, trusted=False)
    left_out = [each for source in sources for each in source.left_out]
    whole = recipe.training
    checkpoint = None if folder is None else folder / "pretrain-semantic.pt"
    first = whole
    if coarse:
        first = replace(whole, steps=max(1, round(whole.steps * recipe.semantic_share)))
    left_out += train_contrastive(
        towers,
        trusted,
        classes,
        first,
        device=device,
        name=f"{len(trusted)} trusted pairs",
        checkpoint=checkpoint,
        progress=progress,
    )
    if not coarse:
        return Pretrained({}, (), _once(left_out))
    side = whole.side_px
    scored = embed_pairs(towers, coarse, side, device=device, progress=progress)
    bank = embed_pairs(
        towers, _some(trusted, recipe.neighbour_bank, whole.seed), side, device=device
    )
    if make_refiner is None:
        captions = [pair.caption for pair in bank.pairs]
        refiner: Refiner = MaskOrNeighbourRefiner(
            bank.images, bank.texts, captions, classes, seed=whole.seed
        )
    else:
        refiner = make_refiner(bank)
    fates = purify(towers, scored, refiner, recipe.purification, device=device)
    kept = purified_pairs(fates)
    left_out += [*scored.left_out, *bank.left_out]
    left_out += train_contrastive(
        towers,
        [*trusted, *kept],
        classes,
        replace(whole, steps=max(1, whole.steps - first.steps), seed=whole.seed + 1),
        device=device,
        name=f"{len(trusted) + len(kept)} purified pairs",
        checkpoint=None if folder is None else folder / "pretrain-purified.pt",
        progress=progress,
    )
    report = {"trusted": len(trusted), **purification_report(fates)}
    return Pretrained(report, tuple(fates), _once(left_out))


def _some(pairs: Sequence[PickedPair], most: int, seed: int) -> list[PickedPair]:
    if len(pairs) <= most:
        return list(pairs)
    chosen = np.random.default_rng([seed, 17]).choice(len(pairs), most, replace=False)
    return [pairs[i] for i in np.sort(chosen)]


def _once(left_out: Sequence[LeftOut]) -> tuple[LeftOut, ...]:
    return tuple({each.name: each for each in left_out}.values())

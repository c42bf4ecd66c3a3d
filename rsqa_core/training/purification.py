"""Coarse pairs scored by a model of trusted pairs: what is kept, refined and discarded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rsqa_core.encoders.captions import compose_caption
from rsqa_core.errors import InvalidInputError, UnreadableFileError
from rsqa_core.progress import Progress, no_progress
from rsqa_core.training.pairs import LeftOut, PickedPair
from rsqa_core.training.pairs.scene_crops import SceneCropPairs
from rsqa_core.training.processes import gather_objects, process_count, process_rank
from rsqa_core.training.towers import Towers

_CHUNK = 64
KEPT, REFINED, DISCARDED = "kept", "refined", "discarded"


@dataclass(frozen=True, slots=True)
class PurificationOptions:
    """What happens to coarse pairs, by their image-text similarity.

    A floor is a similarity in [-1, 1]; a share counts the pairs below it. Where both are given for
    the same purpose, the floor holds.

    Attributes:
        discard_share: share of the lowest coarse pairs that is left out.
        discard_below: similarity under which a pair is left out, instead of a share.
        refine_share: share above those whose captions go to the refiner.
        refine_below: similarity under which a caption goes to the refiner, instead of a share.
    """

    discard_share: float = 0.2
    discard_below: float | None = None
    refine_share: float = 0.2
    refine_below: float | None = None


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a coarse pair.

    Attributes:
        outcome: ``kept``, ``refined`` or ``discarded``.
        similarity: of its image and its own caption.
        caption: that it is trained with; its own if discarded.
        refined_similarity: of the image and the refiner's caption, if it was asked for one.
    """

    pair: PickedPair
    outcome: str
    similarity: float
    caption: str
    refined_similarity: float | None = None


@dataclass(frozen=True, slots=True)
class CoarseImage:
    """What a refiner sees of a pair.

    Attributes:
        caption: the one to be replaced.
        embedding: (D,) float32 unit vector of the image by the model of the trusted pairs.
        mask: (H, W) uint8 class ids, where there is a reference.
    """

    key: str
    caption: str
    embedding: NDArray[np.float32]
    mask: NDArray[np.uint8] | None


class Refiner(Protocol):
    """Writes a better caption for an image than the one it came with."""

    def refine(self, image: CoarseImage) -> str | None:
        """Return the new caption, or None when there is none to offer."""


class MaskOrNeighbourRefiner:
    """Describes the reference mask where there is one, else asks the closest trusted images.

    Of the captions of the ``neighbours`` closest trusted images it takes the one whose text agrees
    best with the image itself.
    """

    def __init__(
        self,
        trusted_images: NDArray[np.float32],
        trusted_texts: NDArray[np.float32],
        captions: Sequence[str],
        classes: Sequence[str],
        *,
        neighbours: int = 5,
        seed: int = 0,
    ) -> None:
        """Take what is known of trusted pairs.

        Args:
            trusted_images: (N, D) unit vectors; ``trusted_texts`` those of their captions.
            captions: of the same N pairs.
            classes: names by the class ids of masks.
            neighbours: number of closest trusted images that are asked.
            seed: of the wording of composed captions.
        """
        self._images, self._texts, self._captions = trusted_images, trusted_texts, captions
        self._classes = classes
        self._neighbours = neighbours
        self._rng = np.random.default_rng([seed, 13])

    def refine(self, image: CoarseImage) -> str | None:
        """Return the caption of the mask, or the best one of the closest trusted images."""
        if image.mask is not None and self._classes:
            composed = compose_caption(image.mask, self._classes, self._rng)
            if composed is not None:
                return composed
        if not self._captions:
            return None
        closest = np.argsort(-(self._images @ image.embedding), kind="stable")[: self._neighbours]
        best = closest[int(np.argmax(self._texts[closest] @ image.embedding))]
        return self._captions[int(best)]


@dataclass(frozen=True, slots=True)
class Embedded:
    """Pairs whose images could be read, with (N, D) unit vectors of images and captions."""

    pairs: tuple[PickedPair, ...]
    images: NDArray[np.float32]
    texts: NDArray[np.float32]
    left_out: tuple[LeftOut, ...]


def embed_pairs(
    towers: Towers,
    pairs: Sequence[PickedPair],
    side_px: int,
    *,
    device: str = "cpu",
    progress: Progress = no_progress,
) -> Embedded:
    """Embed images and captions, each process a part of them."""
    own = range(process_rank(), len(pairs), process_count())
    found: list[tuple[int, NDArray[np.float32], NDArray[np.float32]]] = []
    bad: list[tuple[int, str]] = []
    for first in range(0, len(own), _CHUNK):
        chunk, pictures = [], []
        for i in own[first : first + _CHUNK]:
            try:
                pictures.append(pairs[i].source.picture(pairs[i].index)[0])
            except UnreadableFileError as error:
                bad.append((i, str(error)))
                continue
            chunk.append(i)
        if chunk:
            images = towers.embed_images(pictures, side_px, device)
            texts = towers.embed_texts([pairs[i].caption for i in chunk], device)
            found += zip(chunk, images, texts, strict=True)
        progress("comparing images and captions", first + len(chunk), len(own))
    whole = sorted((row for part in gather_objects(found) for row in part), key=lambda row: row[0])
    unread = sorted(row for part in gather_objects(bad) for row in part)
    width = len(whole[0][1]) if whole else 0
    return Embedded(
        tuple(pairs[i] for i, _, _ in whole),
        np.array([row for _, row, _ in whole], dtype=np.float32).reshape(len(whole), width),
        np.array([row for _, _, row in whole], dtype=np.float32).reshape(len(whole), width),
        tuple(LeftOut(pairs[i].entry.key, reason) for i, reason in unread),
    )


def purify(
    towers: Towers,
    coarse: Embedded,
    refiner: Refiner,
    options: PurificationOptions,
    *,
    device: str = "cpu",
) -> list[Fate]:
    """Decide on each coarse pair.

    The lowest are discarded, those above them get a refined caption, the rest stay as they are. A
    refined caption has to agree better with the image than the one it replaces; if it does not, or
    if there is none, the pair is discarded too.

    Raises:
        InvalidInputError: an option is out of its range.
    """
    _require(options)
    if not coarse.pairs:
        return []
    similarity = (coarse.images * coarse.texts).sum(axis=1)
    ordered = np.sort(similarity)
    low, high = options.discard_below, options.refine_below
    if low is None:
        low = _floor(ordered, round(options.discard_share * len(ordered)))
    discarded = int((similarity < low).sum())
    if high is None:
        high = _floor(ordered, discarded + round(options.refine_share * len(ordered)))
    high = max(low, high)
    asked = np.flatnonzero((similarity >= low) & (similarity < high))
    offered: dict[int, str] = {}
    for i in asked.tolist():
        pair = coarse.pairs[i]
        mask = pair.source.picture(pair.index)[1]
        text = refiner.refine(CoarseImage(pair.entry.key, pair.caption, coarse.images[i], mask))
        if text:
            offered[i] = text
    scored: dict[int, float] = {}
    rows = list(offered)
    for first in range(0, len(rows), _CHUNK):
        part = rows[first : first + _CHUNK]
        texts = towers.embed_texts([offered[i] for i in part], device)
        values = (coarse.images[part] * texts).sum(axis=1)
        scored |= dict(zip(part, values.tolist(), strict=True))
    fates = []
    for i, pair in enumerate(coarse.pairs):
        own, new = float(similarity[i]), scored.get(i)
        if own >= high:
            fates.append(Fate(pair, KEPT, own, pair.caption))
        elif new is not None and new > own:
            fates.append(Fate(pair, REFINED, own, offered[i], new))
        else:
            fates.append(Fate(pair, DISCARDED, own, pair.caption, new))
    return fates


def purified_pairs(fates: Sequence[Fate]) -> list[PickedPair]:
    """Return the coarse pairs that stay, with the captions that they are trained with."""
    return [
        PickedPair(fate.pair.source, fate.pair.index, fate.caption)
        for fate in fates
        if fate.outcome != DISCARDED
    ]


def purification_report(fates: Sequence[Fate], *, examples: int = 5) -> dict[str, Any]:
    """Return counts, the histogram of similarities and examples of each outcome, for JSON."""
    similarity = np.array([fate.similarity for fate in fates])
    outcomes = (KEPT, REFINED, DISCARDED)
    return {
        "coarse": len(fates),
        **{name: sum(fate.outcome == name for fate in fates) for name in outcomes},
        "refiner_not_better": sum(
            fate.outcome == DISCARDED and fate.refined_similarity is not None for fate in fates
        ),
        "similarity_quantiles": {
            f"{q:g}": round(float(np.quantile(similarity, q)), 4)
            for q in ((0.05, 0.25, 0.5, 0.75, 0.95) if len(fates) else ())
        },
        "similarity_histogram": _histogram(fates, outcomes),
        "examples": {
            name: [_example(fate) for fate in fates if fate.outcome == name][:examples]
            for name in outcomes
        },
    }


def corruption_found(fates: Sequence[Fate]) -> dict[str, dict[str, int]]:
    """Return outcomes of the crops whose captions were corrupted on purpose, and of the others.

    A purification never sees this; it says how well one did. Empty without such crops.
    """
    told: dict[str, dict[str, int]] = {}
    for fate in fates:
        source = fate.pair.source
        if isinstance(source, SceneCropPairs) and source.corrupted.any():
            group = "corrupted" if source.corrupted[fate.pair.index] else "intact"
            counts = told.setdefault(group, dict.fromkeys((KEPT, REFINED, DISCARDED), 0))
            counts[fate.outcome] += 1
    return told


def _histogram(fates: Sequence[Fate], outcomes: Sequence[str]) -> list[dict[str, float]]:
    """Return the bins that are not empty, each 0.05 wide, with the counts by outcome."""
    bins: dict[int, dict[str, int]] = {}
    for fate in fates:
        place = int(np.floor(round(fate.similarity / 0.05, 6)))
        counts = bins.setdefault(place, dict.fromkeys(outcomes, 0))
        counts[fate.outcome] += 1
    return [{"from": round(place * 0.05, 2), **bins[place]} for place in sorted(bins)]


def _example(fate: Fate) -> dict[str, Any]:
    told: dict[str, Any] = {
        "pair": fate.pair.entry.key,
        "caption": fate.pair.caption,
        "similarity": round(fate.similarity, 4),
    }
    if fate.outcome == REFINED:
        told |= {"refined": fate.caption, "refined_similarity": fate.refined_similarity}
    return told


def _floor(ordered: NDArray[np.floating[Any]], count: int) -> float:
    """Return the similarity that ``count`` pairs lie below."""
    if count == 0:
        return -np.inf
    return float(ordered[count]) if count < len(ordered) else np.inf


def _require(options: PurificationOptions) -> None:
    shares = (options.discard_share, options.refine_share)
    if min(shares) < 0 or sum(shares) > 1:
        raise InvalidInputError(
            f"Expected shares of discarded and refined pairs of 0 or more, together at most 1, but "
            f"got {shares[0]:g} and {shares[1]:g}."
        )
    for floor in (options.discard_below, options.refine_below):
        if floor is not None and not -1 <= floor <= 1:
            raise InvalidInputError(
                f"Expected a similarity between -1 and 1 as a threshold, but got {floor:g}."
            )

"""Why a candidate has its score: what each kind of evidence adds, in exact Shapley values.

The head is asked again with parts of what it is given taken away. A part that is taken away has
the mean of the training instead, which is zero once prepared, and the first guess goes without its
terms. Only the members that may score the image are asked, as for the score itself.

Kinds of evidence work together, so what one adds depends on which others are there. The Shapley
value is the mean over every order in which they can come; with four kinds, all sixteen
combinations are asked, and nothing is sampled. What the network knows nothing of comes after it as
the head computes it: the habit of the segmenter, and what labels of the project taught.

References:
    Shapley 1953, A value for n-person games.
    Lundberg and Lee 2017, arXiv 1705.07874 (Shapley values of predictions).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import factorial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rsqa_core.errors import FingerprintError
from rsqa_core.features.names import CELL_NAMES, FEATURE_NAMES, GROUPS, SEGMENTER_CELLS
from rsqa_core.heads.anchor import anchor
from rsqa_core.heads.head import QualityHead
from rsqa_core.heads.inputs import PLACES, HeadInputs, Places
from rsqa_core.heads.preparation import ROW_GROUPS, ROW_NAMES, Prepared
from rsqa_core.heads.residual import Kernel

Values = NDArray[np.float64]

Combination = frozenset[str]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of evidence: the groups of a candidate's numbers and the numbers of a cell.

    ``image`` is whether the encoder's view of the image belongs to it.
    """

    rows: tuple[str, ...]
    cells: tuple[str, ...]
    image: bool = False


KINDS: dict[str, Kind] = {
    "semantic": Kind(("region",), ("region", "region_margin"), image=True),
    "segmentation": Kind(("probs", "taps", "consistency"), SEGMENTER_CELLS),
    "disagreement": Kind(
        ("agreement", "consensus"),
        (
            "peers",
            "peer_majority",
            "dissent",
            "vote_entropy",
            "consensus",
            "consensus_others",
            "consensus_top",
        ),
    ),
    "shape": Kind(
        ("picture",),
        (
            "boundary",
            "majority_share",
            "component_log",
            "boundary_distance",
            "gradient",
            "colour_likelihood",
            "labelled",
        ),
    ),
}
"""What the network is given, by what it is about."""

HABIT = "habit"
"""What candidates of this segmenter were better or worse by in the training."""
LABELS = "labels"
"""What the project's labels taught a retrained head."""

ALL: Combination = frozenset(KINDS)


@dataclass(frozen=True, slots=True)
class Shares:
    """A score taken apart; ``base`` and all of ``added`` sum to ``score``.

    Attributes:
        base: score in 0..1 of a candidate of which nothing is known.
        added: by kind of evidence, in units of quality, in the order of KINDS, then HABIT, LABELS.
        score: the head's score in 0..1.
    """

    base: float
    added: dict[str, float]
    score: float


class Evidence:
    """One candidate before the members that may score its image.

    Args:
        head: the head that gave the score.
        inputs: candidates.
        places: where they lie.
        row: the candidate that is asked about.
        encoder_fingerprint: encoder of the semantic vectors.

    Raises:
        FingerprintError: another encoder than the head's.
    """

    def __init__(
        self,
        head: QualityHead,
        inputs: HeadInputs,
        places: Places,
        row: int,
        encoder_fingerprint: str,
    ) -> None:
        if encoder_fingerprint != head.card.encoder_fingerprint:
            raise FingerprintError(
                f"This head was trained on encoder {head.card.encoder_fingerprint[:12]}, but the "
                f"features come from {encoder_fingerprint[:12]}, so its score cannot be explained. "
                "Score the project again with the encoder of the head."
            )
        only = np.array([row], dtype=np.int64)
        image = inputs.image_of_row[only]
        own = HeadInputs(
            inputs.semantic[image],
            inputs.tokens[image],
            inputs.rows[only],
            inputs.cells[only],
            np.zeros(1, dtype=np.int64),
        )
        members = head.members_of(head.fold_of(places.sources[row]))
        self.network = members.network
        self._anchored = head.card.anchored
        self._rows, self._cells = own.rows, own.cells
        self.prepared = members.preparation.prepared(own)
        # How far the network is believed says something of the image, not of the candidate's
        # quality: it stays as it is whatever is taken away.
        self.believed = members.confidence(own.semantic)[:, :, None]
        self.guess = torch.from_numpy(anchor(own.rows, own.cells))
        bare = np.full_like(own.cells, np.nan)
        self.guess_without_cells = torch.from_numpy(anchor(own.rows, bare))
        said = head.predict(own, places.only(only), encoder_fingerprint)
        self.score = float(said.score[0])
        self._before_labels = float(said.base[0])
        self._asked: dict[Combination, float] = {}

    def cells_of(self, prepared: Prepared, guess: Tensor) -> Tensor:
        """Return the quality of the cells of n variants of the candidate, (n, P) in 0..1.

        Args:
            prepared: inputs with n images of one candidate each.
            guess: (n, P) logits of the first guess.
        """
        count = prepared.rows.shape[1]
        logits = self.network(prepared, torch.arange(count), guess)
        return self.believed_cells(logits, guess)

    def believed_cells(self, logits: Tensor, guess: Tensor) -> Tensor:
        """Return (n, P) quality of (M, n, P) logits, each member believed as far as it may be."""
        if self._anchored:
            logits = guess + self.believed * (logits - guess)
        return logits.sigmoid().mean(dim=0)

    def with_kinds(self, present: Sequence[Combination]) -> Values:
        """Return what the network says of the candidate with some kinds of evidence, (n,) 0..1.

        Each combination is asked once.
        """
        new = [one for one in dict.fromkeys(present) if one not in self._asked]
        if new:
            self._asked.update(zip(new, self._ask(new), strict=True))
        return np.array([self._asked[one] for one in present])

    def _ask(self, present: Sequence[Combination]) -> list[float]:
        count = len(present)
        image = torch.tensor([[float("semantic" in one)] for one in present])
        rows = np.repeat(self._rows, count, axis=0)
        cells = np.repeat(self._cells, count, axis=0)
        seen_rows = torch.ones(count, self.prepared.rows.shape[2])
        seen_cells = torch.ones(count, 1, self.prepared.cells.shape[3])
        for number, one in enumerate(present):
            for name in KINDS.keys() - one:
                columns = _COLUMNS_OF[name]
                rows[number, columns.raw] = np.nan
                seen_rows[number, columns.prepared] = 0.0
                cells[number][:, columns.cells] = np.nan
                seen_cells[number, :, columns.cells] = 0.0
        base = self.prepared
        variants = Prepared(
            vectors=base.vectors * image,
            tokens=base.tokens * image[:, :, None],
            rows=base.rows * seen_rows,
            cells=base.cells * seen_cells,
        )
        with torch.no_grad():
            found = self.cells_of(variants, torch.from_numpy(anchor(rows, cells)))
        return [float(value) for value in found.double().mean(dim=1)]

    def variants(self, present: Tensor) -> tuple[Prepared, Tensor]:
        """Return inputs and first guess of n variants in which some cells are taken away.

        Args:
            present: (n, P) 1 where a cell is there, 0 where it has the mean instead.
        """
        base = self.prepared
        seen = present[None, :, :, None]
        guess = present * self.guess + (1.0 - present) * self.guess_without_cells
        count = len(present)
        variants = Prepared(
            vectors=base.vectors.expand(-1, count, -1),
            tokens=base.tokens * seen,
            rows=base.rows.expand(-1, count, -1),
            cells=base.cells * seen,
        )
        return variants, guess

    def with_cells(self, present: Tensor) -> Tensor:
        """Return what the network says, (n,) in 0..1, with the cells of (n, P) only."""
        with torch.no_grad():
            return self.cells_of(*self.variants(present)).mean(dim=1)

    def cell_effects(self) -> Values:
        """Return by how much the score falls without each cell, (P,) in units of quality.

        The head scores each cell by itself and takes the mean, so the effects of several cells add
        up: a score without any of them follows from these without asking again.
        """
        with torch.no_grad():
            both = torch.stack([torch.ones(PLACES), torch.zeros(PLACES)])
            there, gone = self.cells_of(*self.variants(both)).double()
        effects: Values = ((there - gone) / PLACES).numpy()
        return effects

    def shares(self) -> Shares:
        """Take the score apart."""
        nothing, everything = self.with_kinds([frozenset(), ALL])
        added = shapley(self.with_kinds, tuple(KINDS))
        # What comes after the network, cut to 0..1 as the head does it.
        added[HABIT] = self._before_labels - float(everything)
        added[LABELS] = self.score - self._before_labels
        return Shares(float(nothing), added, self.score)


def shapley(
    value: Callable[[Sequence[Combination]], Values], players: Sequence[str]
) -> dict[str, float]:
    """Return the exact Shapley value of each player.

    Args:
        value: gives what each of n combinations of players is worth, (n,).
        players: names; 2 ** n combinations are asked in one call.
    """
    every = [frozenset(c) for size in range(len(players) + 1) for c in combinations(players, size)]
    worth = dict(zip(every, value(every), strict=True))
    count = len(players)
    found = {}
    for player in players:
        total = 0.0
        for others in every:
            if player not in others:
                orders = factorial(len(others)) * factorial(count - len(others) - 1)
                total += orders * float(worth[others | {player}] - worth[others])
        found[player] = total / factorial(count)
    return found


def likeness_to(kernel: Kernel, one: NDArray[np.float32], others: NDArray[np.float32]) -> Values:
    """Return how alike candidates look to a correction, (n,) in 0..1; 1 is indistinguishable.

    It is the factor by which the error of one candidate carries over to another.

    Args:
        kernel: of the head's correction, or the usual one.
        one: (p,) description of a candidate as ``Preparation.likeness`` gives it.
        others: (n, p) descriptions.
    """
    square = ((others.astype(np.float64) - one) ** 2).sum(axis=1)
    found: Values = np.exp(-square / (2 * kernel.alike_length**2))
    return found


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where a kind of evidence stands: in raw rows, in prepared rows with flags, in cells."""

    raw: list[int]
    prepared: list[int]
    cells: list[int]


def _columns(kind: Kind) -> _Columns:
    names = [name for group in kind.rows for name in GROUPS[group]]
    flags = [len(ROW_NAMES) + ROW_GROUPS.index(group) for group in kind.rows]
    return _Columns(
        [FEATURE_NAMES.index(name) for name in names],
        [*(ROW_NAMES.index(name) for name in names), *flags],
        [CELL_NAMES.index(name) for name in kind.cells],
    )


_COLUMNS_OF = {name: _columns(kind) for name, kind in KINDS.items()}

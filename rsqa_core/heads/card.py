"""What a head is, where it comes from, and what was measured to qualify its scores."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rsqa_core.features.names import VERSION
from rsqa_core.records import INTERVAL_COVERAGE

Values = NDArray[np.float64]

COVERAGE = INTERVAL_COVERAGE
"""Share of candidates whose quality the stated interval is to hold."""
RISK = 0.1
"""Share of images whose best candidate may be outside the set that may be best."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Half-width of the interval, ``factor * (floor + spread * s + doubt * (1 - score))``.

    s is the standard deviation over members. ``factor`` comes from out-of-fold errors.
    """

    floor: float = 0.03
    spread: float = 1.0
    doubt: float = 0.1
    factor: float = 1.0

    def half_width(self, spread: Values, score: Values) -> Values:
        """Return the half-width of each interval, (N,) in units of quality.

        Args:
            spread: (N,) standard deviation over members.
            score: (N,) predicted quality in 0..1.
        """
        found: Values = self.factor * (self.floor + self.spread * spread + self.doubt * (1 - score))
        return found


@dataclass(frozen=True, slots=True)
class Familiar:
    """What the head has seen, so that it can say when it is out of its depth.

    Attributes:
        classes: normalised class names of the training.
        segmenters: names of the training's segmenters.
    """

    classes: tuple[str, ...] = ()
    segmenters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HeadCard:
    """What a head is and where it comes from; stored in its file.

    Attributes:
        encoder_name: name by which that encoder is loaded.
        encoder_fingerprint: the encoder whose embeddings it takes; others are refused.
        folds: name of each fold: the source images (sha256 of the file) that its members never saw.
        member_fold: fold of each member, -1 for a member that saw everything.
        gate, branch, width, anchored: of the network.
        offsets: name of a fold, or "" for all members: what each segmenter's candidates are better
            (or worse, negative) than the network says, in units of quality, by its name.
        interval: half-width of the stated interval of COVERAGE.
        best_margin: how far below the best score of an image its truly best candidate may lie.
        familiar: what it has seen.
        targets: name of another target: weights as in rsqa_core.heads.further_targets.
        pixels: weights of the error map as in rsqa_core.heads.error_map.
        features_version: version of the numbers that it takes.
        trained_on: one line a data set.
    """

    encoder_name: str
    encoder_fingerprint: str
    folds: dict[str, tuple[str, ...]]
    member_fold: tuple[int, ...]
    gate: str = "two-way"
    branch: str = "both"
    width: int = 32
    anchored: bool = True
    offsets: dict[str, dict[str, float]] = field(default_factory=dict)
    interval: Interval = field(default_factory=Interval)
    best_margin: float = 0.05
    familiar: Familiar = field(default_factory=Familiar)
    targets: dict[str, tuple[float, ...]] = field(default_factory=dict)
    pixels: tuple[float, ...] = (0.0, 0.5, 0.5)
    features_version: int = VERSION
    trained_on: tuple[str, ...] = ()

    def to_json(self) -> str:
        """Return the card as JSON; folds keep their order, for members name them by place."""
        return json.dumps(asdict(self))


def card_from_json(content: Mapping[str, Any]) -> HeadCard:
    """Return the card that ``to_json`` wrote.

    Raises:
        KeyError, TypeError, ValueError: it is not such a card.
    """
    familiar = content["familiar"]
    return HeadCard(
        **{
            **content,
            "folds": {name: tuple(shas) for name, shas in content["folds"].items()},
            "member_fold": tuple(content["member_fold"]),
            "interval": Interval(**content["interval"]),
            "familiar": Familiar(
                tuple(familiar["classes"]),
                tuple(familiar["segmenters"]),
            ),
            "targets": {name: tuple(w) for name, w in content["targets"].items()},
            "pixels": tuple(content["pixels"]),
            "trained_on": tuple(content["trained_on"]),
        }
    )

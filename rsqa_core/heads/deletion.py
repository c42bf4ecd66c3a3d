"""Whether a map says what a score rests on: cells are taken away in its order, and at random.

A map that tells what carries the score names cells without which it falls fast. Random orders say
what taking away any cells does, and the order of each cell's own effect is the best there is, for
the score is the mean over cells. The area between the curves is therefore a figure that a map must
earn: 1 is the best order, 0 no better than chance.

References:
    Petsiuk et al. 2018, arXiv 1806.07421 (deletion curves).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

RANDOM_ORDERS = 200
_LEAST_AREA = 1e-4
"""Area, in units of quality, below which no order of cells differs from another."""


@dataclass(frozen=True, slots=True)
class Deletion:
    """How a score falls as cells are taken away.

    Attributes:
        by_map: (P + 1,) fall in units of quality after 0, 1, … P cells in the order of the map.
        by_chance: (P + 1,) mean fall over random orders.
        chance_low, chance_high: (P + 1,) within which 90 % of the random orders lie.
        best: (P + 1,) fall in the best order.
        faithfulness: area between map and chance as a share of that between best and chance;
            negative where the map is worse than chance, None where cells make no difference.
    """

    by_map: Values
    by_chance: Values
    chance_low: Values
    chance_high: Values
    best: Values
    faithfulness: float | None

    def after(self, share: float) -> tuple[float, float]:
        """Return the fall by the map and by chance after a share of the cells, 0..1."""
        count = round(share * (len(self.by_map) - 1))
        return float(self.by_map[count]), float(self.by_chance[count])


def delete_cells(weights: Values, effects: Values, *, seed: int = 0) -> Deletion:
    """Take cells away, most weight first, and at random.

    Args:
        weights: (P,) the map that is checked.
        effects: (P,) what the score falls by without each cell.
        seed: of the random orders.
    """
    rng = np.random.default_rng(seed)
    # Cells of one weight come in no order of their own: what they do in mean over all orders.
    of_weight = np.unique(weights, return_inverse=True)[1]
    in_mean = np.bincount(of_weight, effects) / np.bincount(of_weight)
    by_map = _falls(in_mean[of_weight][np.argsort(-weights, kind="stable")])
    best = _falls(np.sort(effects)[::-1])
    random = np.stack([_falls(rng.permutation(effects)) for _ in range(RANDOM_ORDERS)])
    chance = random.mean(axis=0)
    low, high = np.quantile(random, [0.05, 0.95], axis=0)
    possible = float(np.mean(best - chance))
    faithfulness = None
    if possible > _LEAST_AREA:
        faithfulness = float(np.mean(by_map - chance)) / possible
    return Deletion(by_map, chance, low, high, best, faithfulness)


def _falls(effects: Values) -> Values:
    return np.concatenate([[0.0], np.cumsum(effects)])

"""What the candidates of an image say together, and how far each one agrees with it.

The consensus is a product of experts: the class probabilities of all candidates are multiplied,
each to the power SHARPNESS / S, and normalised. Raised to the power 1 / S they would be as unsure
as one candidate; SHARPNESS above 1 counts agreement of several as evidence. A mask without
probabilities takes part by its class shares, held back by DOUBT.

On the grid everything is a share or a probability, so that the overall accuracy that a candidate
would have if the consensus were the truth is a sum of products, and so is the IoU of each class.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rsqa_core.features.grids import Array, Described, class_shares, coarser

SHARPNESS = 2.0
DOUBT = 0.1
"""Probability that a bare mask is thought to leave to the other classes."""

_FLOOR = 0.01


@dataclass(frozen=True, slots=True)
class Consensus:
    """The candidates of one image on a grid.

    Attributes:
        shares: (S, K, side, side) float32 class shares of each mask.
        together: (K, side, side) float32 probabilities of all candidates together.
        others: (S, K, side, side) float32 those of all but one; empty for a lone candidate.
    """

    shares: Array
    together: Array
    others: Array

    def own(self) -> Array:
        """Return the probability of each mask's classes, place by place, (S, side, side)."""
        values: Array = (self.shares * self.together).sum(axis=1)
        return values

    def by_others(self) -> Array:
        """Return the same by the other candidates alone, (S, side, side)."""
        values: Array = (self.shares * self.others).sum(axis=1)
        return values

    def top(self) -> Array:
        """Return the largest probability, place by place, (side, side)."""
        values: Array = self.together.max(axis=0)
        return values

    def expected_iou(self) -> NDArray[np.float64]:
        """Return the IoU of each class if the consensus were the truth, (S, K) in 0..1.

        NaN for a class that neither mask nor consensus shows.
        """
        inside = (self.shares * self.together).sum(axis=(2, 3), dtype=np.float64)
        sizes = self.shares.sum(axis=(2, 3)) + self.together.sum(axis=(1, 2))
        present = sizes > 0.005 * self.together.shape[-1] ** 2
        union = sizes - inside
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(present, inside / union, np.nan)


def consensus_of(
    masks: Sequence[NDArray[np.uint8]], soft: Sequence[Array | None], class_count: int
) -> Consensus:
    """Build the consensus of the S candidates of one image.

    Args:
        masks: each (H, W) uint8 class ids or VOID.
        soft: each (K, SOFT_SIDE, SOFT_SIDE) float32 probabilities, None where there are none.
        class_count: K.
    """
    shares = np.stack([class_shares(mask, class_count) for mask in masks])
    count = len(masks)
    logs = np.empty_like(shares)
    for index, values in enumerate(soft):
        held = (1 - DOUBT) * shares[index] + DOUBT / class_count if values is None else values
        logs[index] = np.log(np.maximum(held, _FLOOR))
    total = logs.sum(axis=0)
    others = np.empty((0, *shares.shape[1:]), dtype=np.float32)
    if count > 1:
        others = np.stack([_normed((total - one) * (SHARPNESS / (count - 1))) for one in logs])
    return Consensus(shares, _normed(total * (SHARPNESS / count)), others)


def describe_consensus(consensus: Consensus) -> list[Described]:
    """Return group ``consensus`` and its cells for each candidate, empty for a lone one."""
    if not consensus.others.size:
        return [Described({}, {}) for _ in consensus.shares]
    own, others, top = consensus.own(), consensus.by_others(), consensus.top()
    ious = consensus.expected_iou()
    described = []
    for index, row in enumerate(ious):
        accuracy = float(own[index].mean())
        known = row[np.isfinite(row)]
        values = {
            "consensus_accuracy": accuracy,
            "consensus_others": float(others[index].mean()),
            "consensus_top": float(top.mean()),
            "consensus_gap": float(top.mean()) - accuracy,
        }
        if known.size:
            values |= {
                "consensus_miou": float(known.mean()),
                "consensus_iou_min": float(known.min()),
            }
        cells = {
            "consensus": coarser(own[index]),
            "consensus_others": coarser(others[index]),
            "consensus_top": coarser(top),
        }
        described.append(Described(values, cells))
    return described


def _normed(logs: Array) -> Array:
    raised = np.exp(logs - logs.max(axis=0, keepdims=True))
    normed: Array = raised / raised.sum(axis=0, keepdims=True)
    return normed.astype(np.float32)

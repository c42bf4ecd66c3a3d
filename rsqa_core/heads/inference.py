"""What a trained GatedHead says, without what only training needs.

Weights are joined once instead of at every call, values change in place, and members take turns, so
that what is computed in between stays in the processor's cache: batched over all members it is
several megabytes a step, and most time went into moving it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from rsqa_core.heads.gating import GatedHead, MemberLinear, MemberNorm
from rsqa_core.heads.preparation import Prepared


def can_be_folded(network: GatedHead) -> bool:
    """Return whether `FoldedHead` says the same as the network; False for what is ablated."""
    return network.gate == "two-way" and network.branch == "both"


class FoldedHead:
    """A GatedHead of both branches and a two-way gate, for prediction.

    Args:
        network: a copy of its weights is taken.
    """

    def __init__(self, network: GatedHead) -> None:
        with torch.no_grad():
            self._members = [
                _member(network, number) for number in range(network.out.weight.shape[0])
            ]

    def __call__(self, prepared: Prepared, image_of_row: Tensor, guess: Tensor) -> Tensor:
        """Return the logit of every cell, (M, N, P), as GatedHead does."""
        logits = [
            member.logits(
                prepared.tokens[number],
                prepared.vectors[number],
                prepared.rows[number],
                prepared.cells[number],
                image_of_row,
                guess,
            )
            for number, member in enumerate(self._members)
        ]
        return torch.stack(logits)


@dataclass(frozen=True, slots=True)
class _Map:
    weight: Tensor
    bias: Tensor

    def __call__(self, values: Tensor) -> Tensor:
        return torch.addmm(self.bias, values.reshape(-1, values.shape[-1]), self.weight)


@dataclass(frozen=True, slots=True)
class _Member:
    token: _Map
    vector: _Map
    cell: _Map
    row: _Map
    semantic: _Map
    segmentation: _Map
    both: _Map
    hidden: _Map
    out: _Map
    linear_cell: Tensor
    linear_row: Tensor
    gain: Tensor | None

    def logits(
        self,
        tokens: Tensor,
        vectors: Tensor,
        rows: Tensor,
        cells: Tensor,
        image_of_row: Tensor,
        guess: Tensor,
    ) -> Tensor:
        """Return (N, P) from (I, P, t), (I, v), (N, r), (N, P, c), (N,) and (N, P)."""
        count, places, _ = cells.shape
        seen = self.token(tokens).view(len(vectors), places, -1)
        seen += self.vector(vectors).unsqueeze(1)
        width = seen.shape[-1:]
        gate = functional.gelu(self.semantic(functional.layer_norm(seen, width))).view(seen.shape)
        f = self.cell(cells)
        f.view(count, places, -1).add_(self.row(rows).unsqueeze(1))
        both = functional.gelu(self.segmentation(functional.layer_norm(f, width)))
        both *= gate[image_of_row].view(both.shape)
        joined = f.add_(seen[image_of_row].view(f.shape)).add_(self.both(both))
        hidden = functional.gelu(self.hidden(functional.layer_norm(joined, width)))
        logits = self.out(hidden).view(count, places)
        logits += (cells.reshape(count * places, -1) @ self.linear_cell).view(count, places)
        logits += (rows @ self.linear_row)[:, None]
        if self.gain is not None:
            logits += self.gain * guess
        return logits


def _member(network: GatedHead, number: int) -> _Member:
    def plain(part: MemberLinear) -> _Map:
        return _Map(part.weight[number].clone(), part.bias[number, 0].clone())

    def behind(norm: MemberNorm, part: MemberLinear) -> _Map:
        weight, bias = part.folded(norm)
        return _Map(weight[number], bias[number, 0])

    def sum_of(first: MemberLinear, second: MemberLinear) -> _Map:
        one, other = plain(first), plain(second)
        return _Map(one.weight + other.weight, one.bias + other.bias)

    out = plain(network.out)
    linear_cell, linear_row = plain(network.linear_cell), plain(network.linear_row)
    return _Member(
        token=plain(network.project_token),
        vector=plain(network.project_vector),
        cell=plain(network.project_cell),
        row=plain(network.project_row),
        semantic=behind(network.norm_s, network.w1),
        segmentation=behind(network.norm_f, network.w2),
        both=sum_of(network.w3, network.w4),
        hidden=behind(network.norm_out, network.hidden),
        out=_Map(out.weight, out.bias + linear_cell.bias + linear_row.bias),
        linear_cell=linear_cell.weight[:, 0],
        linear_row=linear_row.weight[:, 0],
        gain=network.gain[number, 0, 0].clone() if network.anchored else None,
    )

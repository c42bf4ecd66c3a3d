"""Semantic-guided cross-gating over aligned cells, for many ensemble members at once.

The block follows rs-sqa.md: with s the semantic and f the segmentation features of a cell, both
projected to width d, ``s1 = GELU(W1 LN s)``, ``f1 = GELU(W2 LN f)``, ``s' = s + W3 (s1 * f1)``,
``f' = f + s' + W4 (f1 * s1)`` and ``q = sigmoid(MLP2(f') + v f + g a)``. s joins the encoder's view
of the cell with its view of the whole image, f the segmentation's features of the cell with those
of the whole candidate. The last two terms are ours: a learned linear path, and a learned gain on
the label-free guess of ``rsqa_core.heads.anchor``. q is the share of the cell that is right; its
mean over the cells is the predicted quality. Members differ in initial weights and in the scenes
that they were trained on; every weight has a leading member dimension, so that all of them train
and predict in one batched product instead of one after the other.

References:
    Shi et al. 2025, arXiv 2502.13990 (semantic-guided fusion, two-layer head).
    Tu et al. 2022, MAXIM (cross-gating, the block's ancestor).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from rsqa_core.errors import InvalidInputError
from rsqa_core.heads.preparation import CELL_INPUTS, COMPONENTS, ROW_INPUTS, Prepared

GATES = ("two-way", "one-way", "none")
BRANCHES = ("both", "semantic", "segmentation")


class MemberLinear(nn.Module):
    """One linear map a member: (M, ..., in) to (M, ..., out)."""

    def __init__(self, members: int, inputs: int, outputs: int) -> None:
        super().__init__()
        bound = (3.0 / inputs) ** 0.5
        self.weight = nn.Parameter(torch.empty(members, inputs, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(members, 1, outputs))

    def forward(self, values: Tensor) -> Tensor:
        return _mapped(values, self.weight, self.bias)

    def behind(self, norm: MemberNorm, values: Tensor) -> Tensor:
        """Return ``self(norm(values))`` in fewer passes over the values."""
        return _mapped(functional.layer_norm(values, values.shape[-1:]), *self.folded(norm))

    def folded(self, norm: MemberNorm) -> tuple[Tensor, Tensor]:
        """Return weight and bias with the norm's scale and shift in them: far fewer than values."""
        return norm.scale.transpose(1, 2) * self.weight, self.bias + norm.shift @ self.weight


class MemberNorm(nn.Module):
    """Layer norm with scale and shift of each member's own, applied by ``MemberLinear.behind``."""

    def __init__(self, members: int, width: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(members, 1, width))
        self.shift = nn.Parameter(torch.zeros(members, 1, width))


class GatedHead(nn.Module):
    """The fusion block and two-layer head of ``members`` ensemble members.

    Args:
        members: M.
        vector_inputs: length of the standardised semantic vector.
        width: d.
        gate: ``two-way`` as above; ``one-way`` leaves s unchanged; ``none`` concatenates.
        branch: ``both``, or the only one whose features are used (an ablation).
        anchored: add the label-free guess; without it the head starts at one half (an ablation).

    Raises:
        InvalidInputError: there is no such gate or branch.
    """

    def __init__(
        self,
        members: int,
        vector_inputs: int,
        width: int = 32,
        gate: str = "two-way",
        dropout: float = 0.1,
        branch: str = "both",
        anchored: bool = True,
    ) -> None:
        super().__init__()
        for name, value, known in (("gate", gate, GATES), ("branch", branch, BRANCHES)):
            if value not in known:
                raise InvalidInputError(
                    f"Expected `{name}` to be one of {', '.join(known)}, but got {value!r}."
                )
        self.gate = gate
        self.branch = branch
        self.anchored = anchored
        self.dropout = dropout
        self.project_vector = MemberLinear(members, vector_inputs, width)
        self.project_token = MemberLinear(members, COMPONENTS, width)
        self.project_row = MemberLinear(members, ROW_INPUTS, width)
        self.project_cell = MemberLinear(members, CELL_INPUTS, width)
        self.norm_s = MemberNorm(members, width)
        self.norm_f = MemberNorm(members, width)
        self.w1 = MemberLinear(members, width, width)
        self.w2 = MemberLinear(members, width, width)
        self.w3 = MemberLinear(members, width, width)
        self.w4 = MemberLinear(members, width, width)
        joined = 2 * width if gate == "none" else width
        self.norm_out = MemberNorm(members, joined)
        self.hidden = MemberLinear(members, joined, width)
        self.out = MemberLinear(members, width, 1)
        self.linear_row = MemberLinear(members, ROW_INPUTS, 1)
        self.linear_cell = MemberLinear(members, CELL_INPUTS, 1)
        for part in (self.out, self.linear_row, self.linear_cell):
            nn.init.zeros_(part.weight)
        self.gain = nn.Parameter(torch.ones(members, 1, 1))

    def forward(self, prepared: Prepared, image_of_row: Tensor, guess: Tensor) -> Tensor:
        """Return the logit of every cell, (M, N, P).

        Args:
            prepared: inputs of N candidates of I images.
            image_of_row: (N,) int64.
            guess: (N, P) logits of the anchor.
        """
        logits: Tensor = self.out(self.hidden_layer(prepared, image_of_row))[..., 0]
        return self.with_direct(logits, prepared, guess)

    def hidden_layer(self, prepared: Prepared, image_of_row: Tensor) -> Tensor:
        """Return the last hidden layer of every cell, (M, N, P, d)."""
        s = self.project_token(prepared.tokens) + self.project_vector(prepared.vectors).unsqueeze(2)
        f = self.project_cell(prepared.cells) + self.project_row(prepared.rows).unsqueeze(2)
        if self.branch == "segmentation":
            s = torch.zeros_like(s)
        elif self.branch == "semantic":
            f = torch.zeros_like(f)
        return self._fused(s, f, image_of_row)

    def with_direct(self, logits: Tensor, prepared: Prepared, guess: Tensor) -> Tensor:
        """Return (M, N, P) logits of the hidden layer with all that goes past it added."""
        if self.branch != "semantic":
            logits = logits + self.linear_cell(prepared.cells)[..., 0]
            logits = logits + self.linear_row(prepared.rows)
        if self.branch != "semantic" and self.anchored:
            logits = logits + self.gain * guess
        return logits

    def _fused(self, s: Tensor, f: Tensor, image_of_row: Tensor) -> Tensor:
        """Return the last hidden layer, (M, N, P, d), of (M, I, P, d) and (M, N, P, d).

        What concerns s alone is computed once an image, not once a candidate. The two products of
        the gate are of the same values, so that one with the sum of their weights does for both.
        """
        s_of_row = s.index_select(1, image_of_row)
        if self.gate == "none":
            joined = torch.cat([s_of_row, f], dim=-1)
        else:
            s1 = functional.gelu(self.w1.behind(self.norm_s, s)).index_select(1, image_of_row)
            f1 = functional.gelu(self.w2.behind(self.norm_f, f))
            both = s1 * f1
            if self.gate == "two-way":
                weight, bias = self.w3.weight + self.w4.weight, self.w3.bias + self.w4.bias
                guided = _mapped(both, weight, bias)
            else:
                guided = self.w4(both)
            joined = f + s_of_row + guided
        hidden = functional.gelu(self.hidden.behind(self.norm_out, joined))
        return _dropped(hidden, self.dropout) if self.training and self.dropout else hidden


def _mapped(values: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    flat = values.reshape(values.shape[0], -1, values.shape[-1])
    mapped = torch.baddbmm(bias, flat, weight)
    return mapped.view(*values.shape[:-1], mapped.shape[-1])


def _dropped(values: Tensor, rate: float) -> Tensor:
    """Drop values as torch does, from a generator that is several times faster.

    It is seeded by torch's, so that one seed still decides a training.
    """
    seed = int(torch.randint(2**62, ()))
    drawn = np.random.Generator(np.random.SFC64(seed)).bytes(2 * values.numel())
    kept = np.frombuffer(drawn, dtype=np.uint16) >= round(rate * 2**16)
    scale = torch.from_numpy(kept * np.float32(1 / (1 - rate)))
    return values * scale.view(values.shape)

"""Semantic-guided cross-gating for many ensemble members at once.

The block follows rs-sqa.md: with s the semantic and f the segmentation features, both projected to
width d, ``s1 = GELU(W1 LN s)``, ``f1 = GELU(W2 LN f)``, ``s' = s + W3 (s1 * f1)``,
``f' = f + s' + W4 (f1 * s1)`` and ``q = sigmoid(MLP2(f') + (g p + v) f)``. The linear path is ours:
``p`` are the fixed weights of PRIOR, three numbers that rank the sample's scenes well, ``g`` a
learned gain, ``v`` a learned correction. Weight decay then pulls a head of few labels towards those
three and not towards knowing nothing. Members differ in initial weights and
in the scenes that they were trained on; every weight has a leading member dimension, so that all of
them train and predict in one batched product instead of one after the other.

References:
    Shi et al. 2025, arXiv 2502.13990 (semantic-guided fusion, two-layer head).
    Tu et al. 2022, MAXIM (cross-gating, the block's ancestor).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from rsqa_core.features.names import FEATURE_NAMES

GATES = ("two-way", "one-way", "none")

PRIOR = {"peer_mean": 0.5, "region_agreement": 0.3, "max_prob_mean": 0.2}
"""Weights of standardised features, before the gain, in units of the logit."""


class MemberLinear(nn.Module):
    """One linear map a member: (M, N, in) to (M, N, out)."""

    def __init__(self, members: int, inputs: int, outputs: int) -> None:
        super().__init__()
        bound = (3.0 / inputs) ** 0.5
        self.weight = nn.Parameter(torch.empty(members, inputs, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(members, 1, outputs))

    def forward(self, values: Tensor) -> Tensor:
        return torch.baddbmm(self.bias, values, self.weight)


class MemberNorm(nn.Module):
    """Layer norm with scale and shift of each member's own: (M, N, d) to (M, N, d)."""

    def __init__(self, members: int, width: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(members, 1, width))
        self.shift = nn.Parameter(torch.zeros(members, 1, width))

    def forward(self, values: Tensor) -> Tensor:
        normed = functional.layer_norm(values, values.shape[-1:])
        return normed * self.scale + self.shift


class GatedHead(nn.Module):
    """The fusion block and two-layer head of ``members`` ensemble members.

    Args:
        members: M.
        semantic_inputs: length of the standardised semantic vector.
        segmentation_inputs: length of the standardised segmentation vector with missing flags.
        width: d.
        gate: ``two-way`` as above; ``one-way`` leaves s unchanged; ``none`` concatenates.
    """

    prior: Tensor

    def __init__(
        self,
        members: int,
        semantic_inputs: int,
        segmentation_inputs: int,
        width: int = 32,
        gate: str = "two-way",
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.gate = gate
        self.dropout = dropout
        self.project_s = MemberLinear(members, semantic_inputs, width)
        self.project_f = MemberLinear(members, segmentation_inputs, width)
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
        self.linear = MemberLinear(members, segmentation_inputs, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.linear.weight)
        self.gain = nn.Parameter(torch.ones(members, 1))
        prior = torch.zeros(segmentation_inputs)
        for name, value in PRIOR.items():
            prior[FEATURE_NAMES.index(name)] = value
        self.register_buffer("prior", prior, persistent=False)

    def fused(self, semantic: Tensor, segmentation: Tensor) -> Tensor:
        """Return the last hidden layer, (M, N, d)."""
        s, f = self.project_s(semantic), self.project_f(segmentation)
        if self.gate == "none":
            joined = torch.cat([s, f], dim=-1)
        else:
            s1 = functional.gelu(self.w1(self.norm_s(s)))
            f1 = functional.gelu(self.w2(self.norm_f(f)))
            guided = s + self.w3(s1 * f1) if self.gate == "two-way" else s
            joined = f + guided + self.w4(f1 * s1)
        hidden = functional.gelu(self.hidden(self.norm_out(joined)))
        return functional.dropout(hidden, self.dropout, self.training)

    def forward(self, semantic: Tensor, segmentation: Tensor) -> Tensor:
        """Return logits (M, N) for (M, N, Ds) and (M, N, Df)."""
        logits: Tensor = self.out(self.fused(semantic, segmentation)) + self.linear(segmentation)
        return logits[..., 0] + self.gain * (segmentation @ self.prior)

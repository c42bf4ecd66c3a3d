"""The selective state-space recurrence of Mamba in plain torch, and the mixer around it."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

CHUNK = 64
"""Steps whose discretised matrices are held at once; more only cost memory."""


def selective_scan(u: Tensor, dt: Tensor, a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Tensor:
    """Run h_t = exp(dt_t a) h_{t-1} + dt_t b_t u_t and return y_t = c_t h_t + d u_t.

    The recurrence runs step by step, so it is exact: forms that divide by cumulated decays lose
    all digits where a state decays fast.

    Args:
        u: (N, L, E) inputs.
        dt: (N, L, E) step sizes, positive.
        a: (E, S) decay rates, negative.
        b: (N, L, S) what an input adds to each state.
        c: (N, L, S) how states are read.
        d: (E,) weight of the input itself.

    Returns:
        (N, L, E).

    References:
        Gu and Dao 2023, Mamba: Linear-Time Sequence Modeling with Selective State Spaces.
    """
    state = u.new_zeros(u.shape[0], u.shape[2], a.shape[1])
    parts: list[Tensor] = []
    for start in range(0, u.shape[1], CHUNK):
        steps = slice(start, start + CHUNK)
        decays = torch.exp(dt[:, steps, :, None] * a).unbind(1)
        inputs = ((dt[:, steps] * u[:, steps])[..., None] * b[:, steps, None, :]).unbind(1)
        states: list[Tensor] = []
        for decay, added in zip(decays, inputs, strict=True):
            state = torch.addcmul(added, decay, state)
            states.append(state)
        parts.append((torch.stack(states, 1) @ c[:, steps, :, None])[..., 0])
    return torch.cat(parts, 1) + u * d


class Mixer(nn.Module):
    """A Mamba block's mixer: gated, with a causal convolution before the selective scan.

    Keys are those of Mamba's own implementations.
    """

    def __init__(self, dim: int, inner: int, states: int, dt_rank: int, kernel: int) -> None:
        super().__init__()
        self.states = states
        self.dt_rank = dt_rank
        self.in_proj = nn.Linear(dim, 2 * inner, bias=False)
        self.conv1d = nn.Conv1d(inner, inner, kernel, groups=inner, padding=kernel - 1)
        self.x_proj = nn.Linear(inner, dt_rank + 2 * states, bias=False)
        self.dt_proj = nn.Linear(dt_rank, inner)
        rates = torch.arange(1.0, states + 1).expand(inner, states)
        self.A_log = nn.Parameter(torch.log(rates).contiguous())
        self.D = nn.Parameter(torch.ones(inner))
        self.out_proj = nn.Linear(inner, dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, L, D) for (N, L, D)."""
        u, gate = self.in_proj(x).chunk(2, dim=-1)
        # Padding on both sides, cut at the end: each step sees itself and those before it.
        u = functional.silu(self.conv1d(u.transpose(1, 2))[..., : x.shape[1]]).transpose(1, 2)
        dt, b, c = self.x_proj(u).split([self.dt_rank, self.states, self.states], dim=-1)
        dt = functional.softplus(self.dt_proj(dt))
        y = selective_scan(u, dt, -torch.exp(self.A_log), b, c, self.D)
        mixed: Tensor = self.out_proj(y * functional.silu(gate))
        return mixed

"""The selective scan against two nested loops over single numbers, and its mixer's causality."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from rsqa_core.encoders.networks import selective_scan as module
from rsqa_core.encoders.networks.selective_scan import Mixer, selective_scan


def inputs(length: int, seed: int = 0) -> tuple[Tensor, ...]:
    draw = torch.Generator().manual_seed(seed)
    n, inner, states = 2, 3, 4
    return (
        torch.randn(n, length, inner, generator=draw),
        torch.rand(n, length, inner, generator=draw),
        -torch.rand(inner, states, generator=draw) * 3,
        torch.randn(n, length, states, generator=draw),
        torch.randn(n, length, states, generator=draw),
        torch.randn(inner, generator=draw),
    )


def by_loops(u: Tensor, dt: Tensor, a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Tensor:
    out = torch.zeros(u.shape, dtype=torch.float64)
    for n in range(u.shape[0]):
        for e in range(u.shape[2]):
            states = [0.0] * a.shape[1]
            for t in range(u.shape[1]):
                step, value = float(dt[n, t, e]), float(u[n, t, e])
                for s in range(a.shape[1]):
                    decay = math.exp(step * float(a[e, s]))
                    states[s] = decay * states[s] + step * float(b[n, t, s]) * value
                read = sum(float(c[n, t, s]) * states[s] for s in range(a.shape[1]))
                out[n, t, e] = read + float(d[e]) * value
    return out


@pytest.mark.parametrize("length", [1, 7, 8, 21])
def test_the_scan_equals_nested_loops(length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", 8)  # lengths below, at and beyond a chunk
    given = inputs(length)

    assert torch.allclose(selective_scan(*given).double(), by_loops(*given), atol=1e-5)


def test_states_that_decay_at_once_lose_nothing() -> None:
    u, dt, a, b, c, d = inputs(200)
    fast = selective_scan(u, dt, 1e4 * a, b, c, d)

    # Whatever is older than a step has decayed.
    expected = (dt * (b * c).sum(-1, keepdim=True) + d) * u
    gone = (dt[..., None] * a).amax(-1) * 1e4 < -20
    assert float(gone.float().mean()) > 0.9
    assert torch.allclose(fast[gone], expected[gone], atol=1e-4)
    assert bool(fast.isfinite().all())


def test_a_token_depends_on_those_before_it_only() -> None:
    torch.manual_seed(0)
    mixer = Mixer(dim=6, inner=8, states=4, dt_rank=2, kernel=4)
    x = torch.randn(1, 12, 6)
    changed = x.clone()
    changed[0, 5] += 1

    with torch.inference_mode():
        difference = (mixer(changed) - mixer(x)).abs().amax(-1)[0]

    assert float(difference[:5].max()) == 0
    assert float(difference[5:].min()) > 1e-6

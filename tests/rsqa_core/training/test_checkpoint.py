"""Checkpoints bring a run back to where it was, or say that there is nothing to go on with."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from rsqa_core.training import checkpoint as checkpoint_module
from rsqa_core.training.checkpoint import Checkpoint


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint_module, "EVERY_STEPS", 2)


class Run:
    """A line fitted with momentum, so that the optimiser has a state of its own."""

    def __init__(self, path: Path | None, identity: str = "line") -> None:
        torch.manual_seed(0)
        self.network = nn.Linear(2, 1)
        self.optimiser = torch.optim.SGD(self.network.parameters(), lr=0.1, momentum=0.9)
        parts = {"network": self.network, "optimiser": self.optimiser}
        self.state = Checkpoint(path, identity, parts)

    def go(self, start: int, end: int) -> None:
        for step in range(start, end):
            data = torch.full((4, 2), float(step))
            loss = (self.network(data) - 1).square().mean()
            self.optimiser.zero_grad()
            loss.backward()
            self.optimiser.step()
            self.state.after_step(step + 1)


def test_a_resumed_run_ends_where_an_unbroken_one_does(tmp_path: Path) -> None:
    whole, first = Run(None), Run(tmp_path / "folder" / "run.pt")
    whole.go(0, 6)
    first.go(0, 5)  # stopped after five steps, the last save was at four

    second = Run(tmp_path / "folder" / "run.pt")
    start = second.state.resume()
    second.go(start, 6)

    assert start == 4
    assert torch.equal(second.network.weight, whole.network.weight)
    assert torch.equal(second.network.bias, whole.network.bias)


def test_between_saves_nothing_is_written(tmp_path: Path) -> None:
    run = Run(tmp_path / "run.pt")
    run.go(0, 1)

    assert list(tmp_path.iterdir()) == []
    assert Run(tmp_path / "run.pt").state.resume() == 0


def test_a_run_of_other_options_is_not_resumed(tmp_path: Path) -> None:
    Run(tmp_path / "run.pt", "learning rate 0.1").go(0, 2)
    other = Run(tmp_path / "run.pt", "learning rate 0.2")
    before = other.network.weight.clone()

    assert other.state.resume() == 0
    assert torch.equal(other.network.weight, before)


def test_a_finished_run_leaves_no_file(tmp_path: Path) -> None:
    run = Run(tmp_path / "run.pt")
    run.go(0, 2)
    assert (tmp_path / "run.pt").exists()

    run.state.remove()
    run.state.remove()

    assert list(tmp_path.iterdir()) == []


def test_without_a_path_nothing_is_kept() -> None:
    run = Run(None)
    run.go(0, 4)

    assert run.state.resume() == 0
    run.state.remove()

"""Two processes of torchrun's kind train as one does."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from rsqa_core.training.contrastive import train_contrastive
from rsqa_core.training.pairs import pick
from rsqa_core.training.processes import (
    gather_objects,
    gather_rows,
    joined_processes,
    process_count,
)
from tests.rsqa_core.training.tiny import COLOURS, ColourPairs, tiny_towers

_ROOT = Path(__file__).resolve().parents[3]

_OTHER = """
import torch
torch.set_num_threads(1)
from rsqa_core.training.processes import joined_processes
from tests.rsqa_core.training.test_processes import trained
with joined_processes("cpu"):
    trained()
"""


def trained() -> tuple[list[float], dict[str, torch.Tensor]]:
    """Train three steps on pairs of which some have masks; return running losses and weights."""
    from dataclasses import replace

    from tests.rsqa_core.training.test_contrastive import TINY

    losses: list[float] = []

    def noting(step: str, done: int, total: int) -> None:
        losses.append(float(step.rpartition("loss ")[2].rstrip(")")))

    towers = tiny_towers()
    train_contrastive(
        towers,
        pick([ColourPairs(12, masks=[0, 1, 2])], trusted=True),
        list(COLOURS),
        replace(TINY, steps=3, batch=4, region_weight=1.0),
        progress=noting,
    )
    return losses, towers.model.state_dict()


def test_two_processes_give_the_loss_and_the_weights_of_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The other process is a real one; this one takes the part of rank 0."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    environment = {**os.environ, **shared, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(_ROOT)}
    other = subprocess.Popen(
        [sys.executable, "-c", _OTHER],
        cwd=_ROOT,
        env={**environment, "RANK": "1", "LOCAL_RANK": "1"},
        stderr=subprocess.PIPE,
        text=True,
    )
    for name, value in (shared | {"RANK": "0", "LOCAL_RANK": "0"}).items():
        monkeypatch.setenv(name, value)
    try:
        with joined_processes("cpu") as device:
            assert device == "cpu"
            assert process_count() == 2
            losses, weights = trained()
        complaint = other.communicate(timeout=60)[1]
    finally:
        other.kill()
    assert other.returncode == 0, complaint
    assert process_count() == 1

    one_losses, one = trained()

    assert losses == pytest.approx(one_losses, abs=2e-3)
    for key, value in one.items():
        if not key.endswith("in_proj_bias"):  # that of keys has no gradient but rounding
            assert torch.allclose(value, weights[key], atol=1e-5), key


def test_one_process_exchanges_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    rows = torch.ones(2, 3)

    with joined_processes("cpu") as device:
        assert device == "cpu"
        assert gather_rows(rows) is rows
        assert gather_objects(json.dumps([1])) == ["[1]"]

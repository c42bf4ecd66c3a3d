"""Checkpoints that let a stopped training go on where it was."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch

EVERY_STEPS = 50


class Stateful(Protocol):
    """A network, optimiser or schedule."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state_dict: dict[str, Any]) -> Any: ...


class Checkpoint:
    """The state of one training run in one file; None as path keeps nothing.

    ``identity`` spells out every option of the run: a file of another identity is not resumed.
    """

    def __init__(self, path: Path | None, identity: str, parts: Mapping[str, Stateful]) -> None:
        self._path = path
        self._identity = identity
        self._parts = parts

    def resume(self) -> int:
        """Load the parts and return the number of steps done, 0 without a fitting file."""
        if self._path is None or not self._path.exists():
            return 0
        state = torch.load(self._path, weights_only=True)
        if state["identity"] != self._identity:
            return 0
        for name, part in self._parts.items():
            part.load_state_dict(state[name])
        return int(state["step"])

    def after_step(self, steps_done: int, *, last: bool = False) -> None:
        """Save at every EVERY_STEPS-th step, and at the last one if it is to be kept."""
        if self._path is None or (steps_done % EVERY_STEPS and not last):
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        partial = self._path.with_suffix(".partial")
        state = {name: part.state_dict() for name, part in self._parts.items()}
        torch.save(state | {"identity": self._identity, "step": steps_done}, partial)
        partial.replace(self._path)

    def remove(self) -> None:
        """Delete the file once the run is complete."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)

"""Reading checkpoints of other projects, and bringing their keys into a network's own layout."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from rsqa_core.errors import UnreadableFileError


class InertObject:
    """Takes the place of whatever else a checkpoint names beside its weights; it does nothing."""

    def __new__(cls, *_: object) -> InertObject:
        return super().__new__(cls)

    def __init__(self, *_: object) -> None: ...

    def __setstate__(self, state: object) -> None: ...


def read_checkpoint(path: Path, stand_ins: Sequence[str] = ()) -> dict[str, Any]:
    """Read a checkpoint without running code that it names.

    Args:
        path: a .safetensors file, or what ``torch.save`` wrote.
        stand_ins: full names of classes and functions that the file may mention beside its
            weights, such as records of the training. An inert object takes their place: nothing of
            theirs runs, and the library they come from need not be installed.

    Raises:
        UnreadableFileError: the file is missing, damaged, or names anything else.
    """
    try:
        if path.suffix == ".safetensors":
            return dict(load_file(path))
        with torch.serialization.safe_globals([(InertObject, name) for name in stand_ins]):
            loaded = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # safetensors, pickle and zip errors have no common type
        refused = re.search(r"Unsupported global: GLOBAL (\S+)", str(error))
        cause = (
            f"it names {refused[1]}, which is no weight. If you trust the file, save its weights "
            "alone, as safetensors"
            if refused
            else str(error)
        )
        raise UnreadableFileError(f"Cannot read encoder weights {path}: {cause}.") from error
    if not isinstance(loaded, dict):
        raise UnreadableFileError(
            f"Expected {path} to hold a dictionary of weights, but got {type(loaded).__name__}."
        )
    return loaded


def unwrapped(state: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    """Return what lies in ``state`` under the first of ``names`` that is there, or ``state``."""
    for name in names:
        inner = state.get(name)
        if isinstance(inner, Mapping):
            return inner
    return state


def renamed(
    state: Mapping[str, Any], renames: Sequence[tuple[str, str]], dropped: Sequence[str]
) -> dict[str, Tensor]:
    """Return the weights under a network's own keys.

    Args:
        state: tensors by their key in the checkpoint.
        renames: pairs of a regular expression that matches a whole key, and the new key. The first
            that matches decides.
        dropped: regular expressions of whole keys that the network has no use for.

    Returns:
        float32 tensors (whole numbers keep their type).

    Raises:
        UnreadableFileError: no rule knows a key, two keys become one, or a value is no tensor.
    """
    ours: dict[str, Tensor] = {}
    foreign: list[str] = []
    for key, value in state.items():
        if any(re.fullmatch(pattern, key) for pattern in dropped):
            continue
        new = next(
            (
                match.expand(target)
                for pattern, target in renames
                if (match := re.fullmatch(pattern, key))
            ),
            None,
        )
        if new is None or new in ours or not isinstance(value, Tensor):
            foreign.append(key)
        else:
            ours[new] = value.float() if value.is_floating_point() else value
    if foreign or not ours:
        raise UnreadableFileError(
            f"The checkpoint does not have the layout expected: {len(foreign)} of {len(state)} "
            f"keys are unknown, such as {sorted(foreign)[:4]}. Check that the file is the one that "
            "the encoder's documentation names."
        )
    return ours


def needed(state: Mapping[str, Tensor], key: str) -> Tensor:
    """Return a tensor by its key.

    Raises:
        UnreadableFileError: it is missing.
    """
    if key not in state:
        raise UnreadableFileError(
            f"The checkpoint lacks {key!r}, without which the network's size is unknown. Check "
            "that the file is complete and is the one that the encoder's documentation names."
        )
    return state[key]


def count(state: Mapping[str, Tensor], pattern: str) -> int:
    """Return one more than the largest number that a key has where ``pattern`` has its group.

    Example:
        >>> count({"layers.0.w": torch.ones(1), "layers.11.w": torch.ones(1)}, r"layers.(\\d+)")
        12
    """
    found = [int(match[1]) for key in state if (match := re.match(pattern, key))]
    return max(found, default=-1) + 1

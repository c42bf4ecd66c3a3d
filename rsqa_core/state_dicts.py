"""Whether the tensors of a file are those that a model takes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

_NAMED = 4


class HasShape(Protocol):
    """A tensor or array."""

    @property
    def shape(self) -> tuple[int, ...]: ...


def misfit(
    known: Mapping[str, HasShape], given: Mapping[str, HasShape], optional: Collection[str] = ()
) -> str:
    """Return which keys are missing, left over or of another shape; empty where all fit.

    Args:
        known: what the model takes.
        given: what the file holds.
        optional: keys of ``known`` that may be absent.

    Example:
        >>> import numpy as np
        >>> misfit({"a": np.zeros(2)}, {"a": np.zeros(3), "b": np.zeros(1)})
        "missing [], unexpected ['b'], of another shape ['a']"
    """
    missing = [key for key in known if key not in given and key not in optional]
    unexpected = [key for key in given if key not in known]
    misshapen = [k for k, v in given.items() if k in known and v.shape != known[k].shape]
    if not (missing or unexpected or misshapen):
        return ""
    return (
        f"missing {some(missing)}, unexpected {some(unexpected)}, of another shape "
        f"{some(misshapen)}"
    )


def some(keys: list[str]) -> str:
    """Return the first few names of a list, and how many more there are."""
    more = len(keys) - _NAMED
    return f"{keys[:_NAMED]}" + (f" and {more} more" if more > 0 else "")

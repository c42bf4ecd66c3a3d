"""Parts of the report beside the protocols, each written as soon as it is measured.

A part replaces what an earlier run wrote of it in quality.json and quality.md and leaves the rest
alone, so that parts can be measured one after another.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.record import circumstances
from rsqa_core.evaluation.resampling import cluster_counts, interval
from rsqa_core.files import write_atomically

Content = dict[str, Any]


def clustered_mean(values: NDArray[Any], cluster: NDArray[Any], repeats: int) -> list[float] | None:
    """Return the mean of values and its 95 % interval under resampling of clusters.

    Args:
        values: (N,) numbers or truth values.
        cluster: (N,) name of each one's cluster: its source image.

    Returns:
        [value, low, high], None without values.
    """
    if not len(values):
        return None
    place = np.unique(cluster, return_inverse=True)[1]
    counts = cluster_counts(int(place.max()) + 1, repeats)
    sums = counts @ np.bincount(place, weights=values.astype(np.float64))
    draws = sums / (counts @ np.bincount(place))
    return listed(interval(draws[None]))


def listed(value: tuple[float, float, float] | None) -> list[float] | None:
    """Return a figure with its interval as quality.json has it."""
    return None if value is None else [round(number, 5) for number in value]


def shown(value: Sequence[float] | None, digits: int = 3) -> str:
    """Return a figure with its interval as a cell of a table."""
    if value is None:
        return "–"
    first, low, high = (f"{number:.{digits}f}" for number in value)
    return f"{first} [{low}, {high}]"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def write_part(results: Path, name: str, content: Mapping[str, Any], lines: Sequence[str]) -> None:
    """Put a part into quality.json and quality.md, with the commit that measured it."""
    path = results / "quality.json"
    every: Content = json.loads(path.read_text()) if path.exists() else {}
    every[name] = {**content, "commit": circumstances()["commit"]}
    write_atomically(path, (json.dumps(every, indent=1, allow_nan=False) + "\n").encode())
    path = results / "quality.md"
    text = path.read_text() if path.exists() else "# Predicted quality beside every baseline\n"
    first, last = f"<!-- {name} -->", f"<!-- end of {name} -->"
    block = "\n".join([first, "", *lines, "", last]) + "\n"
    if first in text:
        before, _, rest = text.partition(first)
        text = before + block + rest.partition(f"{last}\n")[2]
    else:
        text = f"{text}\n{block}"
    write_atomically(path, text.encode())

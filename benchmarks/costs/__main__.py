"""What encoding, scoring and retraining cost.

``python -m benchmarks.costs`` (``make bench-speed``) encodes generated images beside a plain loop
of open_clip, scores eight candidates an image beside what cannot be saved of it, and makes up
projects of the given numbers of labels, on which it retrains and publishes twice each. It prints
the figures; a row goes to benchmarks/results/costs.csv and, of a run of all parts, to costs.json.
``--parts`` picks some; ``--smoke`` is quick and records nothing.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks.costs.candidates import measure_candidates
from benchmarks.costs.encoding import LARGE, measure_encoding
from benchmarks.costs.retraining import measure_retraining
from benchmarks.record import RESULTS, Value, append_row, circumstances
from rsqa_core.encoders.openclip import COMPACT
from rsqa_core.files import write_atomically
from workflows.process_settings import keep_freed_memory

LABELS = (1_000, 10_000)
PARTS = ("encoding", "candidates", "retraining")


@dataclass(frozen=True)
class Sizes:
    """How much is measured; sides in px."""

    encoded: int = 64
    scored: int = 24
    side_px: int = 512
    labels: tuple[int, ...] = LABELS
    encoders: tuple[str, ...] = (COMPACT, LARGE)


SMOKE = Sizes(encoded=2, scored=2, side_px=64, labels=(48,), encoders=(COMPACT,))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and record unless it is only a smoke test."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.costs", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--smoke", action="store_true", help="quick; records nothing")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--labels", type=int, nargs="+", default=LABELS, help="numbers of labels")
    options = parser.parse_args(arguments)
    sizes = SMOKE if options.smoke else Sizes(labels=tuple(options.labels))
    keep_freed_memory()  # as commands and jobs do
    figures: dict[str, Value] = {}
    with tempfile.TemporaryDirectory(prefix="rsqa-costs-") as name:
        folder = Path(name)
        if "encoding" in options.parts:
            figures |= measure_encoding(
                folder / "encoding", sizes.encoded, sizes.side_px, sizes.encoders
            )
        if "candidates" in options.parts:
            figures |= measure_candidates(folder / "candidates", sizes.scored, sizes.side_px)
        for count in sizes.labels if "retraining" in options.parts else ():
            figures |= measure_retraining(folder / f"labels-{count}", count)
    for name, value in figures.items():
        print(f"{name:36} {value:>10}")
    if not options.smoke:
        row = {"parts": " ".join(options.parts), "threads": torch.get_num_threads()}
        append_row(RESULTS / "costs.csv", row, figures)
        if set(options.parts) == set(PARTS):
            content = json.dumps({**circumstances(), **figures}, indent=1)
            write_atomically(RESULTS / "costs.json", content.encode())
        print(f"Appended to {RESULTS / 'costs.csv'}.")


if __name__ == "__main__":
    main()

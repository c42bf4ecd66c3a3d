"""What retraining costs, by number of labels.

``python -m benchmarks.costs`` (``make bench-speed``) makes up projects of the given numbers of
labels, retrains and publishes twice each, and prints seconds and peak memory. A row goes to
benchmarks/results/costs.csv and the figures to costs.json. ``--smoke`` is quick and records
nothing.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.costs.retraining import measure_retraining
from benchmarks.record import RESULTS, Value, append_row, circumstances
from rsqa_core.files import write_atomically

LABELS = (1_000, 10_000)
SMOKE = (48,)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and record unless it is only a smoke test."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.costs", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--smoke", action="store_true", help="quick; records nothing")
    parser.add_argument("--labels", type=int, nargs="+", default=LABELS, help="numbers of labels")
    options = parser.parse_args(arguments)
    numbers = SMOKE if options.smoke else tuple(options.labels)
    figures: dict[str, Value] = {}
    for count in numbers:
        with tempfile.TemporaryDirectory(prefix="rsqa-costs-") as folder:
            figures |= measure_retraining(Path(folder), count)
    for name, value in figures.items():
        print(f"{name:36} {value:10.2f}")
    if not options.smoke:
        append_row(RESULTS / "costs.csv", {"labels": " ".join(map(str, numbers))}, figures)
        content = json.dumps({**circumstances(), **figures}, indent=1)
        write_atomically(RESULTS / "costs.json", content.encode())
        print(f"Appended to {RESULTS / 'costs.csv'}.")


if __name__ == "__main__":
    main()

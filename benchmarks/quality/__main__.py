"""How well predicted quality agrees with measured quality, beside every baseline.

``python -m benchmarks.quality --home DIR --projects dubai kampala`` works on an installation whose
projects have candidates and reference masks. The first project is predicted scene by scene and
segmenter by segmenter, each from what is left; with several projects every one is predicted from
the others, with and without 20 labels of it. Prints the tables and writes quality.json,
quality.csv (a row a protocol and method) and quality.md with its plots to benchmarks/results/.
What is slow is kept in the installation, what a head predicted with each seed too: a second run
takes minutes, and one that was ended goes on from there.

``--parts`` picks what is measured: the protocols; ablations of the head; masks of another image
(sanity); error against labels (curve); alarms. Without the protocols no baseline is computed, and
each part replaces what quality.json and quality.md have of it. docs/benchmark.md says how each
figure is made.

``--smoke`` runs on tiny generated scenes in a temporary folder and records nothing there.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch

from benchmarks.quality.candidates import Candidates, load_candidates
from benchmarks.quality.curve import DRAWS
from benchmarks.quality.further import PARTS, Amounts, report_parts
from benchmarks.quality.keeping import Keeper, kept_in
from benchmarks.quality.markdown import write_markdown
from benchmarks.quality.methods import HEAD, Method, baselines, head_method
from benchmarks.quality.plots import draw_plots
from benchmarks.quality.protocol import run
from benchmarks.quality.report import (
    FIGURES,
    Run,
    figures_of,
    table_lines,
    write_csv,
    write_json,
)
from benchmarks.quality.smoke import PROJECTS, tiny_installation
from benchmarks.quality.splits import PROTOCOLS
from benchmarks.record import RESULTS
from rsqa_core.settings import Settings
from rsqa_core.training.head import HeadTraining
from workflows.commands.progress import ProgressBar
from workflows.opening import Installation, open_installation
from workflows.process_settings import keep_freed_memory


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--home", type=Path, help="installation, e.g. var")
    parser.add_argument(
        "--projects", nargs="+", default=["dubai"], help="the first is the main one"
    )
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--protocols", nargs="+", choices=list(PROTOCOLS), default=list(PROTOCOLS))
    parser.add_argument("--seeds", type=int, default=5, help="of everything that draws")
    parser.add_argument(
        "--part-seeds", type=int, default=1, help="of the ablations, slow as they are"
    )
    parser.add_argument("--draws", type=int, default=DRAWS, help="of orders of labels")
    parser.add_argument("--resamples", type=int, default=1000, help="of source images")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where files are written")
    parser.add_argument("--smoke", action="store_true", help="quick, on generated scenes")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    keep_freed_memory()
    if options.smoke:
        with tempfile.TemporaryDirectory(prefix="rsqa-bench-") as folder:
            installation = tiny_installation(Path(folder) / "home")
            quick = HeadTraining(epochs=2, seeds=1, width=8)
            results = options.results if options.results != RESULTS else Path(folder) / "results"
            if "protocols" in options.parts:
                tested = [head_method(quick)]
                report(installation, list(PROJECTS), tested, 2, 20, results, list(PROTOCOLS))
            amounts = Amounts(seeds=1, draws=2, repeats=20)
            report_parts(installation, list(PROJECTS), options.parts, quick, amounts, results)
            installation.database.close()
        return
    if options.home is None:
        parser.error("expected --home DIR, the installation to measure on, or --smoke")
    installation = open_installation(Settings(home=options.home.resolve()))
    if "protocols" in options.parts:
        report(
            installation,
            options.projects,
            [head_method()],
            options.seeds,
            options.resamples,
            options.results,
            options.protocols,
        )
    amounts = Amounts(options.part_seeds, options.draws, options.resamples)
    report_parts(installation, options.projects, options.parts, HEAD, amounts, options.results)


def report(
    installation: Installation,
    slugs: Sequence[str],
    tested: Sequence[Method],
    seeds: int,
    repeats: int,
    results: Path,
    protocols: Sequence[str],
) -> Run:
    """Run every protocol on every method, print the tables and write all files.

    Args:
        tested: methods under test; the report compares the first with everything else.
    """
    with ProgressBar() as progress:
        found = load_candidates(installation, slugs, progress=progress)
        keeper = Keeper.of(kept_in(installation), found)
        measured = measure(found, tested, seeds, repeats, protocols, keeper, progress)
    for protocol, table in measured.tables.items():
        print(f"\n{protocol}")
        print("\n".join(table_lines(table, FIGURES, with_ends=False)))
    write_json(results / "quality.json", measured)
    write_csv(results / "quality.csv", measured)
    write_markdown(results / "quality.md", measured, draw_plots(results, measured))
    return measured


def measure(
    found: Candidates,
    tested: Sequence[Method],
    seeds: int,
    repeats: int,
    protocols: Sequence[str],
    keeper: Keeper,
    progress: ProgressBar,
) -> Run:
    """Return every figure of every protocol that these candidates allow."""
    measured = Run(found, [method.name for method in tested], seeds, repeats)
    for protocol in protocols:
        methods = [*tested, *baselines()]
        outcome = run(protocol, found, methods, seeds, keeper=keeper, progress=progress)
        if outcome is None:
            continue
        measured.outcomes[protocol] = outcome
        table, gains = figures_of(found, outcome, measured.tested, repeats)
        measured.tables[protocol], measured.gains[protocol] = table, gains
    return measured


if __name__ == "__main__":
    main()

"""Measures the parts of the benchmark beside the protocols, one after another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.quality.ablations import ablation_lines, ablations
from benchmarks.quality.candidates import load_candidates
from benchmarks.quality.curve import curve_lines, learning_curve
from benchmarks.quality.keeping import Keeper, kept_in
from benchmarks.quality.parts import write_part
from benchmarks.quality.plots import draw_curve
from benchmarks.quality.sanity import sanity, sanity_lines
from benchmarks.quality.shift import alarm_lines, alarms
from db.store import projects
from rsqa_core.training.head import HeadTraining
from workflows.commands.progress import ProgressBar
from workflows.opening import Installation

PARTS = ("protocols", "ablations", "sanity", "curve", "alarms")


@dataclass(frozen=True)
class Amounts:
    """How much is drawn.

    Attributes:
        seeds: of the ablations.
        draws: orders of labels.
        repeats: resamples of source images.
    """

    seeds: int
    draws: int
    repeats: int


def report_parts(
    installation: Installation,
    slugs: Sequence[str],
    parts: Sequence[str],
    options: HeadTraining,
    amounts: Amounts,
    results: Path,
) -> None:
    """Measure every part of ``parts`` but the protocols; print and write each when it is done."""
    wanted = [part for part in PARTS if part in parts and part != "protocols"]
    if not wanted:
        return
    with installation.database.read() as session:
        classes = {
            slug: [each.name for each in projects.get(session, slug).classes] for slug in slugs
        }
    with ProgressBar() as progress:
        found = load_candidates(installation, slugs, summaries=False, progress=progress)
        for part in wanted:
            if part == "ablations":
                keeper = Keeper.of(kept_in(installation), found)
                content = ablations(
                    found,
                    options,
                    amounts.seeds,
                    amounts.repeats,
                    keeper=keeper,
                    progress=progress,
                )
                lines = ablation_lines(content)
            elif part == "sanity":
                content = sanity(installation, found, options, amounts.repeats, progress=progress)
                lines = sanity_lines(content)
            elif part == "curve":
                content = learning_curve(found, options, amounts.draws, progress=progress)
                lines = curve_lines(content, draw_curve(results, content))
            else:
                content = alarms(found, options, amounts.repeats, classes, progress=progress)
                lines = alarm_lines(content)
            write_part(results, _KEYS.get(part, part), content, lines)
            print("\n" + "\n".join(lines))


_KEYS = {"curve": "learning_curve"}
"""Key in quality.json of a part that is called otherwise there."""

"""``rsqa evaluate``: predicted quality against reference masks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from workflows.evaluating import Evaluation

_EXAMPLES = """\b
Examples:
  rsqa evaluate --project dubai
  rsqa evaluate --project dubai --scene tile7 --json figures.json
"""


@click.command(epilog=_EXAMPLES)
@click.option("--project", "slug", required=True, metavar="P", help="Short name of the project.")
@click.option("--head", "head_id", metavar="ID", help="Evaluate this head, not the current one.")
@click.option("--scene", metavar="NAME", help="Only images of this scene.")
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path), help="Also write the figures to FILE."
)
def command(slug: str, head_id: str | None, scene: str | None, json_file: Path | None) -> None:
    """Compare predicted quality with reference masks, beside every baseline.

    Scenes that the head was trained on are scored by members that never saw them.
    """
    from rsqa_core.files import write_atomically
    from workflows.commands.progress import ProgressBar
    from workflows.evaluating import evaluate_project
    from workflows.opening import open_installation

    with ProgressBar() as progress:
        figures = evaluate_project(
            open_installation(), slug, head_id=head_id, scene=scene, progress=progress
        )
    click.echo(table(figures))
    if json_file is not None:
        text = json.dumps(figures.to_json(), indent=2, allow_nan=False)
        write_atomically(json_file, (text + "\n").encode())
        click.echo(f"Wrote {json_file}.")


def table(figures: Evaluation) -> str:
    """Return the figures as aligned text."""
    lines = [
        f"{figures.slug}: {figures.n_images} images, {figures.n_candidates} candidates, "
        f"head {figures.head_id}",
        "",
        f"{'method':<14}{'SRCC':>7}{'KRCC':>7}{'PLCC':>7}{'MAE':>7}{'RMSE':>7}"
        f"{'top-1':>8}{'regret':>8}{'p95':>7}{'gap':>7}",
    ]
    for method, pooled in figures.pooled.items():
        within = figures.within_image[method]
        numbers = [
            (pooled and pooled.srcc, 7),
            (pooled and pooled.krcc, 7),
            (pooled and pooled.plcc, 7),
            (pooled and pooled.mae, 7),
            (pooled and pooled.rmse, 7),
            (within and within.top1, 8),
            (within and within.regret_mean, 8),
            (within and within.regret_p95, 7),
            (within and within.gap_closed, 7),
        ]
        cells = "".join(
            f"{'-' if value is None else format(value, '.3f'):>{width}}" for value, width in numbers
        )
        lines.append(f"{method:<14}{cells}")
    if figures.strongest is not None:
        names = {"srcc": "SRCC", "mae": "MAE"}
        lines += [
            "",
            f"Gain over {figures.strongest}, 95 % intervals over source images: "
            + ", ".join(
                f"{name} {figures.gain[key][0]:+.3f} to {figures.gain[key][1]:+.3f}"
                for key, name in names.items()
                if key in figures.gain
            ),
        ]
    if figures.seen_scenes:
        lines += [
            "",
            "Scenes of the head's training, scored by members that never saw them: "
            + ", ".join(figures.seen_scenes),
        ]
    return "\n".join(lines)

"""``rsqa degrade``: degraded masks of known quality."""

from __future__ import annotations

import click

_EXAMPLES = """\b
Examples:
  rsqa degrade --project dubai --count 8
  rsqa degrade --project mine --count 8 --from unet-mobilenetv2 --seed 1
  rsqa degrade --project dubai --remove
"""


@click.command(epilog=_EXAMPLES)
@click.option("--project", "slug", required=True, metavar="P", help="Short name of the project.")
@click.option(
    "--count", type=click.IntRange(1, 100), metavar="N", help="Degraded masks an image, 1 to 100."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the drawing.")
@click.option(
    "--from",
    "clean_segmenter",
    metavar="SEGMENTER",
    help="Degrade this segmenter's candidates, not the reference masks.",
)
@click.option("--remove", is_flag=True, help="Remove the project's degraded masks instead.")
def command(
    slug: str, count: int | None, seed: int, clean_segmenter: str | None, remove: bool
) -> None:
    """Add degraded masks of known quality, to learn from before the first label.

    Objects are added, removed and shifted, boundaries moved and classes swapped, from mild to
    severe. The results are candidates of the segmenters synthetic-1 to synthetic-N; no reported
    figure counts them. With --from their accuracy is relative to that segmenter's candidate, and
    their names say so: synthetic-1-of-SEGMENTER.
    """
    if (count is None) != remove:
        raise click.UsageError("Give either --count N or --remove.")
    from workflows.commands.progress import ProgressBar
    from workflows.degrading import degrade_project, remove_degraded
    from workflows.opening import open_installation

    if count is None:
        removed, kept = remove_degraded(open_installation(), slug)
        kept_text = f"; {kept} stay, because verdicts are about them" if kept else ""
        click.echo(f"Removed {removed} degraded masks{kept_text}.")
        return
    with ProgressBar() as progress:
        report = degrade_project(
            open_installation(),
            slug,
            count=count,
            seed=seed,
            clean_segmenter=clean_segmenter,
            progress=progress,
        )
    against = "reference masks" if clean_segmenter is None else f"candidates of {clean_segmenter}"
    click.echo(
        f"Made {report.made} degraded masks of the {against} of {report.images} images"
        + (f"; {report.unchanged} would have been unchanged." if report.unchanged else ".")
    )
    if report.accuracies:
        click.echo(
            f"Overall accuracy against them: {min(report.accuracies):.3f} to "
            f"{max(report.accuracies):.3f}. Errors: "
            + ", ".join(f"{kind} {times}" for kind, times in report.kinds.items())
            + "."
        )

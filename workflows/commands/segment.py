"""``rsqa segment``: candidates from the live segmenters."""

from __future__ import annotations

import click

_EXAMPLES = """\b
Examples:
  rsqa segment --project dubai
  rsqa segment --project dubai --scene tile7
  rsqa segment --project dubai --segmenter zero-shot-patches --segmenter autoencoder-kmeans
  rsqa segment --project ships --segmenter farseg-resnet50:farseg50.pth
"""


@click.command(epilog=_EXAMPLES)
@click.option("--project", "slug", required=True, metavar="P", help="Short name of the project.")
@click.option("--scene", metavar="NAME", help="Only images of this scene.")
@click.option(
    "--segmenter",
    "names",
    multiple=True,
    metavar="NAME",
    help="A shipped network, zero-shot-patches, autoencoder-kmeans, or farseg-resnet50:FILE for "
    "the released FarSeg weights; default: all shipped networks. Repeat for several.",
)
def command(slug: str, scene: str | None, names: tuple[str, ...]) -> None:
    """Give every image a candidate of every segmenter.

    Candidates that exist are kept; an interrupted run goes on where it stopped.
    """
    from workflows.commands.progress import ProgressBar
    from workflows.opening import open_installation
    from workflows.segmenting import segment_project

    with ProgressBar() as progress:
        report = segment_project(
            open_installation(), slug, scene=scene, names=names, progress=progress
        )
    click.echo(
        f"Made {report.made} candidates for {report.images} images; {report.already_there} were "
        f"there already. Next: rsqa score --project {slug}"
    )

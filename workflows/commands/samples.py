"""``rsqa samples``: the public data sets that RSQA knows."""

from __future__ import annotations

import click

_EXAMPLES = """\b
Examples:
  rsqa samples list
  rsqa samples fetch dubai
  rsqa samples fetch dubai --scene tile6 --scene tile7
  RSQA_SAMPLE_MIRROR=/data/samples rsqa samples fetch dubai     from a local copy
"""


@click.group(epilog=_EXAMPLES)
def command() -> None:
    """List or fetch the sample data sets."""


@command.command("list")
def list_command() -> None:
    """Show each sample with its size, licence and source."""
    from workflows.samples import list_samples

    for sample in list_samples():
        click.echo(
            f"{sample.name}: {sample.title}\n"
            f"  {sample.description}\n"
            f"  {len(sample.files)} files, {sample.size / 1e6:.1f} MB, "
            f"scenes {', '.join(sample.scenes)}\n"
            f"  by {sample.attribution}\n"
            f"  licence {sample.licence}. {sample.licence_source}\n"
            f"  source {sample.source} at {sample.commit}"
        )


@command.command("fetch", epilog=_EXAMPLES)
@click.argument("name")
@click.option(
    "--scene", "scenes", multiple=True, metavar="NAME", help="Only this scene; may be repeated."
)
def fetch_command(name: str, scenes: tuple[str, ...]) -> None:
    """Download the sample NAME, verify every file, and say where it is.

    Files that are there already are kept; an interrupted download goes on where it stopped.
    """
    from rsqa_core.settings import read_settings
    from workflows.commands.progress import ProgressBar
    from workflows.samples import fetch_sample

    with ProgressBar() as progress:
        folder = fetch_sample(name, read_settings(), scenes=scenes or None, progress=progress)
    click.echo(f"The sample {name!r} is in {folder}. Next: rsqa import {folder} --project {name}")

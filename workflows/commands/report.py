"""``rsqa report``: what a project says, to read, print or send."""

from __future__ import annotations

from pathlib import Path

import click

_EXAMPLES = """\b
Examples:
  rsqa report --project dubai dubai.pdf        pages of A4
  rsqa report --project dubai dubai.html       one file with its pictures inside
  rsqa report --project dubai a.pdf a.html     both
"""


@click.command(epilog=_EXAMPLES)
@click.option("--project", "slug", required=True, metavar="P", help="Short name of the project.")
@click.argument("files", metavar="FILE…", nargs=-1, required=True, type=click.Path(path_type=Path))
def command(slug: str, files: tuple[Path, ...]) -> None:
    """Write a report of a project to every FILE (.pdf or .html).

    It has the project's figures, its images by predicted quality, calibration, confusion,
    agreement of segmenters and reviewers, and the history of its heads. An existing FILE is
    replaced once the new one is complete.
    """
    from workflows.commands.progress import ProgressBar
    from workflows.opening import open_installation
    from workflows.reports.writing import write_report

    with ProgressBar() as progress:
        written = write_report(open_installation(), slug, *files, progress=progress)
    for one in written:
        click.echo(f"Wrote {one.size_bytes / 1e6:.1f} MB to {one.path}.")

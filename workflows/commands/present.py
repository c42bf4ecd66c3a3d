"""``rsqa present``: what a project shows an audience."""

from __future__ import annotations

from pathlib import Path

import click

_EXAMPLES = """\b
Examples:
  rsqa present --project dubai talk.html       slides in a browser, without a network
  rsqa present --project dubai talk.pdf        a page a slide
"""


@click.command(epilog=_EXAMPLES)
@click.option("--project", "slug", required=True, metavar="P", help="Short name of the project.")
@click.argument("files", metavar="FILE…", nargs=-1, required=True, type=click.Path(path_type=Path))
def command(slug: str, files: tuple[Path, ...]) -> None:
    """Write slides about a project to every FILE (.html or .pdf).

    They show what was looked at, where, which images can be trusted, some of them under their
    candidates, and what experts said and the head learnt from it. Words and images are those of
    the page Present, chosen by the predictions where nobody chose any.
    """
    from workflows.commands.progress import ProgressBar
    from workflows.opening import open_installation
    from workflows.stories.writing import write_story

    with ProgressBar() as progress:
        written = write_story(open_installation(), slug, *files, progress=progress)
    for one in written:
        click.echo(f"Wrote {one.size_bytes / 1e6:.1f} MB to {one.path}.")

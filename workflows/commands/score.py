"""``rsqa score``: predicted quality of a project's candidates."""

from __future__ import annotations

import click

_EXAMPLES = """\b
Examples:
  rsqa score --project dubai
  rsqa score --project dubai --head dubai-2
"""


@click.command(epilog=_EXAMPLES)
@click.option("--project", "slug", required=True, metavar="P", help="Short name of the project.")
@click.option("--head", "head_id", metavar="ID", help="Score with this head, not the current one.")
def command(slug: str, head_id: str | None) -> None:
    """Predict the quality of every candidate that has no score yet.

    Features are computed once and cached; an interrupted run goes on where it stopped.
    """
    from workflows.commands.progress import ProgressBar
    from workflows.opening import open_installation
    from workflows.scoring import score_project

    with ProgressBar() as progress:
        report = score_project(open_installation(), slug, head_id=head_id, progress=progress)
    click.echo(
        f"Scored {report.scored} candidates with {report.head_id}; {report.already_scored} had a "
        f"score already. Next: rsqa serve"
    )

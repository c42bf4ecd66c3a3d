"""``rsqa demo``: something to review on a fresh installation."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from workflows.opening import Installation

_EXAMPLES = """\b
Examples:
  rsqa demo                  the Dubai sample when it can be had, else generated scenes
  rsqa demo --generated      generated scenes, without asking the network
  rsqa demo --whole          wait until every scene has candidates
"""


@click.command(epilog=_EXAMPLES)
@click.option("--generated", is_flag=True, help="Use generated scenes, not the sample.")
@click.option("--whole", is_flag=True, help="Wait for all scenes instead of the first.")
def command(generated: bool, whole: bool) -> None:
    """Prepare the demo project.

    The first scene is made ready at once, the others by a job in the background while you review.
    """
    prepare(generated=generated, whole=whole)


def prepare(*, generated: bool = False, whole: bool = False) -> None:
    """Do what the command does."""
    from workflows.demo import find_demo, prepare_demo
    from workflows.opening import open_installation

    installation = open_installation()
    ready = find_demo(installation)
    if ready is not None and ready.reviewable and not generated and not whole:
        if not ready.complete:
            _go_on_in_background(installation, ready.slug)
        click.echo(f"The demo project {ready.slug!r} is ready.")
        return
    from workflows.commands.progress import ProgressBar

    with ProgressBar() as progress:
        demo = prepare_demo(installation, generated=generated, whole=whole, progress=progress)
    if demo.generated and not generated:
        click.echo(f"The sample could not be had, so generated scenes were made. {demo.reason}")
    if not demo.complete:
        _go_on_in_background(installation, demo.slug)
    click.echo(f"The demo project {demo.slug!r} is ready. Next: rsqa serve")


def _go_on_in_background(installation: Installation, slug: str) -> None:
    """Start the job that makes the other scenes' candidates, unless it runs already."""
    from rsqa_core.errors import ConflictError
    from workflows.jobs import start_job

    with contextlib.suppress(ConflictError):
        start_job(installation, "segment", slug, {"score": True})
    click.echo("Candidates of the other scenes are being made in the background.")

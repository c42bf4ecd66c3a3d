"""``rsqa retrain``: a new head from the reviewers' verdicts."""

from __future__ import annotations

import click

_EXAMPLES = """\b
Examples:
  rsqa retrain --project dubai
  rsqa retrain --project dubai --promote
"""


@click.command(epilog=_EXAMPLES)
@click.option("--project", "slug", required=True, metavar="P", help="Short name of the project.")
@click.option("--promote", is_flag=True, help="Make the new head current at once.")
def command(slug: str, promote: bool) -> None:
    """Train a new quality head from the verdicts that hold, and score with it.

    The current head stays current until the new one is promoted, here or on the Train page.
    """
    from db.store import heads
    from workflows.commands.progress import ProgressBar
    from workflows.opening import open_installation
    from workflows.retraining import retrain_project

    installation = open_installation()
    with ProgressBar() as progress:
        record = retrain_project(installation, slug, progress=progress)
    held_out = record.metrics["held_out"]
    low, high = held_out["interval"]
    click.echo(
        f"Trained {record.id} on {record.label_count} labels in {record.metrics['seconds']} s. "
        f"Held-out MAE {held_out['before']['mae']:.4f} -> {held_out['after']['mae']:.4f} "
        f"(change {low:+.4f} to {high:+.4f}, 95 %)."
    )
    if promote and record.project_id is not None:
        with installation.database.begin() as session:
            heads.promote(session, record.project_id, record.id, reviewer="command line")
        click.echo(f"{record.id} is now the current head of {slug}.")
    else:
        click.echo("The current head is unchanged; add --promote, or promote on the Train page.")

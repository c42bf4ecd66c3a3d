"""``rsqa slice``: images drawn at random, and what they say of all."""

from __future__ import annotations

import click

_EXAMPLES = """\b
Examples:
  rsqa slice draw --project dubai --name audit --images 60
  rsqa slice draw --project dubai --name audit-2 --images 60 --by-scene --seed 7
  rsqa slice list --project dubai
  rsqa slice remove --project dubai --name audit
"""


@click.group(epilog=_EXAMPLES)
def command() -> None:
    """Draw random slices of a project, say what they tell of all its images, or forget one."""


@command.command("draw", epilog=_EXAMPLES)
@click.option("--project", "slug", required=True, metavar="P", help="Short name of the project.")
@click.option("--name", required=True, help="Name of the slice, which the queue filters by.")
@click.option(
    "--images",
    "size",
    type=click.IntRange(min=1),
    required=True,
    metavar="N",
    help="How many to draw.",
)
@click.option("--by-scene", is_flag=True, help="Draw the same share of every scene.")
@click.option("--seed", default=0, show_default=True, help="The same seed draws the same images.")
@click.option("--reviewer", default="rsqa", show_default=True, help="Who draws.")
def draw_command(slug: str, name: str, size: int, by_scene: bool, seed: int, reviewer: str) -> None:
    """Draw N images without replacement and keep with which probability."""
    from db.store import projects, slices
    from workflows.opening import open_installation

    with open_installation().database.begin() as session:
        drawn = slices.draw(
            session,
            projects.get(session, slug).id,
            name=name,
            size=size,
            design="by_scene" if by_scene else "simple",
            seed=seed,
            drawn_by=reviewer,
        )
    click.echo(f"Drew {drawn.size:,} of {drawn.population:,} images as {drawn.name!r}.")


@command.command("list", epilog=_EXAMPLES)
@click.option("--project", "slug", required=True, metavar="P", help="Short name of the project.")
def list_command(slug: str) -> None:
    """Show each slice: how many are decided, and estimates for the project with 95 % intervals."""
    from db.store import projects, verdicts
    from workflows.opening import open_installation
    from workflows.slices import shown, slice_results

    opened = open_installation()
    with opened.database.read() as session:
        project = projects.get(session, slug)
        holding = verdicts.effective(session, project.id)
    results = slice_results(opened, project, holding)
    if not results:
        click.echo(f"No slice yet: rsqa slice draw --project {slug} --name audit --images 60")
    for one in results:
        click.echo(
            f"{one.slice.name}: {one.slice.size:,} of {one.slice.population:,} images, "
            f"{one.decided:,} decided, {one.passed:,} skipped or flagged"
        )
        for what, estimate in (
            ("acceptable", one.acceptable),
            ("accuracy", one.accuracy),
            ("head's error", one.error),
            ("head's bias", one.bias),
        ):
            click.echo(f"  {what:<13}{shown(estimate, signed=estimate is one.bias)}")


@command.command("remove", epilog=_EXAMPLES)
@click.option("--project", "slug", required=True, metavar="P", help="Short name of the project.")
@click.option("--name", required=True, help="Name of the slice.")
def remove_command(slug: str, name: str) -> None:
    """Forget a slice; its images and what was decided on them stay."""
    from db.store import projects, slices
    from workflows.opening import open_installation

    with open_installation().database.begin() as session:
        slices.remove(session, projects.get(session, slug).id, name)
    click.echo(f"The slice {name!r} is forgotten.")

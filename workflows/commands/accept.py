"""``rsqa accept``: accept what is predicted well, once a random sample of it was looked at."""

from __future__ import annotations

import click

_EXAMPLES = """\b
Examples:
  rsqa accept --project dubai --above 0.9 --spot-check sure --images 20
  rsqa accept --project dubai --above 0.9 --spot-check sure --dry-run
  rsqa accept --project dubai --above 0.9 --spot-check sure
  rsqa accept --project dubai --above 0.9 --spot-check sure --take-back
"""


@click.command(epilog=_EXAMPLES)
@click.option("--project", "slug", required=True, metavar="P", help="Short name of the project.")
@click.option(
    "--above",
    type=click.FloatRange(0.0, 1.0),
    required=True,
    help="Predicted quality of an image's best candidate, at least, 0 to 1.",
)
@click.option(
    "--spot-check",
    "name",
    required=True,
    metavar="NAME",
    help="The random sample; drawn by the first call, to be looked at in Review.",
)
@click.option(
    "--images",
    "size",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="Size of the sample, when it is drawn.",
)
@click.option("--seed", default=0, show_default=True, help="The same seed draws the same images.")
@click.option("--dry-run", is_flag=True, help="Say what would happen, and change nothing.")
@click.option("--take-back", is_flag=True, help="Take back what was accepted after this check.")
@click.option("--reviewer", default="rsqa", show_default=True, help="Who accepts.")
def command(
    slug: str,
    above: float,
    name: str,
    size: int,
    seed: int,
    dry_run: bool,
    take_back: bool,
    reviewer: str,
) -> None:
    """Accept every open image whose best candidate is predicted well enough, unseen.

    The first call draws a random sample. Once all of it was decided on in Review, the next one
    accepts the others and says what share of them is probably not acceptable. What is accepted so
    is no label: it teaches no head, and no figure counts it.
    """
    from db.store import acceptances, projects
    from workflows.accepting import accept_unseen, check_named, confident, share_text
    from workflows.opening import open_installation

    opened = open_installation()
    with opened.database.read() as session:
        project = projects.get(session, slug)
        known = {one.slice.name for one in acceptances.spot_checks(session, project.id)}
        done = [one for one in acceptances.all_of(session, project.id) if one.spot_check == name]
    if take_back:
        held = [one for one in done if one.holding and abs(one.above - above) < 1e-9]
        if dry_run or not held:
            total = sum(one.holding for one in held)
            click.echo(f"{total:,} images accepted after {name!r} can be taken back.")
            return
        with opened.database.begin() as session:
            total = sum(acceptances.take_back(session, one.id, by=reviewer) for one in held)
        click.echo(f"Took back {total:,} images. They are to be reviewed again.")
        return
    if name not in known:
        reach = confident(opened, project).above(above)
        click.echo(
            f"{reach.images:,} images are predicted {above:g} or better; by its intervals the head "
            f"expects {reach.low:.0f} to {reach.high:.0f} of them not to be acceptable."
        )
        if dry_run:
            return
        with opened.database.begin() as session:
            check = acceptances.draw_spot_check(
                session,
                project.id,
                name=name,
                above=above,
                size=size,
                seed=seed,
                drawn_by=reviewer,
            )
        click.echo(
            f"Drew {check.slice.size:,} of them as {name!r}. Decide on them in Review (Queue, "
            f"Random slice {name}), then call this again."
        )
        return
    result = check_named(opened, project, name)
    if result.complete:
        click.echo(share_text(result))
    if dry_run:
        click.echo(
            f"{result.looked_at:,} of {result.check.slice.size:,} looked at; "
            f"{result.to_accept:,} images would be accepted."
        )
        return
    made = accept_unseen(opened, project, name, above=above, accepted_by=reviewer)
    click.echo(f"Accepted {made.accepted:,} images unseen. --take-back takes all of them back.")

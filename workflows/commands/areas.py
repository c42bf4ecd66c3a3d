"""``rsqa areas``: points of the map to look up, and what they say of areas and accuracy."""

from __future__ import annotations

from pathlib import Path

import click

_EXAMPLES = """\b
Examples:
  rsqa areas draw --project dubai --name spring --points 300
  rsqa areas draw --project dubai --name spring-2 --points 300 --fewest 40 --seed 7
  rsqa areas list --project dubai
  rsqa areas export --project dubai --name spring --out spring
  rsqa areas remove --project dubai --name spring
"""

_PROJECT = click.option(
    "--project", "slug", required=True, metavar="P", help="Short name of the project."
)
_NAME = click.option("--name", required=True, help="Name of the survey.")


@click.group(epilog=_EXAMPLES)
def command() -> None:
    """Survey the map of a project: areas of its classes, and how right it is, with intervals.

    The map takes of each image the candidate that reviewers scored best, or else the one that is
    predicted best. Points are answered in the app, on its page Areas.
    """


@command.command("draw", epilog=_EXAMPLES)
@_PROJECT
@_NAME
@click.option("--points", type=click.IntRange(min=1), required=True, metavar="N", help="How many.")
@click.option(
    "--fewest",
    type=click.IntRange(min=2),
    default=20,
    show_default=True,
    help="Of each class at least so many; the rest goes by area.",
)
@click.option("--seed", default=0, show_default=True, help="The same seed draws the same points.")
@click.option("--reviewer", default="rsqa", show_default=True, help="Who draws.")
def draw_command(slug: str, name: str, points: int, fewest: int, seed: int, reviewer: str) -> None:
    """Draw N points by class of the map."""
    from workflows.commands.progress import ProgressBar
    from workflows.opening import open_installation
    from workflows.surveys import draw_survey

    with ProgressBar() as progress:
        drawn = draw_survey(
            open_installation(),
            slug,
            name=name,
            points=points,
            fewest=fewest,
            seed=seed,
            drawn_by=reviewer,
            progress=progress,
        )
    click.echo(
        f"Drew {drawn.points:,} points of {drawn.images:,} images as {drawn.name!r}. "
        "Answer them on the page Areas: rsqa serve."
    )


@command.command("list", epilog=_EXAMPLES)
@_PROJECT
def list_command(slug: str) -> None:
    """Show each survey with its estimates and their 95 % intervals."""
    from db.store import projects
    from workflows.opening import open_installation
    from workflows.surveys import area_text, percent_text, survey_results

    opened = open_installation()
    with opened.database.read() as session:
        project = projects.get(session, slug)
    results = survey_results(opened, project)
    if not results:
        click.echo(f"No survey yet: rsqa areas draw --project {slug} --name spring --points 300")
    for one in results:
        survey, estimate = one.survey, one.estimate
        click.echo(
            f"{survey.name}: {one.answered:,} of {survey.points:,} points answered, "
            f"{one.unsure:,} of them cannot be told"
        )
        if estimate is None:
            click.echo(f"  too few answers of {', '.join(one.missing)}")
            continue
        click.echo(f"  overall accuracy {percent_text(estimate.overall)}")
        for place, entry in enumerate(project.classes):
            click.echo(
                f"  {entry.name:<16}{area_text(estimate.areas[place], survey.unit):<28}"
                f"user's {percent_text(estimate.users[place]):<15} "
                f"producer's {percent_text(estimate.producers[place])}"
            )


@command.command("export", epilog=_EXAMPLES)
@_PROJECT
@_NAME
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    metavar="STEM",
    help="STEM-areas.csv and STEM-points.csv are written.",
)
def export_command(slug: str, name: str, out: Path) -> None:
    """Write error matrix, accuracies and areas, and every point, as CSV."""
    from db.store import projects, surveys
    from rsqa_core.files import write_atomically
    from workflows.opening import open_installation
    from workflows.survey_tables import points_csv, survey_csv
    from workflows.surveys import survey_result

    opened = open_installation()
    with opened.database.read() as session:
        project = projects.get(session, slug)
        survey = surveys.named(session, project.id, name)
    for suffix, content in (
        ("areas", survey_csv(project, survey_result(opened, project, survey))),
        ("points", points_csv(opened, project, survey)),
    ):
        target = out.with_name(f"{out.name}-{suffix}.csv")
        write_atomically(target, content)
        click.echo(str(target))


@command.command("remove", epilog=_EXAMPLES)
@_PROJECT
@_NAME
def remove_command(slug: str, name: str) -> None:
    """Forget a survey with its points and answers."""
    from db.store import projects, surveys
    from workflows.opening import open_installation

    with open_installation().database.begin() as session:
        surveys.remove(session, projects.get(session, slug).id, name)
    click.echo(f"The survey {name!r} is forgotten.")

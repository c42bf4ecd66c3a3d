"""``rsqa import``: a folder or archive of imagery, masks and candidates into a project."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rsqa_core.records import Project
    from workflows.importing import ImportPlan, LeftOut

_EXAMPLES = """\b
Examples:
  rsqa import survey/ --project harbour --dry-run
  rsqa import survey/ --project harbour --palette classes.json --ignore Unlabeled,Void
  rsqa import survey.zip --project harbour --map "Tree=Vegetation,Grass=Vegetation"
  rsqa import city/ --project roofs --map "building=Building,*=Other" --tile 768 --overlap 64
  rsqa import parts/ --project dubai --scene-pattern "^(tile[0-9]+)_"

\b
Folder:
  images/NAME.jpg|png|tif            or the images themselves, at any depth
  masks/NAME.png|tif                 reference masks (also labels/, reference/, gt/, annotations/)
  candidates/SEGMENTER/NAME.png      candidate masks (also predictions/)
  candidates/SEGMENTER/NAME.npz      their probabilities, array "probs" (classes, height, width)
  palette.json                       class names with ids or colours, unless --palette is given
"""


@click.command(epilog=_EXAMPLES)
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--project", "slug", required=True, metavar="P", help="Short name of the project.")
@click.option("--name", metavar="TITLE", help="Title of a new project.")
@click.option(
    "--palette",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="JSON or CSV with the masks' classes; default: palette.json in PATH.",
)
@click.option(
    "--ignore", "ignored", default="", metavar="NAME,…", help="Classes to leave out of metrics."
)
@click.option(
    "--map",
    "class_maps",
    multiple=True,
    metavar="FROM=TO,…",
    help="Rename or merge classes; * stands for every other.",
)
@click.option(
    "--tile",
    "tile_px",
    default=512,
    show_default=True,
    metavar="PX",
    help="Longest side of a review tile.",
)
@click.option(
    "--overlap",
    "overlap_px",
    default=0,
    show_default=True,
    metavar="PX",
    help="What neighbouring tiles share at least.",
)
@click.option(
    "--scene-pattern", metavar="REGEX", help="One group gives the scene of a file's path."
)
@click.option("--dry-run", is_flag=True, help="Only say what would be imported.")
@click.option("--strict", is_flag=True, help="Exit with 1 when any file is left out.")
def command(
    path: Path,
    slug: str,
    name: str | None,
    palette: Path | None,
    ignored: str,
    class_maps: tuple[str, ...],
    tile_px: int,
    overlap_px: int,
    scene_pattern: str | None,
    dry_run: bool,
    strict: bool,
) -> None:
    """Import a folder or archive at PATH into a new or existing project.

    Every file that is left out is named with its reason; the others are imported. Ctrl-C keeps
    what is finished, and the same command goes on from there.

    Exit code 0 when something was imported or nothing was wrong, 1 otherwise.
    """
    from db.store import candidates, projects
    from rsqa_core.datasets.options import ImportOptions, parse_class_map, parse_names
    from rsqa_core.settings import read_settings
    from workflows.commands.progress import ProgressBar
    from workflows.importing import find_project, plan_import, run_import
    from workflows.opening import open_installation

    options = ImportOptions(
        palette=palette,
        ignored=parse_names(ignored),
        class_map=parse_class_map(",".join(class_maps)),
        tile_px=tile_px,
        overlap_px=overlap_px,
        scene_pattern=scene_pattern,
    )
    settings = read_settings()
    project: Project | None = None
    if not dry_run or settings.database_path.exists():  # a dry run makes no database
        installation = open_installation(settings)
        project = find_project(installation, slug)
    with ProgressBar() as progress:
        plan = plan_import(path, options, project=project, progress=progress)
    try:
        for note in plan.notes:
            click.echo(note)
        if dry_run:
            _echo_plan(plan)
            _echo_left_out(plan.left_out)
            _exit(bool(plan.images), plan.left_out, strict=strict)
            return
        with ProgressBar() as progress:
            report = run_import(installation, plan, slug, name=name, progress=progress)
    finally:
        plan.close()
    _echo_left_out(report.left_out)
    kept = f"; {report.already_there} images were there already" if report.already_there else ""
    click.echo(
        f"Imported {report.images} images as {report.tiles} tiles into {slug!r}, "
        f"{report.masks} with a reference mask, and {report.candidates} candidate masks{kept}."
    )
    done = report.images + report.already_there > 0
    if done:
        with installation.database.read() as session:
            found = projects.get(session, slug)
            following = "score" if candidates.segmenters(session, found.id) else "segment"
        click.echo(f"Next: rsqa {following} --project {slug}")
    _exit(done, report.left_out, strict=strict)


def _exit(done: bool, left_out: Sequence[LeftOut], *, strict: bool) -> None:
    if not done:
        click.echo("Nothing could be imported.", err=True)
        sys.exit(1)
    if strict and left_out:
        click.echo(f"--strict: {len(left_out)} files were left out.", err=True)
        sys.exit(1)


def _echo_plan(plan: ImportPlan) -> None:
    names = ", ".join(f"{c.id} {c.name}" for c in plan.scheme.classes)
    click.echo(f"Classes: {names}")
    if plan.scheme.ignored:
        click.echo(f"Ignored: {', '.join(plan.scheme.ignored)}")
    rows = [("image", "scene", "size, px", "bands", "tiles", "mask", "candidates", "place")]
    rows += [
        (
            image.name,
            image.scene,
            f"{image.width_px} x {image.height_px}",
            f"{image.bands} {image.dtype}",
            str(image.tiles),
            "yes" if image.mask else "-",
            ", ".join(c.segmenter + ("+probs" if c.probs else "") for c in image.candidates) or "-",
            "yes" if image.georeferenced else "-",
        )
        for image in plan.images
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        click.echo("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip())
    tiles = sum(image.tiles for image in plan.images)
    click.echo(f"Would import {len(plan.images)} images as {tiles} tiles.")


def _echo_left_out(left_out: Sequence[LeftOut]) -> None:
    if not left_out:
        return
    import textwrap

    click.echo(f"Left out ({len(left_out)}):")
    width = max(60, shutil.get_terminal_size((100, 24)).columns)
    column = min(56, max(len(entry.name) for entry in left_out)) + 4
    for entry in left_out:
        head = f"  {entry.name}".ljust(column)
        lines = textwrap.wrap(entry.reason, max(30, width - column)) or [""]
        first, rest = (lines[0], lines[1:]) if len(head) <= column else ("", lines)
        click.echo(f"{head}{first}".rstrip())
        for line in rest:
            click.echo(" " * column + line)

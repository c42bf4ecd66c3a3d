"""``rsqa export``: a project as one file."""

from __future__ import annotations

from pathlib import Path

import click

_EXAMPLES = """\b
Examples:
  rsqa export --project dubai dubai.csv        one row per candidate
  rsqa export --project dubai dubai.json       everything on record
  rsqa export --project dubai dubai.geojson    outlines of georeferenced images
"""


@click.command(epilog=_EXAMPLES)
@click.option("--project", "slug", required=True, metavar="P", help="Short name of the project.")
@click.argument("file", type=click.Path(path_type=Path))
def command(slug: str, file: Path) -> None:
    """Write candidates, scores and verdicts to FILE (.csv, .json or .geojson).

    What reviewers marked as wrong is a JSON object that COCO's tools read: its size (height, width)
    and counts, the lengths of its runs.

    An existing FILE is replaced once the new one is complete.
    """
    from workflows.exporting import export_project
    from workflows.opening import open_installation

    count = export_project(open_installation(), slug, file)
    noun = "outlines" if file.suffix.lower() == ".geojson" else "candidates"
    click.echo(f"Wrote {count} {noun} to {file}.")

"""``rsqa errors``: where candidates are probably wrong."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import click

_EXAMPLES = """\b
Examples:
  rsqa errors --project dubai --out maps --recommended
  rsqa errors --project dubai --out regions --format geojson --level 0.7 --scene tile7
"""


@click.command(epilog=_EXAMPLES)
@click.option("--project", "slug", required=True, metavar="P", help="Short name of the project.")
@click.option(
    "--out",
    "folder",
    required=True,
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Folder to write to; made when missing.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["geotiff", "geojson"]),
    default="geotiff",
    show_default=True,
    help="Probabilities of every pixel, or polygons.",
)
@click.option(
    "--level",
    type=click.FloatRange(0.0, 1.0),
    default=0.5,
    show_default=True,
    help="A polygon is where the probability of error exceeds this.",
)
@click.option(
    "--min-px",
    type=click.IntRange(min=1),
    default=16,
    show_default=True,
    help="Leave out smaller polygons.",
)
@click.option("--segmenter", metavar="NAME", help="Only candidates of this segmenter.")
@click.option("--recommended", is_flag=True, help="Only the best predicted candidate an image.")
@click.option("--scene", metavar="NAME", help="Only images of this scene.")
def command(
    slug: str,
    folder: Path,
    form: str,
    level: float,
    min_px: int,
    segmenter: str | None,
    recommended: bool,
    scene: str | None,
) -> None:
    """Write where candidates are probably wrong, by the current head.

    One file a source image and segmenter, the tiles of the image put back together. Georeferenced
    images give maps in their own reference system and polygons in WGS 84; others give pixel
    coordinates.
    """
    if segmenter is not None and recommended:
        raise click.UsageError("--segmenter and --recommended exclude each other.")
    from workflows.commands.progress import ProgressBar
    from workflows.error_maps import ErrorMapForm, export_error_maps
    from workflows.opening import open_installation

    with ProgressBar() as progress:
        report = export_error_maps(
            open_installation(),
            slug,
            folder,
            form=cast("ErrorMapForm", form),
            level=level,
            min_px=min_px,
            segmenter=segmenter,
            recommended=recommended,
            scene=scene,
            progress=progress,
        )
    regions = f" with {report.regions} regions" if form == "geojson" else ""
    click.echo(f"Wrote {len(report.files)} files{regions} to {folder}.")
    if report.in_tiles:
        click.echo(
            f"{report.in_tiles} source images are too large to be put together and have a file a "
            "tile; --segmenter or --recommended allows larger ones."
        )

"""``rsqa build-sqed``: an evaluation data set of cross-fitted candidates."""

from __future__ import annotations

from pathlib import Path

import click

_EXAMPLES = """\b
Examples:
  rsqa build-sqed --project dubai-all --folds 2 --out sqed/
  rsqa build-sqed --project dubai-all --fold tile1,tile3,tile5 --fold tile2,tile6,tile7 --out sqed/
  rsqa build-sqed --project city --project coast --folds 3 --steps 300 --side 192 --out sqed/
  rsqa build-sqed --project city --segmenter zero-shot-patches --encoder fold-1=other.safetensors \\
      --out sqed/
"""


@click.command(epilog=_EXAMPLES)
@click.option(
    "--project", "slugs", required=True, multiple=True, metavar="P", help="Repeat for several."
)
@click.option("--folds", default=2, show_default=True, metavar="K", help="Folds of each project.")
@click.option(
    "--fold",
    "given",
    multiple=True,
    metavar="SCENES",
    help="Scenes of one fold, as [PROJECT:]SCENE,SCENE; repeat for each. In place of --folds.",
)
@click.option(
    "--segmenter", "segmenters", multiple=True, metavar="NAME", help="Default: all there are."
)
@click.option(
    "--encoder",
    "encoders",
    multiple=True,
    metavar="[FOLD=]FILE",
    help="Encoder of the segmenters that need one, for all folds or for one (fold-1 or P/fold-1); "
    "a file of the compact encoder or an open_clip name. Default: the shipped one.",
)
@click.option("--steps", type=int, help="Training steps; default: what each segmenter's spec says.")
@click.option("--side", "side_px", default=256, show_default=True, help="Of a training crop, px.")
@click.option("--generated", default=200, show_default=True, help="Generated scenes beside them.")
@click.option("--seed", default=0, show_default=True, help="Of weights, order and augmentation.")
@click.option(
    "--tolerance", "tolerance_px", default=3.0, show_default=True, help="Of the boundary F1, px."
)
@click.option(
    "--licence", "licences", multiple=True, metavar="P=TEXT", help="Of a project's imagery."
)
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="Folder of table and card."
)
def command(
    slugs: tuple[str, ...],
    folds: int,
    given: tuple[str, ...],
    segmenters: tuple[str, ...],
    encoders: tuple[str, ...],
    steps: int | None,
    side_px: int,
    generated: int,
    seed: int,
    tolerance_px: float,
    licences: tuple[str, ...],
    out: Path,
) -> None:
    """Make candidates of many segmenters, none of which saw its image, and measure them.

    A network trains on the scenes of the other folds. What is finished is kept, and the same
    command goes on from there.
    """
    from workflows.commands.progress import ProgressBar
    from workflows.opening import open_installation
    from workflows.sqed import SqedOptions, build_sqed
    from workflows.sqed_networks import EVERY_FOLD, FoldTraining

    by_fold = dict(_pair(text, EVERY_FOLD) for text in encoders)
    options = SqedOptions(
        folds=folds,
        given=given,
        segmenters=segmenters,
        training=FoldTraining(steps, side_px, generated, seed, by_fold),
        tolerance_px=tolerance_px,
        licences=dict(_pair(text, "") for text in licences),
    )
    with ProgressBar() as progress:
        report = build_sqed(open_installation(), slugs, out, options, progress=progress)
    click.echo(
        f"{report.candidates} candidates, {report.made} of them new, {report.trained} networks "
        f"trained. Wrote {report.table} and {report.card}."
    )


def _pair(text: str, otherwise: str) -> tuple[str, str]:
    before, equals, after = text.partition("=")
    return (before, after) if equals else (otherwise, text)

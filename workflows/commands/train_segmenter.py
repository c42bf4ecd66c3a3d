"""``rsqa train-segmenter``: one of the segmenters."""

from __future__ import annotations

from pathlib import Path

import click

from workflows.commands.training_options import training_options

_EXAMPLES = """\b
Examples:
  rsqa train-segmenter unet-mobilenetv2 --project dubai-all
  rsqa train-segmenter segformer-b0 --project mine --scene north --scene south --out weights/
"""


@click.command(epilog=_EXAMPLES)
@click.argument("name")
@training_options
def command(
    name: str,
    slug: str,
    scenes: tuple[str, ...],
    generated: int,
    steps: int | None,
    seed: int,
    out: Path | None,
) -> None:
    """Train the segmenter NAME and write its weights and model card.

    A stopped training goes on from its last checkpoint when the same command is given again.
    """
    from rsqa_core.segmenters.network import WEIGHTS_DIR
    from workflows.commands.progress import ProgressBar
    from workflows.opening import open_installation
    from workflows.training_segmenter import train_and_save_segmenter

    folder = out or WEIGHTS_DIR
    with ProgressBar() as progress:
        figures = train_and_save_segmenter(
            open_installation(),
            name,
            slug,
            scenes,
            generated=generated,
            steps=steps,
            seed=seed,
            folder=folder,
            progress=progress,
        )
    for data, row in figures.items():
        click.echo(f"{data}: OA {row['overall_accuracy']:.3f}, mIoU {row['mean_iou']:.3f}")
    click.echo(f"Wrote {folder / name}.safetensors and its card.")

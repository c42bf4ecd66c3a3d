"""``rsqa train-encoder``: the compact encoder."""

from __future__ import annotations

from pathlib import Path

import click

from workflows.commands.training_options import training_options

_EXAMPLES = """\b
Examples:
  rsqa train-encoder --project dubai-all
  rsqa train-encoder --project mine --scene north --steps 1000 --out weights/
"""


@click.command(epilog=_EXAMPLES)
@training_options
def command(
    slug: str,
    scenes: tuple[str, ...],
    generated: int,
    steps: int | None,
    seed: int,
    out: Path | None,
) -> None:
    """Train the compact open_clip model on captions derived from reference masks.

    A stopped training goes on from its last checkpoint when the same command is given again.
    """
    from rsqa_core.encoders.openclip import WEIGHTS_DIR
    from workflows.commands.progress import ProgressBar
    from workflows.opening import open_installation
    from workflows.training_encoder import train_and_save_encoder

    folder = out or WEIGHTS_DIR
    with ProgressBar() as progress:
        figures = train_and_save_encoder(
            open_installation(),
            slug,
            scenes,
            generated=generated,
            steps=steps,
            seed=seed,
            folder=folder,
            progress=progress,
        )
    for data, row in figures.items():
        click.echo(
            f"{data}: zero-shot class of image parts right in {row['token_accuracy']:.1%} "
            f"(commonest class: {row['chance']:.1%})"
        )
    click.echo(f"Wrote the encoder and its card to {folder}.")

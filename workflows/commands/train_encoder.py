"""``rsqa train-encoder``: the compact encoder."""

from __future__ import annotations

from pathlib import Path

import click

_EXAMPLES = """\b
Examples:
  rsqa train-encoder --project dubai-train
  rsqa train-encoder --project mine --scene north --steps 1000 --out weights/
"""


@click.command(epilog=_EXAMPLES)
@click.option("--project", "slug", required=True, metavar="P", help="Project with masks.")
@click.option(
    "--scene",
    "scenes",
    multiple=True,
    default=("tile1", "tile3", "tile5"),
    show_default=True,
    help="Scenes to train on; the others are measured.",
)
@click.option("--generated", default=200, show_default=True, help="Generated scenes beside them.")
@click.option("--steps", type=int, help="Default: what the shipped weights took.")
@click.option("--seed", default=0, show_default=True, help="Of weights, order and augmentation.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder; default: the shipped one.")
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

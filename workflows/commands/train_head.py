"""``rsqa train-head``: the base quality head."""

from __future__ import annotations

from pathlib import Path

import click

_EXAMPLES = """\b
Examples:
  rsqa train-head --project dubai
  rsqa train-head --project dubai --project kampala --out heads/
  rsqa train-head --project dubai --encoder remoteclip-vit-l-14
  rsqa train-head --project dubai --encoder ViT-B-32:openai
"""


@click.command(epilog=_EXAMPLES)
@click.option(
    "--project", "slugs", required=True, multiple=True, metavar="P", help="Repeat for several."
)
@click.option(
    "--encoder",
    default="rsqa-compact",
    show_default=True,
    metavar="NAME",
    help="An id of `rsqa encoders list`, ID:FILE, ARCHITECTURE:TAG or ARCHITECTURE:FILE.",
)
@click.option("--seed", default=0, show_default=True, help="Of weights and order.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder; default: the shipped one.")
def command(slugs: tuple[str, ...], encoder: str, seed: int, out: Path | None) -> None:
    """Train the base head from candidates of projects with reference masks.

    Every scene of the first project is a fold, and so is every other project as a whole.
    """
    from rsqa_core.heads.head import WEIGHTS_DIR
    from workflows.commands.progress import ProgressBar
    from workflows.opening import open_installation
    from workflows.training import train_base_head

    folder = out or WEIGHTS_DIR
    with ProgressBar() as progress:
        figures = train_base_head(
            open_installation(),
            slugs,
            encoder_name=encoder,
            folder=folder,
            seed=seed,
            progress=progress,
        )
    everything = figures["held_out_folds"]["all"]
    click.echo(
        f"Held-out folds: SRCC {everything['srcc']:.3f}, MAE {everything['mae']:.3f} "
        f"({everything['candidates']:.0f} candidates). Wrote {folder}."
    )

"""``rsqa pretrain``: an image encoder from image-caption pairs, by the recipe of CLIP-RS."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import Any

import click

_EXAMPLES = """\b
Examples:
  rsqa pretrain --project dubai-all
  rsqa pretrain --trusted good.csv --coarse shards/ --out weights/
  rsqa pretrain --start ViT-B-32:openai --trusted good.csv --coarse all.csv --region-weight 0
  torchrun --nproc-per-node 2 .venv/bin/rsqa pretrain --trusted good.csv --coarse shards/
"""

_PATH = click.Path(path_type=Path)


@click.command(epilog=_EXAMPLES)
@click.option("--start", default="random", show_default=True, help="random, or an encoder's name.")
@click.option("--project", metavar="P", help="Project whose reference masks give captions.")
@click.option(
    "--scene",
    "scenes",
    multiple=True,
    default=("tile1", "tile3", "tile5"),
    show_default=True,
    help="Its scenes to train on; the others are measured.",
)
@click.option("--generated", default=200, show_default=True, help="Generated scenes beside them.")
@click.option("--crops", default=20_000, show_default=True, help="Crops of all these scenes.")
@click.option("--coarse-share", default=0.5, show_default=True, help="Of the crops.")
@click.option(
    "--corrupted-share",
    default=0.3,
    show_default=True,
    help="Of the coarse crops: caption swapped.",
)
@click.option("--trusted", type=_PATH, multiple=True, help="CSV, JSON, .tar or folder: good pairs.")
@click.option("--coarse", type=_PATH, multiple=True, help="The same: pairs to be purified.")
@click.option("--image-column", default="filepath", show_default=True, help="Of CSV files.")
@click.option("--caption-column", default="title", show_default=True, help="Of CSV files.")
@click.option("--mask-column", help="Of CSV files: masks of the project's class ids.")
@click.option("--images", type=_PATH, help="Folder of the images; default: that of each file.")
@click.option("--steps", default=800, show_default=True, help="Optimiser steps in all.")
@click.option("--semantic-share", default=0.4, show_default=True, help="Of the steps: CLIP_Sem.")
@click.option("--batch", default=64, show_default=True, help="Pairs a step, over all processes.")
@click.option("--side", type=int, help="Pixels; default 128, or what the start model takes.")
@click.option("--learning-rate", type=float, help="Default 0.0015 from random, else 0.00005.")
@click.option("--region-weight", default=1.0, show_default=True, help="Of the term on tokens.")
@click.option("--discard-share", default=0.2, show_default=True, help="Of the coarse pairs.")
@click.option("--discard-below", type=float, help="Similarity, instead of the share.")
@click.option("--refine-share", default=0.2, show_default=True, help="Of the coarse pairs.")
@click.option("--refine-below", type=float, help="Similarity, instead of the share.")
@click.option(
    "--precision",
    type=click.Choice(["float32", "bfloat16", "float16"]),
    default="bfloat16",
    show_default=True,
    help="float16 needs a GPU.",
)
@click.option("--device", default="auto", show_default=True, help="cpu, cuda or auto.")
@click.option("--seed", default=0, show_default=True, help="Of weights, order and augmentation.")
@click.option("--out", type=_PATH, help="Folder; default: that of the shipped weights.")
def command(**options: Any) -> None:
    """Pre-train an encoder contrastively on images and captions, purifying coarse captions first.

    A model of the trusted pairs scores the coarse ones; the worst are discarded, doubtful captions
    refined, and the training goes on with what is left. Weights, card and a report of the
    purification are written to one folder. A stopped run goes on when the command is given again.

    Pairs come from CSV or TSV files with an image path and a caption in each row; from CSV files of
    boxes (image, class, x_min, y_min, x_max, y_max) or JSON lists of objects with image, class and
    box; from folders of DOTA's text files; and from uncompressed .tar shards, or folders of them,
    with NAME.jpg beside NAME.txt or NAME.json.
    """
    from rsqa_core.encoders.openclip import WEIGHTS_DIR
    from rsqa_core.training.contrastive import ContrastiveTraining
    from rsqa_core.training.pretraining import Recipe
    from rsqa_core.training.purification import PurificationOptions
    from workflows.commands.progress import ProgressBar
    from workflows.opening import open_installation
    from workflows.pretraining import PretrainingRequest, default_side_px, pretrain_and_save

    start = options["start"]
    request = PretrainingRequest(
        start=start,
        project=options["project"],
        scenes=options["scenes"],
        generated=options["generated"],
        crops=options["crops"],
        coarse_share=options["coarse_share"],
        corrupted_share=options["corrupted_share"],
        trusted=options["trusted"],
        coarse=options["coarse"],
        columns=(options["image_column"], options["caption_column"], options["mask_column"]),
        images=options["images"],
    )
    rate = options["learning_rate"] or (1.5e-3 if start == "random" else 5e-5)
    recipe = Recipe(
        ContrastiveTraining(
            steps=options["steps"],
            batch=options["batch"],
            side_px=options["side"] or default_side_px(start),
            learning_rate=rate,
            region_weight=options["region_weight"],
            precision=options["precision"],
            seed=options["seed"],
        ),
        semantic_share=options["semantic_share"],
        purification=PurificationOptions(
            discard_share=options["discard_share"],
            discard_below=options["discard_below"],
            refine_share=options["refine_share"],
            refine_below=options["refine_below"],
        ),
    )
    first = os.environ.get("RANK", "0") == "0"  # torchrun's; the others work in silence
    with ProgressBar(disable=None if first else True) as progress:
        outcome = pretrain_and_save(
            open_installation(),
            request,
            recipe,
            folder=options["out"] or WEIGHTS_DIR,
            device=options["device"],
            command=repeatable_command(sys.argv[1:]),
            progress=progress,
        )
    if not first:
        return
    for data, row in outcome.figures.items():
        click.echo(
            f"{data}: zero-shot class of image parts right in {row['token_accuracy']:.1%} "
            f"(commonest class: {row['chance']:.1%})"
        )
    if outcome.report:
        counts = outcome.report
        click.echo(
            f"Of {counts['coarse']} coarse pairs {counts['kept']} kept, {counts['refined']} with a "
            f"refined caption, {counts['discarded']} discarded."
        )
    click.echo(f"Wrote {outcome.path}, its card and its report.")


def repeatable_command(arguments: list[str]) -> str:
    """Return the command line as a card shows it: without the folder that was written to.

    Example:
        >>> repeatable_command(["pretrain", "--project", "mine", "--out", "elsewhere"])
        'rsqa pretrain --project mine'
    """
    told = list(arguments)
    while "--out" in told:
        at = told.index("--out")
        del told[at : at + 2]
    return shlex.join(["rsqa", *told])

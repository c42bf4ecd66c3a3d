"""The options of training on a project's reference masks and generated scenes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

_OPTIONS = (
    click.option("--project", "slug", required=True, metavar="P", help="Project with masks."),
    click.option(
        "--scene",
        "scenes",
        multiple=True,
        default=("tile1", "tile3", "tile5"),
        show_default=True,
        help="Scenes to train on; the others are measured.",
    ),
    click.option(
        "--generated", default=200, show_default=True, help="Generated scenes beside them."
    ),
    click.option("--steps", type=int, help="Default: what the shipped weights took."),
    click.option(
        "--seed", default=0, show_default=True, help="Of weights, order and augmentation."
    ),
    click.option(
        "--out", type=click.Path(path_type=Path), help="Folder; default: the shipped one."
    ),
)


def training_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add slug, scenes, generated, steps, seed and out to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command

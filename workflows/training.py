"""Train what RSQA ships: segmenters, the compact encoder and the base head."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from db.store import images as image_store
from db.store import projects
from rsqa_core.errors import InvalidInputError
from rsqa_core.progress import Progress, no_progress
from rsqa_core.raster import read_mask, read_rgb
from rsqa_core.records import ImageRecord, Project
from rsqa_core.scenes import SCENE_CLASSES, render_scene
from workflows.opening import Installation

if TYPE_CHECKING:
    from rsqa_core.training.crops import LabelledScene
    from rsqa_core.training.head import HeadData
    from rsqa_core.training.head_data import HeadImage

MAX_SCENE_FOLDS = 12
"""A project of more scenes than this is one fold as a whole."""

SEGMENTER_SEEDS = 10_000
HEAD_SEEDS = 20_000
"""First seeds of the generated scenes that segmenters and the head train on; never the same."""


def labelled_scenes(
    installation: Installation, slug: str, scenes: Sequence[str], generated: int, first_seed: int
) -> list[LabelledScene]:
    """Return source images of ``scenes`` put together from their tiles, and generated scenes.

    Raises:
        InvalidInputError: the project has no reference masks in those scenes.
    """
    from rsqa_core.training.crops import LabelledScene

    with installation.database.read() as session:
        project = projects.get(session, slug)
        tiles = [i for i in image_store.all_of(session, project.id) if i.scene in scenes]
    by_source: dict[str, list[ImageRecord]] = {}
    for tile in tiles:
        if tile.reference_mask_path is not None:
            by_source.setdefault(tile.source_sha256, []).append(tile)
    if not by_source:
        raise InvalidInputError(
            f"Project {slug!r} has no reference masks in scenes {', '.join(scenes)}. Import them "
            "with their masks first."
        )
    found = [_whole(installation, group, slug) for group in by_source.values()]
    drawn = (render_scene(seed=first_seed + i) for i in range(generated))
    found += [LabelledScene(s.rgb, s.reference_mask, "generated") for s in drawn]
    return found


def scenes_with_reference(installation: Installation, slug: str) -> list[str]:
    """Return the scenes of a project that have at least one reference mask, by name."""
    with installation.database.read() as session:
        tiles = image_store.all_of(session, projects.get(session, slug).id)
    return sorted({tile.scene for tile in tiles if tile.reference_mask_path is not None})


def head_images(
    installation: Installation, slugs: Sequence[str], generated: int, stress: int, seed: int
) -> tuple[Iterator[HeadImage], int]:
    """Return the images that the base head learns from, one at a time, and their number.

    Every project image with a reference comes as it is, and ``stress`` times with changed light,
    colour and sharpness. Generated scenes come as they are and belong to no fold. The shipped head
    takes neither: on the sample's scenes both cost accuracy.
    """
    tiles: list[tuple[Project, ImageRecord, str]] = []
    with installation.database.read() as session:
        for slug in slugs:
            project = projects.get(session, slug)
            own = [i for i in image_store.all_of(session, project.id) if i.reference_mask_path]
            many = len({i.scene for i in own}) > MAX_SCENE_FOLDS
            tiles += [(project, i, slug if many else f"{slug}/{i.scene}") for i in own]
    count = len(tiles) * (1 + stress) + generated
    return _draw(installation, tiles, generated, stress, seed), count


def _draw(
    installation: Installation,
    tiles: Sequence[tuple[Project, ImageRecord, str]],
    generated: int,
    stress: int,
    seed: int,
) -> Iterator[HeadImage]:
    from rsqa_core.training.crops import augment_colour
    from rsqa_core.training.head_data import HeadImage

    rng = np.random.default_rng(seed)
    for project, tile, fold in tiles:
        files = installation.files
        rgb = read_rgb(files.path(tile.tile_path), tile.stretch)
        mask = read_mask(files.path(str(tile.reference_mask_path)))
        classes = tuple(c.name for c in project.classes)
        plain = HeadImage(rgb, mask, classes, tile.source_sha256, fold, project.class_map)
        yield plain
        for _ in range(stress):
            strength = float(rng.uniform(0.7, 2.5))
            yield replace(plain, rgb=augment_colour(rgb, rng, strength))
    for i in range(generated):
        scene = render_scene(seed=HEAD_SEEDS + i)
        source = f"generated scene {scene.seed}"
        yield HeadImage(scene.rgb, scene.reference_mask, SCENE_CLASSES, source, "")


def train_base_head(
    installation: Installation,
    slugs: Sequence[str],
    *,
    encoder_name: str,
    generated: int,
    stress: int,
    folder: Path,
    seed: int = 0,
    progress: Progress = no_progress,
) -> dict[str, Any]:
    """Train the base head on imported projects, write it with its card.

    Returns:
        the figures of the card: agreement on held-out folds, per fold, and the interval's coverage.
    """
    from rsqa_core.encoders.openclip import load_encoder
    from rsqa_core.features.semantic import SemanticDescriber
    from rsqa_core.segmenters.network import shipped_segmenters
    from rsqa_core.training.head_data import describe_images

    settings = installation.settings
    encoder = load_encoder(
        encoder_name, cache_dir=settings.home / "encoders", offline=settings.offline
    )
    images, count = head_images(installation, slugs, generated, stress, seed)
    data = describe_images(
        images, count, shipped_segmenters(), SemanticDescriber(encoder), progress=progress
    )
    lines = (
        *(f"project {slug}, each image {1 + stress} times" for slug in slugs),
        *([f"{generated} generated scenes from seed {HEAD_SEEDS}"] if generated else []),
    )
    return fit_base_head(data, (encoder_name, encoder.fingerprint), folder, lines, seed, progress)


def fit_base_head(
    data: HeadData,
    encoder: tuple[str, str],
    folder: Path,
    trained_on: tuple[str, ...],
    seed: int = 0,
    progress: Progress = no_progress,
) -> dict[str, Any]:
    """Fit the base head on described images and write head and card to ``folder``."""
    from rsqa_core.heads.head import BASE_HEAD
    from rsqa_core.training.cards import base_head_figures, write_base_head_card
    from rsqa_core.training.head import HeadTraining, train_head

    head = train_head(
        data, encoder, HeadTraining(seed=seed), trained_on=trained_on, progress=progress
    )
    figures = base_head_figures(head, data) | {"commit": current_commit(), "seed": seed}
    head.save(folder / f"{BASE_HEAD}.safetensors")
    write_base_head_card(folder, head.card, figures)
    return figures


def current_commit() -> str:
    """Return the commit of the source tree, ``unknown`` outside of a checkout."""
    root = Path(__file__).resolve().parents[1]
    try:
        result = subprocess.run(
            ["git", "rev-parse", "--short=12", "HEAD"],  # noqa: S607 - git of the user's PATH
            cwd=root,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return result.stdout.strip()


def _whole(installation: Installation, tiles: Sequence[ImageRecord], source: str) -> LabelledScene:
    """Put the tiles of one source image back together."""
    from rsqa_core.records import VOID
    from rsqa_core.training.crops import LabelledScene

    first = tiles[0]
    shape = (first.source_height_px, first.source_width_px)
    rgb = np.zeros((3, *shape), dtype=np.uint8)
    mask = np.full(shape, VOID, dtype=np.uint8)
    for tile in tiles:
        window = (
            slice(tile.y_px, tile.y_px + tile.height_px),
            slice(tile.x_px, tile.x_px + tile.width_px),
        )
        rgb[:, *window] = read_rgb(installation.files.path(tile.tile_path), tile.stretch)
        mask[window] = read_mask(installation.files.path(str(tile.reference_mask_path)))
    return LabelledScene(rgb, mask, source)

"""Train what RSQA ships: segmenters, the compact encoder and the base head."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from db.store import candidates as candidate_store
from db.store import images as image_store
from db.store import projects
from rsqa_core.errors import InvalidInputError
from rsqa_core.progress import Progress, no_progress
from rsqa_core.raster import read_mask, read_rgb
from rsqa_core.records import ImageRecord, is_synthetic, normalised_class_name
from rsqa_core.scenes import render_scene
from workflows.opening import Installation

if TYPE_CHECKING:
    from rsqa_core.training.crops import LabelledScene
    from rsqa_core.training.head_data import HeadData

MAX_SCENE_FOLDS = 12
"""A project of more scenes than this is one fold as a whole."""

SYNTHETIC_WEIGHT = 0.3
"""Weight of a degraded mask beside a real candidate's 1."""

SEGMENTER_SEEDS = 10_000
"""First seed of the generated scenes that segmenters train on."""


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


def sources_with_reference(
    installation: Installation, slug: str, scenes: Sequence[str]
) -> frozenset[str]:
    """Return the SHA-256 of every source image in ``scenes`` that has a reference mask."""
    with installation.database.read() as session:
        tiles = image_store.all_of(session, projects.get(session, slug).id)
    return frozenset(
        tile.source_sha256
        for tile in tiles
        if tile.scene in scenes and tile.reference_mask_path is not None
    )


def scenes_with_reference(installation: Installation, slug: str) -> list[str]:
    """Return the scenes of a project that have at least one reference mask, by name."""
    with installation.database.read() as session:
        tiles = image_store.all_of(session, projects.get(session, slug).id)
    return sorted({tile.scene for tile in tiles if tile.reference_mask_path is not None})


def train_base_head(
    installation: Installation,
    slugs: Sequence[str],
    *,
    encoder_name: str,
    folder: Path,
    seed: int = 0,
    progress: Progress = no_progress,
) -> dict[str, Any]:
    """Train the base head on the candidates of imported projects, write it with its card.

    The first project has a fold a scene, every other one is one fold as a whole: its errors are
    then those of imagery that nothing was learnt from.

    Returns:
        the figures of the card: agreement on held-out folds, per fold, and the interval's coverage.
    """
    from rsqa_core.encoders.openclip import load_encoder
    from rsqa_core.training.head_data import joined

    settings = installation.settings
    encoder = load_encoder(
        encoder_name,
        cache_dir=settings.encoders_dir,
        offline=settings.offline,
        hub=settings.model_hub,
        progress=progress,
    )
    names = (encoder_name, encoder.fingerprint)
    data = joined(
        [
            head_data(installation, slug, names, whole=place > 0, progress=progress)
            for place, slug in enumerate(slugs)
        ]
    )
    lines = tuple(
        f"project {slug}: candidates of {', '.join(_segmenters(installation, slug))}"
        for slug in slugs
    )
    return fit_base_head(data, names, folder, lines, seed, progress)


def head_data(
    installation: Installation,
    slug: str,
    encoder: tuple[str, str],
    *,
    whole: bool = False,
    progress: Progress = no_progress,
) -> HeadData:
    """Return a project's candidates that have a reference mask, one fold a scene.

    Args:
        encoder: name and fingerprint.
        whole: True makes the project one fold, as one of more than MAX_SCENE_FOLDS scenes is.

    Raises:
        InvalidInputError: the project has no candidate with a reference mask.
    """
    from rsqa_core.heads.error_map import probability_of_mask
    from rsqa_core.heads.further_targets import CLASS_IOU
    from rsqa_core.metrics import measure_targets
    from rsqa_core.training.head_data import HeadData, cell_accuracy, sample_pixels
    from workflows.describing import describe_candidates
    from workflows.scoring import groups_of
    from workflows.segmenter_sides import SegmenterSides

    with installation.database.read() as session:
        project = projects.get(session, slug)
        groups = groups_of(
            image_store.all_of(session, project.id), candidate_store.all_of(session, project.id)
        )
    groups = [(image, found) for image, found in groups if image.reference_mask_path]
    described = describe_candidates(installation, project, groups, encoder, progress=progress)
    files = installation.files
    classes = [c.name for c in project.classes]
    kept: list[int] = []
    columns: dict[str, list[Any]] = {
        name: [] for name in ("targets", "cells", "valid", "miou", "boundary", CLASS_IOU, "pixels")
    }
    reference, last = np.zeros((0, 0), dtype=np.uint8), -1
    rng = np.random.default_rng(0)
    sides = SegmenterSides(installation, groups, len(classes))
    for row, candidate in enumerate(described.candidates):
        index = int(described.image_of_row[row])
        if index != last:
            progress("measuring candidates", index, len(described.images))
            path = described.images[index].reference_mask_path
            reference, last = read_mask(files.path(str(path))), index
            consensus = sides.consensus(*groups[index])
        mask = read_mask(files.path(candidate.mask_path))
        measured = measure_targets(mask, reference, len(classes))
        if measured is None:
            continue
        right, valid = cell_accuracy(mask, reference)
        own = probability_of_mask(consensus.together, mask)
        kept.append(row)
        for name, value in (
            ("targets", measured.overall_accuracy),
            ("cells", right),
            ("valid", valid),
            ("miou", measured.mean_iou),
            ("boundary", measured.boundary_f1),
            (CLASS_IOU, measured.ious),
            (
                "pixels",
                sample_pixels(mask, reference, own, rng),
            ),
        ):
            columns[name].append(value)
    if not kept:
        raise InvalidInputError(
            f"Project {slug!r} has no candidate with a reference mask. Import masks beside the "
            f"images, then make candidates: rsqa segment --project {slug}."
        )
    rows = np.array(kept)
    scenes = {image.scene for image in described.images}
    many = whole or len(scenes) > MAX_SCENE_FOLDS
    stacked = {name: np.array(values, dtype=np.float32) for name, values in columns.items()}
    return HeadData(
        inputs=described.inputs.only(rows),
        places=described.places.only(rows),
        fold_names=tuple(slug if many else f"{slug}/{i.scene}" for i in described.images),
        targets=stacked["targets"],
        weights=np.array(
            [
                SYNTHETIC_WEIGHT if is_synthetic(described.candidates[row].segmenter) else 1.0
                for row in kept
            ],
            dtype=np.float32,
        ),
        cell_targets=stacked["cells"],
        cell_valid=stacked["valid"],
        mean_iou=stacked["miou"],
        boundary_f1=stacked["boundary"],
        class_iou=stacked[CLASS_IOU],
        class_guess=described.class_iou[rows],
        pixels=stacked["pixels"],
        class_names=tuple(sorted(normalised_class_name(name) for name in classes)),
    )


def _segmenters(installation: Installation, slug: str) -> list[str]:
    with installation.database.read() as session:
        return sorted(candidate_store.segmenters(session, projects.get(session, slug).id))


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

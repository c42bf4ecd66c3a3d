"""A project "harbour" of three scenes with reference masks, and models to run over it.

Imports what the models import, which takes seconds: use it through the fixtures of conftest.py.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from numpy.typing import NDArray

from db.store import images, projects
from rsqa_core.datasets.classes import DEFAULT_CLASSES
from rsqa_core.encoders import openclip
from rsqa_core.raster import encode_mask, pixel_sha256, write_tile_geotiff
from rsqa_core.records import VOID, ClassDef, ImageRecord, NewImage, Project
from rsqa_core.settings import Settings
from tests.rsqa_core.standins import CLASSES, BandSegmenter, ColourEncoder
from workflows.opening import Installation, open_installation
from workflows.segmenting import segment_project
from workflows.training import train_base_head

SLUG = "harbour"
SCENES = ("north", "south", "west")
TILES_A_SCENE = 4
SIDE_PX = 64


def make_segmenters() -> list[BandSegmenter]:
    """Three segmenters, from good to bad."""
    return [BandSegmenter("near", 0.1), BandSegmenter("off", 0.35), BandSegmenter("far", 0.8)]


def draw_tile(seed: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Grey blocks of 8 px with a little noise, and the mask of their brightness; some of it is
    relabelled at random, more on some tiles than on others."""
    rng = np.random.default_rng(seed)
    blocks = SIDE_PX // 8
    grey = np.kron(rng.integers(0, 256, size=(blocks, blocks)), np.ones((8, 8)))
    rgb = np.clip(grey + rng.normal(0, 8, size=(3, SIDE_PX, SIDE_PX)), 0, 255).astype(np.uint8)
    mask = BandSegmenter("truth").predict(rgb).mask
    wrong = np.kron(rng.random((blocks, blocks)) < rng.uniform(0, 0.5), np.ones((8, 8), bool))
    mask[wrong] = rng.integers(0, len(CLASSES), size=int(wrong.sum()))
    mask[:2] = VOID
    return rgb, mask


def add_project(
    installation: Installation,
    slug: str = SLUG,
    *,
    classes: tuple[ClassDef, ...] = DEFAULT_CLASSES,
    class_map: dict[str, str] | None = None,
) -> Project:
    with installation.database.begin() as session:
        return projects.create(
            session,
            slug=slug,
            name=slug.title(),
            classes=classes,
            class_map=class_map or {},
            origin="imported",
        )


def add_tiles(
    installation: Installation,
    project: Project,
    scene: str,
    seeds: range,
    *,
    with_reference: bool = True,
) -> list[ImageRecord]:
    """Record tiles of one scene; those of a scene come from one source image, side by side."""
    files = installation.files
    new = []
    for place, seed in enumerate(seeds):
        rgb, mask = draw_tile(seed)
        new.append(
            NewImage(
                name=f"{scene} {place}",
                scene=scene,
                sha256=pixel_sha256(rgb),
                source_name=f"{scene}.tif",
                source_sha256=source_of(scene),
                source_width_px=SIDE_PX * len(seeds),
                source_height_px=SIDE_PX,
                x_px=SIDE_PX * place,
                y_px=0,
                width_px=SIDE_PX,
                height_px=SIDE_PX,
                bands=3,
                dtype="uint8",
                tile_path=files.put(write_tile_geotiff(rgb), ".tif"),
                display_path="none.jpg",
                reference_mask_path=files.put(encode_mask(mask), ".png")
                if with_reference
                else None,
            )
        )
    with installation.database.begin() as session:
        return images.add(session, project.id, new)


def source_of(scene: str) -> str:
    return hashlib.sha256(scene.encode()).hexdigest()


def fill(installation: Installation) -> None:
    """Make the project with all its tiles."""
    project = add_project(installation)
    for number, scene in enumerate(SCENES):
        add_tiles(installation, project, scene, range(10 * number, 10 * number + TILES_A_SCENE))


def train_base(folder: Path) -> None:
    """Train a base head on other tiles; the scene north is one of its folds, by its source."""
    with TemporaryDirectory() as home, pytest.MonkeyPatch.context() as patch:
        patch.setattr(openclip, "load_encoder", lambda *_, **__: ColourEncoder())
        installation = open_installation(Settings(home=Path(home)))
        project = add_project(installation, "training")
        for number, scene in enumerate(("north", "port", "quay")):
            add_tiles(installation, project, scene, range(100 + 8 * number, 108 + 8 * number))
        segment_project(installation, "training", segmenters=make_segmenters())
        train_base_head(installation, ["training"], encoder_name="colours", folder=folder)
        installation.database.close()

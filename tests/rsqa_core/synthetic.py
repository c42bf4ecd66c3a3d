"""Labelled candidates whose quality shows in their numbers, drawn from a seed."""

from __future__ import annotations

import numpy as np

from rsqa_core.encoders.captions import SCENE_PROMPTS
from rsqa_core.features.names import CELL_NAMES, FEATURE_NAMES, IMAGE_STATISTICS
from rsqa_core.heads.anchor import OF_CANDIDATE, OF_CELL
from rsqa_core.heads.inputs import PLACES, HeadInputs, Places
from rsqa_core.training.head_data import HeadData

EMBEDDING_DIM = 6
SEMANTIC_LENGTH = EMBEDDING_DIM + len(SCENE_PROMPTS) + len(IMAGE_STATISTICS)
FOLDS = ("east", "north", "south")
TILE_PX = 512
SAMPLED = 8
"""Pixels a candidate, for the error map."""


def head_data(
    images: int = 18,
    per_image: int = 3,
    *,
    folds: tuple[str, ...] = FOLDS,
    seed: int = 0,
    noise: float = 0.3,
    shift: float = 0.0,
    source: str = "tile",
) -> HeadData:
    """Draw candidates; every third number follows the quality, the others are noise.

    What the anchor goes by follows it too, at twice the noise.

    Args:
        folds: given to the images in turn.
        noise: standard deviation around the quality of the numbers that follow it.
        shift: how far the quality lies below what the numbers suggest, as in another domain.
        source: start of the source names; sources of one draw are all different.
    """
    rng = np.random.default_rng(seed)
    count = images * per_image
    suggested = rng.uniform(0.2, 0.95, count)
    local = np.clip(suggested[:, None] + 0.1 * rng.normal(size=(count, PLACES)), 0.0, 1.0)
    rows = rng.normal(size=(count, len(FEATURE_NAMES)))
    rows[:, ::3] = suggested[:, None] + noise * rng.normal(size=rows[:, ::3].shape)
    cells = rng.normal(size=(count, PLACES, len(CELL_NAMES)))
    cells[:, :, ::3] = local[:, :, None] + noise * rng.normal(size=cells[:, :, ::3].shape)
    for name in OF_CANDIDATE:
        guess = suggested + 2 * noise * rng.normal(size=count)
        rows[:, FEATURE_NAMES.index(name)] = np.clip(guess, 0.0, 1.0)
    for name in OF_CELL:
        guess = local + 2 * noise * rng.normal(size=local.shape)
        cells[:, :, CELL_NAMES.index(name)] = np.clip(guess, 0.0, 1.0)
    right = np.clip(local - shift, 0.0, 1.0).astype(np.float32)
    targets = right.mean(axis=1)
    image = np.repeat(np.arange(images), per_image)
    embeddings = rng.normal(size=(images, SEMANTIC_LENGTH))
    tokens = embeddings[:, None, :EMBEDDING_DIM] + 0.3 * rng.normal(
        size=(images, PLACES, EMBEDDING_DIM)
    )
    ious = np.clip(targets[:, None] - rng.uniform(0, 0.2, (count, 2)), 0.0, 1.0)
    sampled = rng.random((count, SAMPLED, 4))
    sampled[:, :, 3] = rng.random(sampled.shape[:2]) > sampled[:, :, 2]  # as the consensus says
    return HeadData(
        inputs=HeadInputs(
            semantic=embeddings.astype(np.float32),
            tokens=tokens.astype(np.float32),
            rows=rows.astype(np.float32),
            cells=cells.astype(np.float32),
            image_of_row=image,
        ),
        places=Places(
            images=tuple(f"image {source}-{seed}-{i}" for i in image),
            sources=tuple(f"{source}-{seed}-{i}" for i in image),
            centres_px=np.stack([TILE_PX * image, np.zeros(count)], axis=1).astype(np.float64),
            segmenters=tuple(f"segmenter {k % per_image}" for k in range(count)),
        ),
        fold_names=tuple(folds[i % len(folds)] for i in range(images)),
        targets=targets,
        weights=np.ones(count, dtype=np.float32),
        cell_targets=right,
        cell_valid=np.ones((count, PLACES), dtype=np.float32),
        mean_iou=ious.mean(axis=1).astype(np.float32),
        boundary_f1=np.clip(targets - 0.2, 0.0, 1.0),
        class_iou=ious.astype(np.float32),
        class_guess=np.clip(ious + 0.1 * rng.normal(size=ious.shape), 0, 1).astype(np.float32),
        pixels=sampled.astype(np.float32),
        class_names=("land", "water"),
    )

"""Labelled candidates whose quality shows in their numbers, drawn from a seed."""

from __future__ import annotations

import numpy as np

from rsqa_core.encoders.captions import SCENE_PROMPTS
from rsqa_core.features.names import FEATURE_NAMES, IMAGE_STATISTICS
from rsqa_core.training.head import HeadData

EMBEDDING_DIM = 6
SEMANTIC_LENGTH = EMBEDDING_DIM + len(SCENE_PROMPTS) + len(IMAGE_STATISTICS)
FOLDS = ("east", "north", "south")


def head_data(
    images: int = 30,
    per_image: int = 4,
    *,
    folds: tuple[str, ...] = FOLDS,
    seed: int = 0,
    noise: float = 0.3,
    shift: float = 0.0,
    source: str = "tile",
) -> HeadData:
    """Draw candidates; every third number follows the quality, the others are noise.

    Args:
        folds: given to the images in turn.
        noise: standard deviation around the quality of the numbers that follow it.
        shift: how far the quality lies below what the numbers suggest, as in another domain.
        source: start of the source names; sources of one draw are all different.
    """
    rng = np.random.default_rng(seed)
    count = images * per_image
    suggested = rng.uniform(0.2, 0.95, count)
    rows = rng.normal(size=(count, len(FEATURE_NAMES)))
    rows[:, ::3] = suggested[:, None] + noise * rng.normal(size=rows[:, ::3].shape)
    return HeadData(
        semantic=rng.normal(size=(images, SEMANTIC_LENGTH)).astype(np.float32),
        embedding_dim=EMBEDDING_DIM,
        sources=tuple(f"{source}-{seed}-{i}" for i in range(images)),
        fold_names=tuple(folds[i % len(folds)] for i in range(images)),
        rows=rows.astype(np.float32),
        image_of_row=np.repeat(np.arange(images), per_image),
        targets=np.clip(suggested - shift, 0, 1).astype(np.float32),
        weights=np.ones(count, dtype=np.float32),
    )

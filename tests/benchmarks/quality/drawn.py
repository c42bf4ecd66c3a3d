"""Candidates whose raw scores follow their quality, drawn from a seed, without a network."""

from __future__ import annotations

import numpy as np

from benchmarks.quality.candidates import Candidates
from rsqa_core.encoders.captions import SCENE_PROMPTS
from rsqa_core.evaluation.baselines import BINS
from rsqa_core.evaluation.components import COMPONENT_FEATURES, Components
from rsqa_core.evaluation.reliability import ERROR_BINS
from rsqa_core.features.names import CELL_NAMES, FEATURE_NAMES, IMAGE_STATISTICS
from rsqa_core.heads.inputs import PLACES, HeadInputs, Places
from rsqa_core.training.head_data import PIXELS, HeadData

SEGMENTERS = ("a", "b", "c")
EMBEDDING_DIM = 6
SEMANTIC_LENGTH = EMBEDDING_DIM + len(SCENE_PROMPTS) + len(IMAGE_STATISTICS)


def draw_candidates(
    scenes: tuple[str, ...] = ("here/east", "here/north", "there/south"),
    images: int = 8,
    seed: int = 0,
) -> Candidates:
    """Draw ``images`` images a scene, two of each source file, with a candidate a segmenter."""
    rng = np.random.default_rng(seed)
    each, total = len(SEGMENTERS), len(scenes) * images
    count = total * each
    image = np.repeat(np.arange(total), each)
    scene = np.array(scenes)[image // images]
    target = np.clip(0.6 + 0.3 * rng.normal(size=count), 0, 1)
    features = rng.random((count, len(FEATURE_NAMES))).astype(np.float32)
    for name in ("max_prob_mean", "margin_mean", "peer_mean", "peer_majority"):
        noise = 0.1 * rng.normal(size=count)
        features[:, FEATURE_NAMES.index(name)] = np.clip(target + noise, 0, 1)
    components = Components(
        rng.random((4 * count, len(COMPONENT_FEATURES))).astype(np.float32),
        rng.integers(1, 50, 4 * count).astype(np.float32),
        np.repeat(target, 4).astype(np.float32),
    )
    confidence = rng.random((count, 2, BINS)).astype(np.float32)
    ends = 4 * np.arange(1, count + 1)
    return Candidates(
        candidate=np.arange(count),
        dataset=np.array([name.partition("/")[0] for name in scene]),
        scene=scene,
        segmenter=np.tile(np.array(SEGMENTERS), total),
        source=np.array([f"file {i // 2}" for i in image]),
        image=image,
        target=target,
        features=features,
        head=np.arange(count),
        labelled=_labels(rng, target, features, image),
        together=tuple(np.full((5, 16, 16), 0.2, dtype=np.float16) for _ in range(total)),
        encoder=("tiny", "abc"),
        confidence=confidence / confidence.sum(axis=2, keepdims=True),
        cleanlab=np.stack([rng.random(count), target], axis=1),
        errors=rng.integers(0, 9, (count, 2, 2, ERROR_BINS)),
        components=components,
        spans=np.stack([ends - 4, ends], axis=1),
        mask_path=np.full(count, "mask.png"),
        reference_path=np.full(count, "reference.png"),
    )


def _labels(
    rng: np.random.Generator, target: np.ndarray, features: np.ndarray, image: np.ndarray
) -> HeadData:
    """Draw what a head learns from, of the same candidates."""
    count, total, each = len(target), int(image.max()) + 1, len(SEGMENTERS)
    measured = target.astype(np.float32)
    cells = rng.random((count, PLACES, len(CELL_NAMES))).astype(np.float32)
    pixels = rng.random((count, PIXELS, 4)).astype(np.float32)
    pixels[:, :, 3] = rng.random((count, PIXELS)) > target[:, None]
    return HeadData(
        inputs=HeadInputs(
            rng.normal(size=(total, SEMANTIC_LENGTH)).astype(np.float32),
            rng.normal(size=(total, PLACES, EMBEDDING_DIM)).astype(np.float32),
            features,
            cells,
            image,
        ),
        places=Places(
            tuple(f"image {i}" for i in image),
            tuple(f"file {i // 2}" for i in image),
            100.0 * rng.random((count, 2)),
            SEGMENTERS * (count // each),
        ),
        fold_names=("",) * total,
        targets=measured,
        weights=np.ones(count, dtype=np.float32),
        cell_targets=np.repeat(measured[:, None], PLACES, axis=1),
        cell_valid=np.ones((count, PLACES), dtype=np.float32),
        mean_iou=measured,
        boundary_f1=measured,
        class_iou=np.repeat(measured[:, None], 5, axis=1),
        class_guess=np.full((count, 5), 0.5, dtype=np.float32),
        pixels=pixels,
        class_names=("building", "land", "road", "vegetation", "water"),
    )

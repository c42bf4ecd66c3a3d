"""Labelled candidates for the base head, from imagery with reference masks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rsqa_core.errors import InvalidInputError
from rsqa_core.features.description import context_rows, full_row, segmenter_row
from rsqa_core.features.masks import PictureGrid
from rsqa_core.features.semantic import SemanticDescriber
from rsqa_core.metrics import overall_accuracy
from rsqa_core.progress import Progress, no_progress
from rsqa_core.segmenters.mapping import class_targets, map_probs
from rsqa_core.segmenters.network import Segmenter
from rsqa_core.training.head import HeadData


@dataclass(frozen=True, slots=True)
class HeadImage:
    """One image to learn from.

    Attributes:
        rgb: (3, H, W) uint8.
        reference_mask: (H, W) uint8 ids into ``classes``, or VOID.
        classes: class names by id.
        source: sha256 of the file that it was cut from (or another stable name of it).
        fold: images of one fold are never scored by members that trained on it; "" for none.
        class_map: as in a project.
    """

    rgb: NDArray[np.uint8]
    reference_mask: NDArray[np.uint8]
    classes: tuple[str, ...]
    source: str
    fold: str
    class_map: Mapping[str, str] = field(default_factory=dict)


def describe_images(
    images: Iterable[HeadImage],
    count: int,
    segmenters: Sequence[Segmenter],
    describer: SemanticDescriber,
    *,
    progress: Progress = no_progress,
) -> HeadData:
    """Segment every image with every segmenter, describe the candidates and score them.

    Images whose reference holds no valid pixel are left out.

    Args:
        images: drawn one at a time, so they need not fit in memory together.
        count: how many there are, for the progress.
    """
    semantic: list[NDArray[np.float32]] = []
    rows: list[NDArray[np.float32]] = []
    sources: list[str] = []
    folds: list[str] = []
    image_of_row: list[int] = []
    targets: list[float] = []
    vectors: dict[tuple[str, ...], NDArray[np.float32]] = {}
    for done, image in enumerate(images):
        progress("describing candidates", done, count)
        if image.classes not in vectors:
            vectors[image.classes] = describer.class_vectors(image.classes)
        grid = PictureGrid(image.rgb)
        seen = describer.describe(image.rgb, grid)
        masks, own = [], []
        for segmenter in segmenters:
            segmentation = segmenter.predict(image.rgb)
            to = class_targets(segmenter.classes, image.classes, image.class_map)
            probs = map_probs(segmentation.probs, to, len(image.classes))
            mask = probs.argmax(axis=0).astype(np.uint8)
            masks.append(mask)
            own.append(segmenter_row(image.rgb, segmentation, segmenter, probs, mask))
        context = context_rows(grid, masks, image.classes, seen.tokens, vectors[image.classes])
        accuracies = [overall_accuracy(mask, image.reference_mask) for mask in masks]
        for first, second, accuracy in zip(own, context, accuracies, strict=True):
            if accuracy is None:
                continue
            rows.append(full_row(first, second))
            image_of_row.append(len(sources))
            targets.append(accuracy.overall_accuracy)
        if accuracies[0] is not None:
            semantic.append(seen.vector)
            sources.append(image.source)
            folds.append(image.fold)
    if not rows:
        raise InvalidInputError("Expected images with labelled pixels, but got none.")
    return HeadData(
        semantic=np.stack(semantic),
        embedding_dim=describer.embedding_dim,
        sources=tuple(sources),
        fold_names=tuple(folds),
        rows=np.stack(rows),
        image_of_row=np.array(image_of_row),
        targets=np.array(targets, dtype=np.float32),
        weights=np.ones(len(targets), dtype=np.float32),
    )

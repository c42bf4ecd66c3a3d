"""The full row of numbers for each candidate of an image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rsqa_core.features.masks import (
    PictureGrid,
    describe_agreement,
    describe_mask,
    describe_picture,
    describe_region,
)
from rsqa_core.features.names import (
    CONTEXT_GROUPS,
    FEATURE_NAMES,
    SEGMENTER_GROUPS,
    names_of,
)
from rsqa_core.features.segmenter_side import (
    describe_consistency,
    describe_probs,
    describe_taps,
)
from rsqa_core.segmenters.network import Segmentation, Segmenter

Row = NDArray[np.float32]


def segmenter_row(
    rgb: NDArray[np.uint8],
    segmentation: Segmentation,
    segmenter: Segmenter,
    probs: NDArray[np.float32],
    mask: NDArray[np.uint8],
) -> Row:
    """Describe a live segmenter's candidate: SEGMENTER_GROUPS, (n,) float32, NaN where missing.

    Args:
        rgb: (3, H, W) uint8 image.
        segmentation: the segmenter's own answer.
        segmenter: runs again for the consistency group.
        probs: (K, H, W) probabilities by project class.
        mask: (H, W) uint8 their argmax.
    """
    return _as_row(
        describe_probs(probs, mask)
        | describe_taps(segmentation, segmenter)
        | describe_consistency(rgb, segmentation, segmenter),
        SEGMENTER_GROUPS,
    )


def imported_row(probs: NDArray[np.float32] | None, mask: NDArray[np.uint8]) -> Row:
    """Describe an imported candidate by its probabilities, where it has any; the rest is NaN."""
    known = describe_probs(probs, mask) if probs is not None and probs.shape[0] > 1 else {}
    return _as_row(known, SEGMENTER_GROUPS)


def context_rows(
    grid: PictureGrid,
    masks: Sequence[NDArray[np.uint8]],
    classes: Sequence[str],
    tokens: NDArray[np.float32] | None,
    class_vectors: NDArray[np.float32],
) -> list[Row]:
    """Describe all candidates of one image: CONTEXT_GROUPS, each (n,) float32.

    Args:
        grid: the picture.
        masks: each (H, W) uint8, all candidates of the image.
        classes: project class names by id.
        tokens: the encoder's (h, w, D) view, or None.
        class_vectors: (K, D) prompt vectors of ``classes``.
    """
    peers = describe_agreement(masks, len(classes))
    return [
        _as_row(
            describe_mask(mask, classes)
            | describe_picture(grid, mask, classes)
            | peer
            | ({} if tokens is None else describe_region(mask, tokens, class_vectors)),
            CONTEXT_GROUPS,
        )
        for mask, peer in zip(masks, peers, strict=True)
    ]


def full_row(segmenter_part: Row, context_part: Row) -> Row:
    """Join both parts into FEATURE_NAMES order."""
    names = names_of(SEGMENTER_GROUPS) + names_of(CONTEXT_GROUPS)
    values = dict(zip(names, np.concatenate([segmenter_part, context_part]), strict=True))
    return np.array([values[name] for name in FEATURE_NAMES], dtype=np.float32)


def _as_row(values: dict[str, float], groups: tuple[str, ...]) -> Row:
    return np.array([values.get(name, np.nan) for name in names_of(groups)], dtype=np.float32)

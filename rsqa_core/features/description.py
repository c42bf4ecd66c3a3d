"""Everything that the head is told of a candidate, from its segmenter and from its context."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rsqa_core.features.consensus import consensus_of, describe_consensus
from rsqa_core.features.grids import (
    CELL_SIDE,
    SOFT_SIDE,
    Array,
    Cells,
    Described,
    Values,
    pooled,
)
from rsqa_core.features.masks import (
    PictureGrid,
    describe_agreement,
    describe_mask,
    describe_picture,
    describe_region,
)
from rsqa_core.features.names import (
    CELL_NAMES,
    CONTEXT_CELLS,
    CONTEXT_GROUPS,
    FEATURE_NAMES,
    SEGMENTER_CELLS,
    SEGMENTER_GROUPS,
    names_of,
)
from rsqa_core.features.segmenter_side import (
    describe_consistency,
    describe_probs,
    describe_taps,
)
from rsqa_core.raster.interpolation import spread_over

if TYPE_CHECKING:
    from rsqa_core.segmenters.network import Segmentation, Segmenter

Row = NDArray[np.float32]
_OWN = len(names_of(SEGMENTER_GROUPS))
_AROUND = len(names_of(CONTEXT_GROUPS))
_PLACES = CELL_SIDE**2
_JOINED = names_of(SEGMENTER_GROUPS) + names_of(CONTEXT_GROUPS)
_ORDER = np.array([_JOINED.index(name) for name in FEATURE_NAMES])


@dataclass(frozen=True, slots=True)
class SegmenterSide:
    """What a segmenter says of its candidate, or what an imported mask's probabilities say.

    Attributes:
        row: SEGMENTER_GROUPS numbers, (n,) float32, NaN where missing.
        cells: (len(SEGMENTER_CELLS), CELL_SIDE, CELL_SIDE) float32, NaN where missing.
        soft: (K, SOFT_SIDE, SOFT_SIDE) float32 class probabilities, None where there are none.
    """

    row: Row
    cells: Array
    soft: Array | None

    def packed(self) -> Row:
        """Return row and cells as one row for the cache; ``unpacked`` undoes it."""
        return np.concatenate([self.row, self.cells.ravel()])

    @classmethod
    def unpacked(cls, packed: Row, soft: Array | None) -> SegmenterSide:
        cells = packed[_OWN:].reshape(len(SEGMENTER_CELLS), CELL_SIDE, CELL_SIDE)
        return cls(packed[:_OWN], cells, soft)


@dataclass(frozen=True, slots=True)
class ContextSide:
    """What masks, picture and encoder say of a candidate among its peers.

    Attributes:
        row: CONTEXT_GROUPS numbers, (n,) float32, NaN where missing.
        cells: (len(CONTEXT_CELLS), CELL_SIDE, CELL_SIDE) float32, NaN where missing.
        class_iou: (K,) float32 IoU of each class if the consensus were the truth, NaN without one.
    """

    row: Row
    cells: Array
    class_iou: Row

    def packed(self) -> Row:
        """Return everything as one row for the cache; ``unpacked`` undoes it."""
        return np.concatenate([self.row, self.cells.ravel(), self.class_iou])

    @classmethod
    def unpacked(cls, packed: Row) -> ContextSide:
        end = _AROUND + len(CONTEXT_CELLS) * _PLACES
        cells = packed[_AROUND:end].reshape(len(CONTEXT_CELLS), CELL_SIDE, CELL_SIDE)
        return cls(packed[:_AROUND], cells, packed[end:])


def segmenter_side(
    rgb: NDArray[np.uint8],
    segmentation: Segmentation,
    segmenter: Segmenter,
    probs: NDArray[np.float32],
    mask: NDArray[np.uint8],
) -> SegmenterSide:
    """Describe a live segmenter's candidate.

    Args:
        rgb: (3, H, W) uint8 image.
        segmentation: the segmenter's own answer.
        segmenter: runs again for the consistency group.
        probs: (K, H, W) probabilities by project class.
        mask: (H, W) uint8 their argmax.
    """
    row, cells = _sorted(
        [
            describe_probs(probs, mask),
            describe_taps(segmentation, segmenter),
            describe_consistency(rgb, segmentation, segmenter),
        ],
        SEGMENTER_GROUPS,
        SEGMENTER_CELLS,
    )
    return SegmenterSide(row, cells, pooled(probs, SOFT_SIDE))


def imported_side(probs: NDArray[np.float32] | None, mask: NDArray[np.uint8]) -> SegmenterSide:
    """Describe an imported candidate by its probabilities, where it has any; the rest is NaN."""
    if probs is None or probs.shape[0] < 2:
        return SegmenterSide(*_sorted([], SEGMENTER_GROUPS, SEGMENTER_CELLS), None)
    known = describe_probs(probs, mask)
    return SegmenterSide(
        *_sorted([known], SEGMENTER_GROUPS, SEGMENTER_CELLS), pooled(probs, SOFT_SIDE)
    )


def context_sides(
    grid: PictureGrid,
    masks: Sequence[NDArray[np.uint8]],
    soft: Sequence[Array | None],
    classes: Sequence[str],
    tokens: NDArray[np.float32] | None,
    class_vectors: NDArray[np.float32],
    only: Sequence[int] | None = None,
) -> list[ContextSide]:
    """Describe the candidates of one image.

    Args:
        grid: the picture.
        masks: each (H, W) uint8, all candidates of the image.
        soft: probabilities of each as in SegmenterSide, None for a bare mask.
        classes: project class names by id.
        tokens: the encoder's (h, w, D) view, or None.
        class_vectors: (K, D) prompt vectors of ``classes``.
        only: places of those that are described, the others are their peers; default: all.
    """
    consensus = consensus_of(masks, soft, len(classes))
    colours = grid.colour_posterior(spread_over(consensus.together, *grid.grey.shape))
    peers = describe_agreement(masks, len(classes))
    together = describe_consensus(consensus)
    ious = consensus.expected_iou().astype(np.float32)
    if len(masks) < 2:
        ious = np.full_like(ious, np.nan)
    sides = []
    for index in range(len(masks)) if only is None else only:
        mask = masks[index]
        parts = [
            describe_mask(mask, classes),
            describe_picture(grid, mask, classes, colours),
            peers[index],
            together[index],
        ]
        if tokens is not None:
            parts.append(describe_region(mask, tokens, class_vectors))
        sides.append(ContextSide(*_sorted(parts, CONTEXT_GROUPS, CONTEXT_CELLS), ious[index]))
    return sides


def joined(own: Array, context: Array) -> tuple[Array, Array, Array]:
    """Join what segmenters say of N candidates with what is around them.

    Args:
        own: (N, n) what ``SegmenterSide.packed`` gives of each.
        context: (N, m) what ``ContextSide.packed`` gives of each.

    Returns:
        (N, F) rows in FEATURE_NAMES order; (N, P, C) cells in CELL_NAMES order, row by row;
        (N, K) IoU of each class if the consensus were the truth.
    """
    count, end = len(own), _AROUND + len(CONTEXT_CELLS) * _PLACES
    rows: Array = np.concatenate([own[:, :_OWN], context[:, :_AROUND]], axis=1)[:, _ORDER]
    cells = np.empty((count, _PLACES, len(CELL_NAMES)), dtype=np.float32)
    said = len(SEGMENTER_CELLS)
    cells[:, :, :said] = own[:, _OWN:].reshape(count, said, _PLACES).swapaxes(1, 2)
    seen = context[:, _AROUND:end].reshape(count, len(CONTEXT_CELLS), _PLACES)
    cells[:, :, said:] = seen.swapaxes(1, 2)
    return rows, cells, context[:, end:]


def _sorted(
    parts: Sequence[Described], groups: tuple[str, ...], cell_names: tuple[str, ...]
) -> tuple[Row, Array]:
    values: Values = {}
    cells: Cells = {}
    for part in parts:
        values |= part.values
        cells |= part.cells
    missing = np.full((CELL_SIDE, CELL_SIDE), np.nan, dtype=np.float32)
    return (
        np.array([values.get(name, np.nan) for name in names_of(groups)], dtype=np.float32),
        np.stack([cells.get(name, missing) for name in cell_names]).astype(np.float32),
    )

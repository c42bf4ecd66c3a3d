"""What segmenters said of their candidates, kept on disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rsqa_core.features.keys import segmenter_features, soft_features

if TYPE_CHECKING:
    from rsqa_core.features.description import SegmenterSide


def append_sides(root: Path, fingerprint: str | None, sides: Mapping[str, SegmenterSide]) -> None:
    """Keep sides of one segmenter (None: imported masks) by candidate key."""
    soft = {key: side.soft for key, side in sides.items() if side.soft is not None}
    # Probabilities first: a candidate whose numbers are there is not described again.
    for count in {len(values) for values in soft.values()}:
        rows = {key: values.ravel() for key, values in soft.items() if len(values) == count}
        soft_features(root, fingerprint, count).append(rows, np.float16)
    segmenter_features(root, fingerprint).append({k: s.packed() for k, s in sides.items()})


def load_sides(
    root: Path, fingerprint: str | None, keys: Sequence[str], class_count: int
) -> dict[str, SegmenterSide]:
    """Return the sides that are there, by candidate key.

    Args:
        class_count: of the probabilities.
    """
    from rsqa_core.features.description import SegmenterSide
    from rsqa_core.features.grids import SOFT_SIDE

    packed = segmenter_features(root, fingerprint).load(keys)
    soft = soft_features(root, fingerprint, class_count).load(list(packed))
    shape = (class_count, SOFT_SIDE, SOFT_SIDE)
    return {
        key: SegmenterSide.unpacked(row, soft[key].reshape(shape) if key in soft else None)
        for key, row in packed.items()
    }

"""Values at places of an even grid, brought to every pixel."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


def spread_over(maps: Array, height: int, width: int) -> Array:
    """Return (C, height, width) float32, linear between the centres of the (C, h, w) places."""
    spread = np.empty((len(maps), height, width), dtype=np.float32)
    for source, target in zip(maps, spread, strict=True):
        cv2.resize(source, (width, height), dst=target, interpolation=cv2.INTER_LINEAR)
    return spread

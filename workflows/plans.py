"""Where images without a georeference lie in their source images, and these beside one another."""

from __future__ import annotations

import math
from collections.abc import Iterable

from rsqa_core.records import ImageRecord
from workflows.footprints import Ring

GAP = 0.04
"""Room between source images, as a share of the widest one."""


def plan_of(images: Iterable[ImageRecord]) -> dict[int, Ring]:
    """Return the outline of every image on one sheet, by image id, in px; y points up.

    Source images stand in rows in the order in which they come, tiles within them where they were
    cut. The sheet is about as wide as it is high.
    """
    tiles: dict[str, list[ImageRecord]] = {}
    for image in images:
        tiles.setdefault(image.source_sha256, []).append(image)
    if not tiles:
        return {}
    sizes = [(own[0].source_width_px, own[0].source_height_px) for own in tiles.values()]
    gap = GAP * max(width for width, _ in sizes)
    area = sum((width + gap) * (height + gap) for width, height in sizes)
    longest = max(math.sqrt(area), max(width for width, _ in sizes))
    found: dict[int, Ring] = {}
    left = top = row_height = 0.0
    for own, (width, height) in zip(tiles.values(), sizes, strict=True):
        if left and left + width > longest:
            left, top, row_height = 0.0, top + row_height + gap, 0.0
        for image in own:
            found[image.id] = _outline(image, left, top)
        left += width + gap
        row_height = max(row_height, height)
    return found


def _outline(image: ImageRecord, left: float, top: float) -> Ring:
    x, y = left + image.x_px, -(top + image.y_px)
    right, bottom = x + image.width_px, y - image.height_px
    return [(x, bottom), (right, bottom), (right, y), (x, y), (x, bottom)]

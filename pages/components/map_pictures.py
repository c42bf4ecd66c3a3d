"""What lies under the outlines of a map: the images, or their best candidates' masks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from db.store import queue
from pages.components.opening import installation
from pages.components.thumbnails import masked_thumbnail, thumbnail
from rsqa_core.datasets.safe_colours import safe_colours
from rsqa_core.records import ImageRecord, Project

PICTURES = {"images": "Images", "masks": "Best masks", "nothing": "Nothing"}
_SIDE_PX = 192


def picture_of(
    kind: str, project: Project, shown: Sequence[ImageRecord]
) -> Callable[[ImageRecord], str | None] | None:
    """Return what gives the address of an image's picture; None where there is to be none.

    Args:
        kind: one of PICTURES. A mask lies half see-through on its image.
        shown: the images that will be asked for.
    """
    if kind == "nothing":
        return None
    if kind == "images":
        return lambda image: thumbnail(image.display_path, _SIDE_PX)
    with installation().database.read() as session:
        found = queue.items(session, [image.id for image in shown])
    best = {
        item.image.id: item.candidates[0].candidate.mask_path for item in found if item.candidates
    }
    colours = safe_colours(project.classes)
    return lambda image: masked_thumbnail(image.display_path, best.get(image.id), colours, _SIDE_PX)


def class_legend(project: Project) -> list[tuple[str, str]]:
    """Return the colour and the name of each class, as masks are drawn."""
    colours = safe_colours(project.classes)
    return [
        ("#{:02x}{:02x}{:02x}".format(*colour), entry.name)
        for colour, entry in zip(colours, project.classes, strict=True)
    ]

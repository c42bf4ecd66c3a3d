"""What lies under the outlines of a map: the images, their best masks, or where these are wrong."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterable, Mapping

from pages.api import API_ROOT
from pages.api.map_tiles import map_tile_address
from pages.api.tokens import TOKEN_LIFETIME_S, mint_map_token
from pages.components.opening import installation
from rsqa_core.datasets.safe_colours import safe_colours
from rsqa_core.records import ImageRecord, Project
from rsqa_core.settings import Settings

PICTURES = {
    "images": "Images",
    "masks": "Best masks",
    "errors": "Probable errors",
    "nothing": "Nothing",
}
_KEPT_S = TOKEN_LIFETIME_S / 2


def tiles_of(kind: str, project: Project) -> str | None:
    """Return the address of the map's tiles; None where nothing is to lie under the outlines.

    The same for hours, for the map is drawn anew with every other address.
    """
    from workflows.map_tiles import map_state

    if kind == "nothing":
        return None
    token = _token(installation().settings, project.id, int(time.time() // _KEPT_S))
    return map_tile_address(API_ROOT, kind, token, map_state(installation(), project.id))


@functools.lru_cache(maxsize=100)
def _token(settings: Settings, project_id: int, period: int) -> str:
    return mint_map_token(settings, project_id)


def finest_zoom_of(
    images: Iterable[ImageRecord],
    rings: Mapping[int, list[tuple[float, float]]],
    *,
    on_globe: bool,
    largest: int,
) -> int:
    """Return the zoom at which every px of the first images is shown; a plan has 0."""
    from rsqa_core.raster.map_tiles import finest_zoom
    from rsqa_core.raster.map_tiles import on_globe as placed

    if not on_globe:
        return 0
    some = [image for image in images if image.id in rings][:50]
    quads = placed([rings[image.id][:4] for image in some])
    sizes = (max(image.width_px, image.height_px) for image in some)
    return finest_zoom(zip(quads, sizes, strict=True), largest)


def error_legend() -> list[tuple[str, str]]:
    """Return the colours of error maps: what is probably right, in doubt, probably wrong."""
    return [("#000004", "right"), ("#bc3754", "in doubt"), ("#fcffa4", "wrong")]


def class_legend(project: Project) -> list[tuple[str, str]]:
    """Return the colour and the name of each class, as masks are drawn."""
    colours = safe_colours(project.classes)
    return [
        ("#{:02x}{:02x}{:02x}".format(*colour), entry.name)
        for colour, entry in zip(colours, project.classes, strict=True)
    ]

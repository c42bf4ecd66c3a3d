"""Tiles of a project's map: its images, their best masks, or where these are probably wrong.

A tile is drawn when it is asked for, from as much of each picture as it shows, so that a project of
any size opens at once.
"""

from __future__ import annotations

import functools
import io
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from db.store import images as image_store
from db.store import projects, queue
from rsqa_core.datasets.safe_colours import safe_colours
from rsqa_core.raster.map_tiles import (
    SIDE_PX,
    Quads,
    boxes_of,
    inside,
    longest_side_px,
    on_globe,
    on_plan,
    on_tile,
    paste,
)
from rsqa_core.records import Candidate, ImageRecord, Project, Score
from workflows.error_images import error_image_path
from workflows.footprints import corners
from workflows.model_process import ModelsUnavailableError, model_process
from workflows.opening import Installation
from workflows.plans import plan_of

MapLayer = Literal["images", "masks", "errors"]
MAP_LAYERS: tuple[MapLayer, ...] = get_args(MapLayer)

MOST_PICTURES = 500
"""Images in one tile beyond which only their places are filled: each would be a few px."""
ERRORS_MADE = 4
"""Error maps that one tile may have made; where it needs more, only those that are there show."""

_MASK_ALPHA = 0.55
_PLACE = (150, 160, 168, 255)

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class MapSource:
    """A project's images where they lie."""

    project: Project
    images: Sequence[ImageRecord]
    quads: Quads
    boxes: NDArray[np.float64]


def map_state(installation: Installation, project_id: int) -> str:
    """Return what changes with every change of what a tile shows."""
    with installation.database.read() as session:
        count, versions = image_store.state_of(session, project_id)
        head = projects.get_by_id(session, project_id).active_head_id
    return f"{count}-{versions}-{head or 'none'}"


def map_tile(
    installation: Installation, project_id: int, layer: MapLayer, z: int, x: int, y: int
) -> bytes | None:
    """Return a tile as PNG with transparency; None where nothing lies.

    What was drawn is kept until something of the project changes. A tile with error maps is not:
    some of them may not have been there yet.

    Args:
        z, x, y: as Leaflet counts; they may be negative on a plan.
    """
    state = map_state(installation, project_id)
    draw = _drawn if layer == "errors" else _kept
    return draw(installation, project_id, state, layer, z, x, y)


def _drawn(
    installation: Installation,
    project_id: int,
    state: str,
    layer: MapLayer,
    z: int,
    x: int,
    y: int,
) -> bytes | None:
    return render_tile(installation, _source(installation, project_id, state), layer, z, x, y)


_kept = functools.lru_cache(maxsize=256)(_drawn)


_reading = threading.Lock()


def _source(installation: Installation, project_id: int, state: str) -> MapSource:
    # A browser asks for a dozen tiles at once: one of them reads, the others wait for it.
    with _reading:
        return _read(installation, project_id, state)


@functools.lru_cache(maxsize=4)
def _read(installation: Installation, project_id: int, state: str) -> MapSource:
    with installation.database.read() as session:
        project = projects.get_by_id(session, project_id)
        images = image_store.all_of(session, project_id)
    placed = corners(images)
    if placed:
        images = [image for image in images if image.id in placed]
        quads = on_globe([placed[image.id][:4] for image in images])
    else:
        plan = plan_of(images)
        quads = on_plan([plan[image.id][:4] for image in images])
    return MapSource(project, images, quads, boxes_of(quads))


Best = Mapping[int, tuple[Candidate, Score]]
"""The best predicted candidate of images, by image id."""


def _best_of(installation: Installation, images: Sequence[ImageRecord]) -> Best:
    with installation.database.read() as session:
        found = queue.items(session, [image.id for image in images])
    first = {item.image.id: item.candidates[0] for item in found if item.candidates}
    return {key: (one.candidate, one.score) for key, one in first.items() if one.score is not None}


def render_tile(
    installation: Installation, source: MapSource, layer: MapLayer, z: int, x: int, y: int
) -> bytes | None:
    """Draw a tile; see ``map_tile``."""
    rows = inside(source.boxes, z, x, y)
    if not rows.size:
        return None
    tile = np.zeros((SIDE_PX, SIDE_PX, 4), dtype=np.uint8)
    quads = on_tile(source.quads[rows], z, x, y)
    if len(rows) > MOST_PICTURES:
        cv2.drawContours(tile, list(np.rint(quads).astype(np.int32)), -1, _PLACE, cv2.FILLED)
        return _png(tile)
    shown = [source.images[row] for row in rows.tolist()]
    best = {} if layer == "images" else _best_of(installation, shown)
    made = 0
    for image, quad in zip(shown, quads, strict=True):
        side = max(1, round(longest_side_px(quad)))
        if layer == "errors":
            picture, was_made = _errors(installation, best, image, made < ERRORS_MADE)
            made += was_made
            if picture is not None:
                picture = _shrunk(picture, side, cv2.INTER_AREA)
        else:
            picture = _rgb(installation, image, side)
            found = best.get(image.id)
            if picture is not None and layer == "masks" and found is not None:
                picture = _masked(installation, picture, found[0], source.project)
        if picture is not None:
            paste(tile, picture, quad)
    return _png(tile)


def _rgb(installation: Installation, image: ImageRecord, side: int) -> Pixels | None:
    """Return an image no larger than it is worth, (H, W, 4)."""
    path = installation.files.path(image.display_path)
    try:
        with Image.open(path, formats=("JPEG",)) as stored:
            stored.draft("RGB", (side, side))  # decodes an eighth, a quarter or a half
            found = np.asarray(stored.convert("RGBA"))
    except (OSError, UnidentifiedImageError):
        return None  # the review page says what is wrong with it
    return _shrunk(found, side, cv2.INTER_AREA)


def _masked(
    installation: Installation, picture: Pixels, candidate: Candidate, project: Project
) -> Pixels:
    try:
        path = installation.files.path(candidate.mask_path)
        with Image.open(path, formats=("PNG",)) as stored:
            ids = np.asarray(stored.convert("L") if stored.mode != "P" else stored)
    except (OSError, UnidentifiedImageError):
        return picture
    table = np.zeros((256, 4), dtype=np.uint8)
    colours = safe_colours(project.classes)
    table[: len(colours), :3] = colours
    table[: len(colours), 3] = 255
    small = cv2.resize(ids, picture.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    over = table[small]
    share = _MASK_ALPHA * (over[..., 3:] / np.float32(255))
    mixed = picture.copy()
    mixed[..., :3] = np.rint(picture[..., :3] * (1 - share) + over[..., :3] * share)
    return mixed


def _errors(
    installation: Installation, best: Best, image: ImageRecord, may_make: bool
) -> tuple[Pixels | None, int]:
    """Return where the best candidate is probably wrong, (H, W, 4), and whether it was made now."""
    found = best.get(image.id)
    if found is None:
        return None, 0
    path, made = error_image_path(installation.settings, *found), 0
    if not path.exists():
        if not may_make:
            return None, 0
        try:
            model_process(installation.settings).ask("error_images", image_id=image.id)
        except ModelsUnavailableError:
            return None, 1
        made = 1
    return _heat(path), made


def _heat(path: Path) -> Pixels | None:
    try:
        with Image.open(path, formats=("PNG",)) as stored:
            wrong = np.asarray(stored.convert("L"))
    except (OSError, UnidentifiedImageError):
        return None
    coloured = cv2.cvtColor(cv2.applyColorMap(wrong, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)
    return np.dstack([coloured, np.full(wrong.shape, 255, dtype=np.uint8)])


def _shrunk(picture: Pixels, side: int, how: int) -> Pixels:
    height, width = picture.shape[:2]
    share = side / max(height, width)
    if share >= 1.0:
        return picture
    size = (max(1, round(width * share)), max(1, round(height * share)))
    return np.asarray(cv2.resize(picture, size, interpolation=how), dtype=np.uint8)


def _png(tile: Pixels) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(tile, "RGBA").save(stream, "PNG", compress_level=1)
    return stream.getvalue()

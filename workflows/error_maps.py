"""Writes where candidates are probably wrong: one map or one set of polygons a source image."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from db.store import candidates as candidate_store
from db.store import images as image_store
from db.store import projects
from db.store import scores as score_store
from rsqa_core.errors import InvalidInputError, NotFoundError, RsqaError
from rsqa_core.files import resolve_under, write_atomically
from rsqa_core.progress import Progress, no_progress
from rsqa_core.raster import TileWindow, read_mask
from rsqa_core.raster.error_maps import (
    Mosaic,
    WrongRegion,
    encode_error_map,
    encode_regions,
    require_error_map,
    wrong_regions,
)
from rsqa_core.raster.headers import Transform
from rsqa_core.records import Candidate, ImageRecord, Project, Score, is_synthetic
from workflows.opening import Installation

ErrorMapForm = Literal["geotiff", "geojson"]

ErrorMapper = Callable[
    [Installation, Project, ImageRecord, Sequence[Candidate]], Sequence[NDArray[np.float32]]
]
"""Gives each candidate of an image its error map, (H, W) float32."""

RECOMMENDED = "recommended"
MAX_JOINED_PX = 128_000_000
"""Source px times maps that are put together at once: about 1.3 GB."""

_SUFFIXES: dict[ErrorMapForm, str] = {"geotiff": ".tif", "geojson": ".geojson"}


@dataclass(frozen=True, slots=True)
class ErrorMapReport:
    """What ``export_error_maps`` wrote.

    ``regions`` counts polygons; ``in_tiles`` counts source images too large to be put together,
    whose tiles have a file each.
    """

    files: tuple[Path, ...]
    regions: int
    in_tiles: int


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One image with all candidates to compare, and those whose map is asked for, by map name."""

    image: ImageRecord
    candidates: tuple[Candidate, ...]
    chosen: dict[str, Candidate]


@dataclass(slots=True)
class _Canvas:
    """A map in the making: of a whole source image, or of one tile of it."""

    name: str
    window: TileWindow
    transform: Transform | None
    mosaic: Mosaic
    parts: list[tuple[ImageRecord, Candidate]] = field(default_factory=list)


def export_error_maps(
    installation: Installation,
    slug: str,
    folder: Path,
    *,
    form: ErrorMapForm = "geotiff",
    level: float = 0.5,
    min_px: int = 16,
    segmenter: str | None = None,
    recommended: bool = False,
    scene: str | None = None,
    error_maps: ErrorMapper | None = None,
    progress: Progress = no_progress,
) -> ErrorMapReport:
    """Write the error maps of a project, the tiles of one source image put back together.

    Each source image gets a file a segmenter; synthetic ones only when named. Existing files are
    replaced, each once it is complete, so stopping leaves whole files.

    Args:
        installation: where from.
        slug: the project.
        folder: where to; made when missing.
        form: ``geotiff`` for the probabilities, ``geojson`` for polygons.
        level: a polygon is where the probability of error exceeds this, 0..1.
        min_px: smaller polygons are left out.
        segmenter: only this one.
        recommended: only the candidate of each image with the best predicted quality.
        scene: only images of this scene.
        error_maps: gives the maps; default: the project's current head.
        progress: told how many images are done.

    Raises:
        NotFoundError: no such project, scene or segmenter.
        InvalidInputError: both a segmenter and the recommendation are asked for, the folder is a
            file, there are no scores yet, or a map does not agree with its score.
    """
    if segmenter is not None and recommended:
        raise InvalidInputError(
            "Expected either a segmenter or the recommended candidates, but got both. Leave one "
            "out."
        )
    if folder.exists() and not folder.is_dir():
        raise InvalidInputError(f"Expected a folder to write to, but {folder} is a file.")
    if error_maps is None:
        from workflows.predicting_errors import (
            error_maps as of_current_head,
        )

        error_maps = of_current_head
    project, wanted, scores = _chosen(installation, slug, segmenter, recommended, scene)
    sources: dict[str, list[_Wanted]] = {}
    for each in wanted:
        sources.setdefault(each.image.source_sha256, []).append(each)
    files: list[Path] = []
    regions = in_tiles = done = 0
    for tiles in sources.values():
        joined = _fits(tiles)
        in_tiles += not joined
        for group in [tiles] if joined else [[tile] for tile in tiles]:
            canvases: dict[str, _Canvas] = {}
            for each in group:
                progress("mapping errors", done, len(wanted))
                maps = error_maps(installation, project, each.image, each.candidates)
                _paint(installation, canvases, each, maps, scores, joined=joined)
                done += 1
            for canvas in canvases.values():
                path = resolve_under(folder, f"{canvas.name}{_SUFFIXES[form]}")
                about = _about(project, canvas)
                if form == "geotiff":
                    write_atomically(path, _geotiff(canvas, about))
                else:
                    found = _regions(canvas, level, min_px)
                    about |= {"level": level, "min_px": min_px}
                    write_atomically(path, _geojson(project, canvas, found, about))
                    regions += len(found)
                files.append(path)
    progress("mapping errors", len(wanted), len(wanted))
    return ErrorMapReport(tuple(files), regions, in_tiles)


def _chosen(
    installation: Installation,
    slug: str,
    segmenter: str | None,
    recommended: bool,
    scene: str | None,
) -> tuple[Project, list[_Wanted], dict[int, Score]]:
    with installation.database.read() as session:
        project = projects.get(session, slug)
        images = image_store.all_of(session, project.id)
        found = candidate_store.all_of(session, project.id)
        head_id = project.active_head_id
        scores = score_store.of_head(session, project.id, head_id) if head_id else {}
    if scene is not None:
        known = {image.scene for image in images}
        images = [image for image in images if image.scene == scene]
        if not images:
            raise NotFoundError.named("scene", scene, known)
    by_image: dict[int, list[Candidate]] = {image.id: [] for image in images}
    for candidate in found:
        if candidate.image_id in by_image:
            by_image[candidate.image_id].append(candidate)
    if segmenter is not None and not any(c.segmenter == segmenter for c in found):
        raise NotFoundError.named("segmenter", segmenter, {c.segmenter for c in found})
    wanted = []
    for image in images:
        own = by_image[image.id]
        real = [c for c in own if not is_synthetic(c.segmenter)]
        if segmenter is not None:
            chosen = {c.segmenter: c for c in own if c.segmenter == segmenter}
        elif recommended:
            rated = [c for c in real if c.id in scores]
            best = max(rated, key=lambda c: (scores[c.id].score, -c.id), default=None)
            chosen = {} if best is None else {RECOMMENDED: best}
        else:
            chosen = {c.segmenter: c for c in real}
        if chosen:
            # All real candidates go along: what one is worth depends on the others.
            extra = [c for c in chosen.values() if c not in real]
            wanted.append(_Wanted(image, (*real, *extra), chosen))
    unscored = sum(c.id not in scores for each in wanted for c in each.chosen.values())
    if not wanted or unscored:
        raise InvalidInputError(
            f"Project {slug!r} has no predicted quality yet for {unscored or 'any'} of the "
            "candidates asked for, which an error map has to agree with. Score them first: rsqa "
            f"score --project {slug}."
        )
    return project, wanted, scores


def _fits(tiles: Sequence[_Wanted]) -> bool:
    image = tiles[0].image
    names = {name for each in tiles for name in each.chosen}
    return image.source_width_px * image.source_height_px * len(names) <= MAX_JOINED_PX


def _paint(
    installation: Installation,
    canvases: dict[str, _Canvas],
    each: _Wanted,
    maps: Sequence[NDArray[np.float32]],
    scores: dict[int, Score],
    *,
    joined: bool,
) -> None:
    """Put the maps of one image where they belong."""
    image = each.image
    if len(maps) != len(each.candidates):
        raise RsqaError(
            f"Expected {len(each.candidates)} error maps for {image.name!r}, one a candidate, but "
            f"got {len(maps)}."
        )
    of_candidate = dict(zip((c.id for c in each.candidates), maps, strict=True))
    for name, candidate in each.chosen.items():
        errors = of_candidate[candidate.id]
        what = f"{candidate.segmenter!r} on {image.name!r}"
        shape = (image.height_px, image.width_px)
        require_error_map(errors, shape, scores[candidate.id].score, what)
        canvas = canvases.get(name)
        if canvas is None:
            canvas = canvases[name] = _canvas(image, name, joined)
        mask = read_mask(installation.files.path(candidate.mask_path))
        x_px, y_px = image.x_px - canvas.window.x_px, image.y_px - canvas.window.y_px
        canvas.mosaic.add(errors, mask, x_px, y_px, owner=len(canvas.parts))
        canvas.parts.append((image, candidate))


def _canvas(image: ImageRecord, name: str, joined: bool) -> _Canvas:
    source = PurePosixPath(image.source_name.replace("\\", "/")).stem
    file_name = f"{_cleaned(source)}-{image.source_sha256[:12]}_{safe_name(name)}"
    if joined:
        window = TileWindow(0, 0, image.source_width_px, image.source_height_px)
    else:
        window = TileWindow(image.x_px, image.y_px, image.width_px, image.height_px)
        file_name += f"_x{image.x_px}_y{image.y_px}"
    to_window = TileWindow(window.x_px - image.x_px, window.y_px - image.y_px, 1, 1)
    return _Canvas(
        name=file_name,
        window=window,
        transform=to_window.shifted(image.transform),
        mosaic=Mosaic(window.height_px, window.width_px),
    )


def safe_name(text: str) -> str:
    """Return a file name for a name that somebody else chose: short, plain ASCII, one per name.

    Names that were changed, or differ from others only in case, end in a part of their hash.

    Example:
        >>> safe_name("unet"), safe_name("../Unet")
        ('unet', 'Unet-77063c')
    """
    cleaned = _cleaned(text)
    if cleaned == text.lower():
        return cleaned
    return f"{cleaned}-{hashlib.sha256(text.encode()).hexdigest()[:6]}"


def _cleaned(text: str) -> str:
    return re.sub(r"[^0-9A-Za-z._-]+", "_", text).strip("._-")[:60] or "unnamed"


def _about(project: Project, canvas: _Canvas) -> dict[str, Any]:
    image = canvas.parts[0][0]
    return {
        "project": project.slug,
        "source": image.source_name,
        "segmenters": sorted({candidate.segmenter for _, candidate in canvas.parts}),
        "head": project.active_head_id,
    }


def _geotiff(canvas: _Canvas, about: dict[str, Any]) -> bytes:
    tags = {
        "RSQA_VALUES": "probability that the pixel is wrong, 0 to 1",
        "RSQA_PROJECT": str(about["project"]),
        "RSQA_SOURCE": str(about["source"]),
        "RSQA_SEGMENTERS": "; ".join(about["segmenters"]),
        "RSQA_HEAD": str(about["head"]),
        "RSQA_CANDIDATES": " ".join(str(candidate.id) for _, candidate in canvas.parts),
    }
    crs = canvas.parts[0][0].crs
    return encode_error_map(canvas.mosaic.errors, crs=crs, transform=canvas.transform, tags=tags)


def _regions(canvas: _Canvas, level: float, min_px: int) -> list[WrongRegion]:
    mosaic = canvas.mosaic
    return wrong_regions(mosaic.errors, mosaic.classes, mosaic.owners, level=level, min_px=min_px)


def _geojson(
    project: Project, canvas: _Canvas, regions: Sequence[WrongRegion], about: dict[str, Any]
) -> bytes:
    class_names = {c.id: c.name for c in project.classes}

    def properties() -> Iterator[dict[str, Any]]:
        for region in regions:
            image, candidate = canvas.parts[region.owners[0]]
            yield {
                "candidate_id": candidate.id,
                "candidate_ids": [canvas.parts[owner][1].id for owner in region.owners],
                "image": image.name,
                "segmenter": candidate.segmenter,
                "predicted_class": class_names.get(region.class_id),
            }

    try:
        return encode_regions(
            regions,
            list(properties()),
            crs=canvas.parts[0][0].crs,
            transform=canvas.transform,
            about=about,
        )
    except InvalidInputError as error:
        raise InvalidInputError(
            f"The error regions of {about['source']!r} cannot be placed: {error}"
        ) from error

"""Cutting an image and its masks into stored review tiles; the database is told later."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rsqa_core.datasets.classes import ClassScheme
from rsqa_core.datasets.mask_decoding import open_mask
from rsqa_core.datasets.plan import PlannedCandidate, PlannedImage
from rsqa_core.errors import InvalidInputError
from rsqa_core.files import FileStore
from rsqa_core.metrics import overall_accuracy
from rsqa_core.raster.decoding import Source, open_source
from rsqa_core.raster.display import encode_display_jpeg, stretch_of, to_rgb
from rsqa_core.raster.masks import area_shares, encode_mask, read_mask
from rsqa_core.raster.probabilities import encode_probs, read_probs, require_probs
from rsqa_core.raster.tiles import pixel_sha256, write_tile_geotiff
from rsqa_core.raster.tiling import TileWindow, tile_windows
from rsqa_core.records import VOID, NewImage

TileDone = Callable[[], None]


@dataclass(frozen=True, slots=True)
class TileArea:
    """Where a tile lies in its source and which of its pixels hold data (packed bits).

    ``valid_bits`` is None where all do.
    """

    window: TileWindow
    valid_bits: NDArray[np.uint8] | None

    def void_outside(self, mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return a mask with VOID where the image has no data."""
        if self.valid_bits is None:
            return mask
        valid = np.unpackbits(self.valid_bits, count=mask.size).reshape(mask.shape)
        return np.where(valid, mask, np.uint8(VOID))


@dataclass(frozen=True, slots=True)
class CutImage:
    """Stored tiles of one image, ready to be recorded, with the area of each."""

    tiles: tuple[NewImage, ...]
    areas: tuple[TileArea, ...]


@dataclass(frozen=True, slots=True)
class CutCandidate:
    """One segmenter's stored mask of one tile, ready to be recorded."""

    segmenter: str
    mask_path: str
    mask_sha256: str
    area_shares: tuple[float, ...]
    probs_path: str | None
    overall_accuracy: float | None
    valid_px: int | None


def cut_image(
    files: FileStore,
    image: PlannedImage,
    source_sha256: str,
    *,
    tile_px: int,
    overlap_px: int,
    generated: bool = False,
    tile_done: TileDone = lambda: None,
) -> CutImage:
    """Cut an image into tiles and store each; tiles without any data are passed over.

    Raises:
        UnreadableFileError: the file is corrupt, or another one than was planned.
        InvalidInputError: no tile has data.
    """
    tiles: list[NewImage] = []
    areas: list[TileArea] = []
    with open_source(image.path) as source:
        header = source.header
        windows = tile_windows(header.width_px, header.height_px, tile_px, overlap_px)
        stretch = stretch_of(source)
        for window in windows:
            tile_done()
            patch = source.read(window.x_px, window.y_px, window.width_px, window.height_px)
            if not patch.valid.any():
                continue
            transform = window.shifted(header.transform)
            stored = write_tile_geotiff(
                patch.pixels,
                crs=header.crs,
                transform=transform,
                nodata=header.nodata,
                band_names=header.band_names,
            )
            display = encode_display_jpeg(to_rgb(patch.pixels, stretch))
            areas.append(_area(window, patch.valid))
            tiles.append(
                NewImage(
                    name=_tile_name(image.key, window, windows[-1]),
                    scene=image.scene,
                    sha256=pixel_sha256(patch.pixels, stretch),
                    source_name=image.name,
                    source_sha256=source_sha256,
                    source_width_px=header.width_px,
                    source_height_px=header.height_px,
                    x_px=window.x_px,
                    y_px=window.y_px,
                    width_px=window.width_px,
                    height_px=window.height_px,
                    bands=header.bands,
                    dtype=header.dtype,
                    tile_path=files.put(stored, ".tif"),
                    display_path=files.put(display, ".jpg"),
                    stretch=stretch,
                    crs=header.crs,
                    transform=transform,
                    generated=generated,
                )
            )
    if not tiles:
        raise InvalidInputError(f"{image.path.name} has no pixel with data; expected an image.")
    return CutImage(tuple(tiles), tuple(areas))


def areas_of(path: Path, windows: Sequence[TileWindow]) -> tuple[TileArea, ...]:
    """Return which pixels hold data in windows of an image that was cut before."""
    with open_source(path) as source:
        return tuple(_area(window, _valid(source, window)) for window in windows)


def _valid(source: Source, window: TileWindow) -> NDArray[np.bool_]:
    return source.read(window.x_px, window.y_px, window.width_px, window.height_px).valid


def _area(window: TileWindow, valid: NDArray[np.bool_]) -> TileArea:
    return TileArea(window, None if valid.all() else np.packbits(valid))


def _tile_name(key: str, window: TileWindow, last: TileWindow) -> str:
    if (last.row, last.column) == (0, 0):
        return key
    digits = len(str(max(last.row, last.column)))
    return f"{key}_r{window.row:0{digits}}c{window.column:0{digits}}"


def cut_reference(
    files: FileStore, path: Path, image: PlannedImage, scheme: ClassScheme, cut: CutImage
) -> list[str]:
    """Store the reference mask of each tile and return their names in tile order.

    Raises:
        InvalidInputError: the mask is unreadable, of another size, or has unknown values.
    """
    with open_mask(path, scheme, width_px=image.width_px, height_px=image.height_px) as file:
        return [
            files.put(encode_mask(area.void_outside(file.read(area.window))), ".png")
            for area in cut.areas
        ]


def cut_candidate(
    files: FileStore,
    candidate: PlannedCandidate,
    image: PlannedImage,
    scheme: ClassScheme,
    areas: Sequence[TileArea],
    reference_paths: Sequence[str | None],
) -> list[CutCandidate]:
    """Store a segmenter's mask and probabilities of each tile, measured against its reference.

    Args:
        files: where masks go.
        candidate: the mask and, where it has them, probabilities of the whole image.
        image: the image that they belong to.
        scheme: what the mask's values mean.
        areas: the tiles.
        reference_paths: one name in ``files`` per tile, None for a tile without a reference.

    Raises:
        InvalidInputError: the mask or the probabilities are unreadable, of another size, or have
            unknown values.
    """
    probs = None
    if candidate.probs is not None:
        probs = read_probs(candidate.probs)
        require_probs(probs, len(scheme.classes), image.height_px, image.width_px)
    found = []
    with open_mask(
        candidate.path, scheme, width_px=image.width_px, height_px=image.height_px
    ) as file:
        for area, reference_path in zip(areas, reference_paths, strict=True):
            window = area.window
            mask = area.void_outside(file.read(window))
            accuracy = None
            if reference_path is not None:
                accuracy = overall_accuracy(mask, read_mask(files.path(reference_path)))
            probs_path = None
            if probs is not None:
                rows = slice(window.y_px, window.y_px + window.height_px)
                columns = slice(window.x_px, window.x_px + window.width_px)
                probs_path = files.put(encode_probs(probs[:, rows, columns]), ".npz")
            found.append(
                CutCandidate(
                    segmenter=candidate.segmenter,
                    mask_path=files.put(encode_mask(mask), ".png"),
                    mask_sha256=pixel_sha256(mask),
                    area_shares=area_shares(mask, len(scheme.classes)),
                    probs_path=probs_path,
                    overall_accuracy=None if accuracy is None else accuracy.overall_accuracy,
                    valid_px=None if accuracy is None else accuracy.valid_px,
                )
            )
    return found

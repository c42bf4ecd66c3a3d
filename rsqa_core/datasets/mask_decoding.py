"""From the numbers and colours of a mask file to class ids of a project, without guessing.

A file is counted first and opened for decoding only when every value in it has a meaning; nothing
is converted to luminance or resampled.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rsqa_core.datasets.classes import ClassScheme
from rsqa_core.datasets.palette import MAX_MASK_VALUE, is_void, packed
from rsqa_core.errors import InvalidInputError, UnreadableFileError
from rsqa_core.raster.decoding import Patch, Source, open_source
from rsqa_core.raster.headers import RasterHeader
from rsqa_core.raster.masks import Mask
from rsqa_core.raster.tiling import TileWindow
from rsqa_core.records import VOID

_SCAN_PX = 1 << 23
_MAX_VALUES = 4096
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class MaskTally:
    """How many pixels of a mask file have each value: an id, or a packed colour."""

    header: RasterHeader
    kind: Literal["id", "color"]
    counts: dict[int, int]


def tally_of(source: Source) -> MaskTally:
    """Count the values of a mask opened with ``as_mask=True``; pixels without data count nowhere.

    Raises:
        UnreadableFileError: the data is corrupt.
        InvalidInputError: it is lossy (JPEG), holds no whole numbers, or is no mask at all.
    """
    header, name = source.header, source.path.name
    if header.lossy:
        raise InvalidInputError(
            f"{name} is compressed with loss ({header.format}), which invents values at edges. "
            "Export the mask as PNG or GeoTIFF."
        )
    if np.dtype(header.dtype).kind not in "iu":
        raise InvalidInputError(
            f"{name} holds {header.dtype} values; expected whole class numbers or colours."
        )
    if header.bands not in {1, 3} or (header.bands == 3 and header.dtype != "uint8"):
        raise InvalidInputError(
            f"{name} has {header.bands} bands of {header.dtype}; expected one band of class "
            "numbers, or 8-bit red, green and blue."
        )
    counts: dict[int, int] = {}
    for window in _strips(header):
        patch = source.read(window.x_px, window.y_px, window.width_px, window.height_px)
        codes = _codes(patch.pixels)
        values, lengths = _runs(codes if patch.valid.all() else codes[patch.valid])
        distinct, places = np.unique(values, return_inverse=True)
        numbers = np.bincount(places, weights=lengths, minlength=distinct.size)
        for value, number in zip(distinct.tolist(), numbers.tolist(), strict=True):
            counts[value] = counts.get(value, 0) + int(number)
        if len(counts) > _MAX_VALUES:
            raise InvalidInputError(
                f"{name} has more than {_MAX_VALUES} different values; expected a mask of classes "
                "without shading or smoothed edges."
            )
    return MaskTally(header, "id" if header.bands == 1 else "color", counts)


def _strips(header: RasterHeader) -> Iterator[TileWindow]:
    rows = max(1, _SCAN_PX // header.width_px)
    rows = max(rows // 512 * 512, min(rows, 512))  # whole blocks where there is room for them
    for top in range(0, header.height_px, rows):
        yield TileWindow(0, top, header.width_px, min(rows, header.height_px - top))


def _codes(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return one whole number per pixel: the id, or the packed colour."""
    if pixels.shape[0] == 1:
        only: NDArray[Any] = pixels[0]
        return only
    bands = pixels.astype(np.int32)
    codes: NDArray[np.int32] = bands[0] << 16 | bands[1] << 8 | bands[2]
    return codes


def _runs(codes: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return the value and length of each run of equal values; masks have few of them."""
    flat = codes.reshape(-1)
    starts = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    starts = np.concatenate(([0], starts)) if flat.size else starts
    return flat[starts], np.diff(np.append(starts, flat.size))


def lookup_of(tally: MaskTally, scheme: ClassScheme, name: str) -> dict[int, int]:
    """Return the project's class id (or VOID) of every value that occurs.

    Colour-coded files, and palette files whose colours are those of the scheme, go by colour;
    others by number.

    Raises:
        InvalidInputError: values that the palette does not have; names up to five of them.
    """
    by_color, by_id = scheme.palette.by_color(), scheme.palette.by_id()
    if tally.kind == "color":
        if not by_color:
            raise InvalidInputError(
                f"{name} is coded by colour, but {scheme.palette.title} has no colours. Name a "
                "palette file with them (--palette)."
            )
        return _resolve(tally.counts, by_color, scheme, name, as_color=True)
    embedded = tally.header.palette
    if embedded is not None and by_color:
        colors = {v: packed(embedded[v]) if v < len(embedded) else -1 for v in tally.counts}
        named = [v for v, c in colors.items() if c in by_color]
        unnumbered = all(e.id is None for e in scheme.palette.entries)
        if len(named) == len(colors) or unnumbered:
            shown: dict[int, int] = {}
            for value, color in colors.items():
                shown[color] = shown.get(color, 0) + tally.counts[value]
            of_color = _resolve(shown, by_color, scheme, name, as_color=True)
            return {value: of_color[color] for value, color in colors.items()}
    return _resolve(tally.counts, by_id, scheme, name, as_color=False)


def _resolve(
    counts: dict[int, int],
    known: dict[int, int],
    scheme: ClassScheme,
    name: str,
    *,
    as_color: bool,
) -> dict[int, int]:
    found = {v: scheme.targets[known[v]] for v in counts if v in known}
    if not as_color:
        found.update({v: VOID for v in counts if is_void(v, known)})
    unknown = sorted((v for v in counts if v not in found), key=lambda v: -counts[v])
    if unknown:
        kind = "colour" if as_color else "class id"
        shown = ", ".join(
            f"{_as_color(v) if as_color else v} in {counts[v]:,} px" for v in unknown[:_SHOWN]
        )
        more = f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
        raise InvalidInputError(
            f"{name} has {len(unknown)} {kind}{'s' if len(unknown) > 1 else ''} that "
            f"{scheme.palette.title} does not have: {shown}{more}. Add them to the palette, then "
            "--map or --ignore them if they are no classes of the project."
        )
    return found


def _as_color(value: int) -> str:
    return f"({value >> 16}, {value >> 8 & 255}, {value & 255})" if value >= 0 else "(no colour)"


class MaskFile:
    """A checked mask that decodes windows to class ids; made by ``open_mask``."""

    def __init__(self, source: Source, tally: MaskTally, lookup: dict[int, int]) -> None:
        self._source = source
        self.tally = tally
        self._values = np.array(sorted(lookup), dtype=np.int64)
        self._ids = np.array([lookup[v] for v in sorted(lookup)], dtype=np.uint8)

    def read(self, window: TileWindow) -> Mask:
        """Return (H, W) uint8 class ids of a window, VOID where the file has no data.

        Raises:
            UnreadableFileError: the file changed since it was counted, or is corrupt.
        """
        patch = self._source.read(window.x_px, window.y_px, window.width_px, window.height_px)
        return self._decode(patch)

    def _decode(self, patch: Patch) -> Mask:
        mask = np.full(patch.valid.shape, VOID, dtype=np.uint8)
        if not self._values.size:
            return mask
        codes = _codes(patch.pixels)[patch.valid]
        values, lengths = _runs(codes)
        places = np.minimum(np.searchsorted(self._values, values), self._values.size - 1)
        if np.any(self._values[places] != values):
            raise UnreadableFileError(
                f"{self._source.path.name} changed while it was read. Import it again."
            )
        mask[patch.valid] = np.repeat(self._ids[places], lengths)
        return mask

    def close(self) -> None:
        self._source.close()

    def __enter__(self) -> MaskFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def open_mask(path: Path, scheme: ClassScheme, *, width_px: int, height_px: int) -> MaskFile:
    """Open a mask whose every value has a meaning; use it in a ``with``.

    Raises:
        UnreadableFileError: not a raster file, corrupt, or too large.
        InvalidInputError: lossy, of another size than the image, or with unknown values.
    """
    source = open_source(path, as_mask=True)
    try:
        require_size(source.header, path.name, width_px=width_px, height_px=height_px)
        tally = tally_of(source)
        return MaskFile(source, tally, lookup_of(tally, scheme, path.name))
    except BaseException:
        source.close()
        raise


def require_size(header: RasterHeader, name: str, *, width_px: int, height_px: int) -> None:
    """Check that a mask has exactly the size of its image.

    Raises:
        InvalidInputError: it has another size.
    """
    if (header.width_px, header.height_px) != (width_px, height_px):
        raise InvalidInputError(
            f"{name} is {header.width_px} x {header.height_px} px, but its image is {width_px} x "
            f"{height_px} px. Expected the same size; masks are never resampled."
        )


def require_mask_values(tally: MaskTally, name: str, most: int = MAX_MASK_VALUE) -> None:
    """Check that ids lie in 0..``most`` (VOID aside).

    Raises:
        InvalidInputError: an id lies outside.
    """
    outside = [v for v in tally.counts if v != VOID and not 0 <= v <= most]
    if outside:
        raise InvalidInputError(
            f"{name} has the value {outside[0]} in {tally.counts[outside[0]]:,} px; without a "
            f"palette, expected class numbers in 0..{most}. Name a palette file (--palette)."
        )

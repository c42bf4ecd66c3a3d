"""Readers that check a file's claims and then decode windows of it.

They are meant for the limited process of ``worker``; use ``decoding.open_source`` elsewhere.
"""

from __future__ import annotations

import struct
import warnings
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rsqa_core.errors import UnreadableFileError
from rsqa_core.raster.headers import Color, RasterFormat, RasterHeader, sniff_format
from rsqa_core.raster.limits import MAX_WHOLE_PX

Pixels = NDArray[Any]
Valid = NDArray[np.bool_]

_PIL_DTYPES = {"1": "uint8", "L": "uint8", "I;16": "uint16", "I;16B": "uint16", "I": "uint16"}


class Reader(Protocol):
    """An open file; windows are (C, H, W) in source units with an optional (H, W) validity."""

    header: RasterHeader

    def read(
        self, x_px: int, y_px: int, width_px: int, height_px: int
    ) -> tuple[Pixels, Valid | None]: ...

    def overview(self, side_px: int) -> tuple[Pixels, Valid | None]: ...

    def verify(self) -> None: ...

    def close(self) -> None: ...


def open_reader(path: str, *, as_mask: bool) -> Reader:
    """Open a JPEG, PNG or TIFF after checking what its header claims.

    Args:
        path: absolute path.
        as_mask: keep palette indices instead of expanding them to colours.

    Raises:
        UnreadableFileError: unknown type, corrupt header, or larger than the limits allow.
    """
    kind = sniff_format(Path(path))
    if kind == "TIFF":
        # rasterio takes 0.2 s to load; folders of JPEG and PNG never need it.
        from rsqa_core.raster.tiff import TiffReader

        return TiffReader(path, as_mask=as_mask)
    return PillowReader(path, kind, as_mask=as_mask)


class PillowReader:
    """JPEG and PNG: decoded whole at the first window, kept until closed."""

    def __init__(self, path: str, kind: RasterFormat, *, as_mask: bool) -> None:
        self._divisor = _check_png(path) if kind == "PNG" else 1
        Image.MAX_IMAGE_PIXELS = MAX_WHOLE_PX
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", Image.DecompressionBombWarning)
                image = Image.open(path, formats=(kind,))
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise UnreadableFileError(_too_large(str(error).split(",")[0])) from error
        except (OSError, SyntaxError, ValueError, struct.error) as error:
            raise UnreadableFileError(f"its {kind} header is corrupt ({error})") from error
        self._image: Image.Image | None = image
        self._pixels: Pixels | None = None
        self._valid: Valid | None = None
        self._as_mask = as_mask
        self._target = _target_mode(image, as_mask=as_mask)
        alpha = self._target in {"RGBA", "LA"}
        palette = _palette_of(image) if as_mask and image.mode == "P" else None
        self.header = RasterHeader(
            format=kind,
            width_px=image.width,
            height_px=image.height,
            bands=3 if self._target.startswith("RGB") else 1,
            dtype=_PIL_DTYPES.get(self._target, "uint8"),
            has_alpha=alpha,
            palette=palette,
            lossy=kind == "JPEG",
        )

    def _decode(self) -> tuple[Pixels, Valid | None]:
        image, kind = self._image, self.header.format
        if image is not None:
            try:
                image.load()
            except (OSError, SyntaxError, ValueError, struct.error) as error:
                raise UnreadableFileError(
                    f"its {kind} data is truncated or corrupt ({error}); copy it again"
                ) from error
            if image.mode != self._target:
                image = image.convert(self._target)
            array = np.asarray(image, dtype=self.header.dtype)
            if self._as_mask and self._divisor > 1:
                array = array // self._divisor
            array = array[None] if array.ndim == 2 else np.moveaxis(array, -1, 0)
            if self.header.has_alpha:
                self._valid = array[-1] > 0
                array = array[:-1]
            self._pixels = array
            self._image = None
        if self._pixels is None:
            raise UnreadableFileError("it is closed")
        return self._pixels, self._valid

    def read(
        self, x_px: int, y_px: int, width_px: int, height_px: int
    ) -> tuple[Pixels, Valid | None]:
        pixels, valid = self._decode()
        rows, columns = slice(y_px, y_px + height_px), slice(x_px, x_px + width_px)
        return pixels[:, rows, columns], None if valid is None else valid[rows, columns]

    def overview(self, side_px: int) -> tuple[Pixels, Valid | None]:
        pixels, valid = self._decode()
        step = max(1, -(-max(pixels.shape[1:]) // side_px))
        return pixels[:, ::step, ::step], None if valid is None else valid[::step, ::step]

    def verify(self) -> None:
        self._decode()

    def close(self) -> None:
        self._image = self._pixels = self._valid = None


def _target_mode(image: Image.Image, *, as_mask: bool) -> str:
    """Return the mode to decode to; palette indices survive only where a mask is asked for."""
    mode = image.mode
    if mode == "P" and not as_mask:
        return "RGBA" if "transparency" in image.info else "RGB"
    if mode == "1" and not as_mask:
        return "L"
    if mode in {"P", "1", "L", "LA", "RGB", "RGBA", "I;16", "I;16B", "I"}:
        return mode
    if mode in {"CMYK", "YCbCr", "LAB", "HSV"} and not as_mask:
        return "RGB"
    raise UnreadableFileError(
        f"its pixel mode is {mode}; expected greyscale, palette, RGB or RGBA: convert it to PNG"
    )


def _palette_of(image: Image.Image) -> tuple[Color, ...]:
    flat = image.getpalette("RGB") or []
    return tuple((flat[i], flat[i + 1], flat[i + 2]) for i in range(0, len(flat) - 2, 3))


def _check_png(path: str) -> int:
    """Refuse huge claims and return what Pillow multiplies grey values of 2 or 4 bits with."""
    with Path(path).open("rb") as stream:
        start = stream.read(26)
    if len(start) < 26 or start[12:16] != b"IHDR":
        raise UnreadableFileError("its PNG header is corrupt; copy it again from its source")
    width_px, height_px, bit_depth, color_type = struct.unpack(">IIBB", start[16:26])
    if width_px * height_px > MAX_WHOLE_PX:
        # Pillow refuses too, but tells only the product of the sides.
        raise UnreadableFileError(_too_large(f"it claims {width_px:,} x {height_px:,} px"))
    # Pillow spreads few grey levels over 0..255, which would turn class 1 of a mask into 17 or 85.
    return {2: 85, 4: 17}.get(bit_depth, 1) if color_type == 0 else 1


def _too_large(claim: str) -> str:
    return (
        f"{claim}; JPEG and PNG are opened up to {MAX_WHOLE_PX:,} px: "
        "convert it to a tiled GeoTIFF or cut it"
    )

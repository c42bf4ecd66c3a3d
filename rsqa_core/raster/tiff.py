"""Windowed TIFF reading through GDAL's GTiff driver and no other."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import ColorInterp, Compression, MaskFlags, Resampling
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from rsqa_core.errors import UnreadableFileError
from rsqa_core.raster.headers import Color, RasterHeader, Transform, band_names
from rsqa_core.raster.limits import (
    MAX_BANDS,
    MAX_BLOCK_BYTES,
    MAX_WHOLE_PX,
    MAX_WINDOW_BYTES,
    MAX_WINDOWED_PX,
    OVERVIEW_PX,
)

_DTYPES = {"uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"}
_VERIFY_BYTES = 64 << 20
_LOSSY = {Compression.jpeg, Compression.webp, Compression.lerc}
_FAILURES = (RasterioError, OSError, ValueError, rasterio.errors.CRSError)


class TiffReader:
    """An open TIFF. A four-band 8-bit file's declared alpha counts only if it looks like one."""

    def __init__(self, path: str, *, as_mask: bool) -> None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", NotGeoreferencedWarning)
                # The allow-list of one driver is what keeps VRT XML in a .tif from being opened.
                self._file = rasterio.open(path, driver="GTiff")
        except _FAILURES as error:
            raise UnreadableFileError(f"its TIFF header is corrupt ({error})") from error
        try:
            self._check_claims()
            interpretations = self._file.colorinterp
            self._expand: NDArray[np.uint8] | None = None
            palette: tuple[Color, ...] | None = None
            if self._file.count == 1 and interpretations[0] == ColorInterp.palette:
                colors = self._file.colormap(1)
                palette = tuple(colors.get(i, (0, 0, 0, 0))[:3] for i in range(256))
                if not as_mask:
                    self._expand = np.array(palette, dtype=np.uint8).T
                    palette = None
            self._alpha = self._alpha_band(interpretations)
            bands = [i for i in range(1, self._file.count + 1) if i != self._alpha]
            self._bands = bands
            self.header = RasterHeader(
                format="TIFF",
                width_px=self._file.width,
                height_px=self._file.height,
                bands=3 if self._expand is not None else len(bands),
                dtype=self._file.dtypes[0],
                has_alpha=self._alpha is not None,
                palette=palette,
                lossy=self._file.compression in _LOSSY,
                nodata=_finite_or_none(self._file.nodata),
                crs=self._file.crs.to_string() if self._file.crs else None,
                transform=_transform_of(self._file.transform),
                band_names=self._names(interpretations) if self._expand is None else (),
            )
        except _FAILURES as error:
            self._file.close()
            raise UnreadableFileError(f"its TIFF header is corrupt ({error})") from error
        except UnreadableFileError:
            self._file.close()
            raise

    def _check_claims(self) -> None:
        file = self._file
        pixels = file.width * file.height
        if pixels > MAX_WINDOWED_PX:
            raise UnreadableFileError(
                f"it claims {file.width:,} x {file.height:,} px; TIFF is opened up to "
                f"{MAX_WINDOWED_PX:,} px: cut it first"
            )
        if not 1 <= file.count <= MAX_BANDS:
            raise UnreadableFileError(f"it has {file.count} bands; expected 1 to {MAX_BANDS}")
        if len(set(file.dtypes)) != 1 or file.dtypes[0] not in _DTYPES:
            raise UnreadableFileError(
                f"its bands have the types {sorted(set(file.dtypes))}; expected one of "
                f"{sorted(_DTYPES)} for all bands"
            )
        rows, columns = file.block_shapes[0]
        samples = file.count if file.profile.get("interleave") == "pixel" else 1
        block_bytes = rows * columns * samples * np.dtype(file.dtypes[0]).itemsize
        if block_bytes > MAX_BLOCK_BYTES:
            raise UnreadableFileError(
                f"it is stored in blocks of {block_bytes >> 20:,} MiB; at most "
                f"{MAX_BLOCK_BYTES >> 20} MiB can be read: rewrite it with "
                "gdal_translate -co TILED=YES"
            )

    def _names(self, interpretations: tuple[ColorInterp, ...]) -> tuple[str, ...]:
        kept = [band - 1 for band in self._bands]
        names = band_names(
            [self._file.descriptions[i] for i in kept],
            [interpretations[i].name.lower() for i in kept],
        )
        return names if any(names) else ()

    def _alpha_band(self, interpretations: tuple[ColorInterp, ...]) -> int | None:
        if self._file.count not in {2, 4} or interpretations[-1] != ColorInterp.alpha:
            return None
        if self._file.count == 4 and self._file.dtypes[0] == "uint8":
            # GDAL declares a fourth 8-bit band alpha unless told otherwise, near infrared too.
            alpha = self._read_decimated([4], OVERVIEW_PX)
            if np.isin(alpha, (0, 255)).mean() < 0.98:
                return None
        return int(self._file.count)

    def read(
        self, x_px: int, y_px: int, width_px: int, height_px: int
    ) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        itemsize = np.dtype(self.header.dtype).itemsize
        if width_px * height_px * self._file.count * itemsize > MAX_WINDOW_BYTES:
            raise UnreadableFileError(
                f"a window of {width_px:,} x {height_px:,} px in {self._file.count} bands needs "
                f"more than {MAX_WINDOW_BYTES >> 20:,} MiB: choose smaller tiles"
            )
        window = Window(x_px, y_px, width_px, height_px)
        return self._finish(window, None)

    def overview(self, side_px: int) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        return self._finish(None, side_px)

    def _finish(
        self, window: Window | None, side_px: int | None
    ) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        try:
            pixels = self._fetch(self._bands, window, side_px)
            valid = self._validity(pixels, window, side_px)
        except _FAILURES as error:
            raise UnreadableFileError(
                f"its TIFF data is truncated or corrupt ({error.__cause__ or error}); copy it again"
            ) from error
        if self._expand is not None:
            pixels = self._expand[:, pixels[0]]
        return pixels, valid

    def _fetch(self, bands: list[int], window: Window | None, side_px: int | None) -> NDArray[Any]:
        if side_px is not None:
            return self._read_decimated(bands, side_px)
        pixels: NDArray[Any] = self._file.read(bands, window=window)
        return pixels

    def _read_decimated(self, bands: list[int], side_px: int) -> NDArray[Any]:
        height, width = self._decimated_shape(side_px)
        pixels: NDArray[Any] = self._file.read(
            bands, out_shape=(len(bands), height, width), resampling=Resampling.nearest
        )
        return pixels

    def _decimated_shape(self, side_px: int) -> tuple[int, int]:
        step = max(1.0, max(self._file.width, self._file.height) / side_px)
        return max(1, round(self._file.height / step)), max(1, round(self._file.width / step))

    def _validity(
        self, pixels: NDArray[Any], window: Window | None, side_px: int | None
    ) -> NDArray[np.bool_] | None:
        if self._alpha is not None:
            alpha: NDArray[np.bool_] = self._fetch([self._alpha], window, side_px)[0] > 0
            return alpha
        parts: list[NDArray[np.bool_]] = []
        if self._file.nodata is not None and math.isfinite(self._file.nodata):
            parts.append(np.any(pixels != self._file.nodata, axis=0))
        elif self._file.mask_flag_enums[0] == [MaskFlags.per_dataset]:  # not one made of alpha
            shape = None if side_px is None else self._decimated_shape(side_px)
            parts.append(self._file.dataset_mask(window=window, out_shape=shape) > 0)
        if np.issubdtype(pixels.dtype, np.floating):
            parts.append(np.any(np.isfinite(pixels), axis=0))
        return np.logical_and.reduce(parts) if parts else None

    def verify(self) -> None:
        """Decode every block, or a decimated overview of files too large for that."""
        width, height = self._file.width, self._file.height
        if width * height > MAX_WHOLE_PX:
            self.overview(OVERVIEW_PX)
            return
        block_rows = self._file.block_shapes[0][0]
        row_bytes = width * self._file.count * np.dtype(self.header.dtype).itemsize
        rows = max(1, _VERIFY_BYTES // (row_bytes * block_rows)) * block_rows
        for top in range(0, height, rows):
            self._finish(Window(0, top, width, min(rows, height - top)), None)

    def close(self) -> None:
        self._file.close()


def _finite_or_none(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def _transform_of(affine: Any) -> Transform | None:
    if affine.is_identity:
        return None
    return (affine.a, affine.b, affine.c, affine.d, affine.e, affine.f)

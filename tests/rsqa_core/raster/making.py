"""Makes small raster files, sound and hostile ones, for the tests of reading and importing."""

from __future__ import annotations

import struct
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from PIL import Image
from rasterio.errors import NotGeoreferencedWarning

UTM = "EPSG:26917"
NORTH_UP = (2.0, 0.0, 500_000.0, 0.0, -2.0, 4_000_000.0)


def noise(shape: tuple[int, ...], dtype: str = "uint8", seed: int = 0) -> NDArray[Any]:
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return rng.normal(100.0, 20.0, shape).astype(dtype)
    return rng.integers(1, 200, shape).astype(dtype)


def write_png(path: Path, array: NDArray[Any], mode: str | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(array)
    (image if mode is None else image.convert(mode)).save(path)
    return path


def write_palette_png(path: Path, ids: NDArray[np.uint8], colors: list[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(ids, mode="L").copy()
    image.putpalette([part for color in colors for part in color])
    image.save(path)
    return path


def write_tiff(path: Path, array: NDArray[Any], **profile: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    bands, height, width = array.shape
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        if "transform" in profile:
            profile["transform"] = rasterio.Affine(*profile["transform"])
        with rasterio.open(
            path,
            "w",
            **{
                "driver": "GTiff",
                "width": width,
                "height": height,
                "count": bands,
                "dtype": array.dtype.name,
                "compress": "deflate",
                **profile,
            },
        ) as file:
            file.write(array)
    return path


def write_huge_tiff(path: Path, side_px: int) -> Path:
    """Write a TIFF that claims a side of ``side_px`` and holds no block of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(
            path, "w", driver="GTiff", width=side_px, height=side_px, count=1, dtype="uint8",
            tiled=True, blockxsize=4096, blockysize=4096, SPARSE_OK="TRUE", compress="deflate",
        ):  # fmt: skip
            pass
    return path


def png_bytes(
    width_px: int, height_px: int, *, bit_depth: int = 8, color_type: int = 0, rows: bytes = b""
) -> bytes:
    """Build a PNG by hand; its header says whatever is asked."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", width_px, height_px, bit_depth, color_type, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def vrt_text(target: str) -> str:
    return (
        '<VRTDataset rasterXSize="32" rasterYSize="32"><VRTRasterBand dataType="Byte" band="1">'
        f'<SimpleSource><SourceFilename relativeToVRT="0">{target}</SourceFilename>'
        "<SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>"
    )

"""Reading, cutting and writing imagery and masks."""

from rsqa_core.files import file_sha256
from rsqa_core.raster.decoding import Patch, Source, open_source
from rsqa_core.raster.display import (
    display_bands,
    encode_display_jpeg,
    read_rgb,
    stretch_of,
    stretch_of_pixels,
    to_rgb,
)
from rsqa_core.raster.headers import RasterHeader
from rsqa_core.raster.masks import area_shares, encode_mask, read_mask
from rsqa_core.raster.probabilities import encode_probs, read_probs, require_probs
from rsqa_core.raster.run_lengths import decode_runs, encode_runs
from rsqa_core.raster.tiles import pixel_sha256, read_tile, write_tile_geotiff
from rsqa_core.raster.tiling import TileWindow, tile_windows

__all__ = [
    "Patch",
    "RasterHeader",
    "Source",
    "TileWindow",
    "area_shares",
    "decode_runs",
    "display_bands",
    "encode_display_jpeg",
    "encode_mask",
    "encode_probs",
    "encode_runs",
    "file_sha256",
    "open_source",
    "pixel_sha256",
    "read_mask",
    "read_probs",
    "read_rgb",
    "read_tile",
    "require_probs",
    "stretch_of",
    "stretch_of_pixels",
    "tile_windows",
    "to_rgb",
    "write_tile_geotiff",
]

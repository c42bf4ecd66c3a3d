from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rsqa_core.errors import InvalidInputError, UnreadableFileError
from rsqa_core.raster import file_sha256, open_source, pixel_sha256, read_tile, write_tile_geotiff
from tests.rsqa_core.raster.making import NORTH_UP, UTM, noise, write_png


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "int32", "float32", "float64"])
@pytest.mark.parametrize("bands", [1, 3, 4, 9])
def test_a_tile_comes_back_as_it_was(tmp_path: Path, dtype: str, bands: int) -> None:
    pixels = noise((bands, 24, 31), dtype)
    (tmp_path / "t.tif").write_bytes(write_tile_geotiff(pixels))
    back = read_tile(tmp_path / "t.tif")
    np.testing.assert_array_equal(back, pixels)
    assert back.dtype == pixels.dtype
    with open_source(tmp_path / "t.tif") as source:
        assert (source.header.bands, source.header.crs) == (bands, None)


def test_a_tile_keeps_its_georeference_and_nodata(tmp_path: Path) -> None:
    pixels = noise((2, 20, 20), "uint16")
    path = tmp_path / "t.tif"
    path.write_bytes(write_tile_geotiff(pixels, crs=UTM, transform=NORTH_UP, nodata=7))
    with open_source(path) as source:
        header = source.header
    assert (header.crs, header.transform, header.nodata) == (UTM, NORTH_UP, 7.0)


def test_a_nodata_value_that_the_type_cannot_hold_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "t.tif"
    path.write_bytes(write_tile_geotiff(noise((1, 20, 20)), nodata=-9999))
    with open_source(path) as source:
        assert source.header.nodata is None


def test_what_is_no_tile_cannot_be_written() -> None:
    with pytest.raises(InvalidInputError, match=r"\(C, H, W\)"):
        write_tile_geotiff(noise((20, 20)))
    with pytest.raises(InvalidInputError, match="nonsense"):
        write_tile_geotiff(noise((1, 20, 20)), crs="nonsense")


def test_a_missing_or_damaged_tile_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match=r"none\.tif"):
        read_tile(tmp_path / "none.tif")
    (tmp_path / "bad.tif").write_bytes(write_tile_geotiff(noise((3, 40, 40)))[:300])
    with pytest.raises(UnreadableFileError, match=r"bad\.tif"):
        read_tile(tmp_path / "bad.tif")


def test_a_png_is_read_as_a_tile(tmp_path: Path) -> None:
    pixels = noise((20, 30, 3))
    write_png(tmp_path / "a.png", pixels)
    np.testing.assert_array_equal(read_tile(tmp_path / "a.png"), np.moveaxis(pixels, -1, 0))


def test_the_hash_tells_type_shape_and_values_apart_but_not_layout() -> None:
    array = np.arange(12, dtype=np.uint16).reshape(3, 4)
    same = pixel_sha256(array)
    assert pixel_sha256(np.asfortranarray(array)) == same
    assert pixel_sha256(array.astype(">u2")) == same
    others = [array.reshape(4, 3), array.astype(np.int16), array + np.uint16(1)]
    assert same not in {pixel_sha256(a) for a in others}
    shown = [pixel_sha256(array, [(0.0, high)]) for high in (11.0, 12.0)]
    assert len({same, *shown}) == 3
    assert pixel_sha256(array, ()) == same


def test_the_hash_of_a_file_is_that_of_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"abc")
    assert file_sha256(tmp_path / "f").startswith("ba7816bf8f01cfea")

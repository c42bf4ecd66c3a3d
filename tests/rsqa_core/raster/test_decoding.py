from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rsqa_core.errors import UnreadableFileError
from rsqa_core.raster import open_source
from rsqa_core.raster.decoding import Source
from rsqa_core.raster.limits import MAX_WHOLE_PX, MAX_WINDOWED_PX
from tests.rsqa_core.raster.making import (
    NORTH_UP,
    UTM,
    noise,
    png_bytes,
    vrt_text,
    write_huge_tiff,
    write_palette_png,
    write_png,
    write_tiff,
)

COLORS = [(10 * i, 255 - 10 * i, 7) for i in range(8)]
MUCH = 1 << 30


def whole(source: Source) -> Any:
    return source.read(0, 0, source.header.width_px, source.header.height_px)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
@pytest.mark.parametrize("bands", [1, 2, 3, 4, 7])
def test_a_tiff_window_has_the_pixels_that_were_written(
    tmp_path: Path, dtype: str, bands: int
) -> None:
    pixels = noise((bands, 40, 50), dtype)
    path = write_tiff(tmp_path / "a.tif", pixels, crs=UTM, transform=NORTH_UP)
    with open_source(path) as source:
        header = source.header
        patch = source.read(7, 3, 21, 30)
    assert (header.bands, header.dtype, header.crs) == (bands, dtype, UTM)
    assert header.transform == NORTH_UP
    np.testing.assert_array_equal(patch.pixels, pixels[:, 3:33, 7:28])
    assert patch.valid.all()


def test_a_png_keeps_its_values_and_a_jpeg_nearly(tmp_path: Path) -> None:
    pixels = np.full((32, 40, 3), (200, 40, 90), dtype=np.uint8)
    write_png(tmp_path / "a.png", pixels)
    Image.fromarray(pixels).save(tmp_path / "a.jpg", quality=95)
    with open_source(tmp_path / "a.png") as source:
        np.testing.assert_array_equal(whole(source).pixels, np.moveaxis(pixels, -1, 0))
    with open_source(tmp_path / "a.jpg") as source:
        assert source.header.lossy
        np.testing.assert_allclose(whole(source).pixels, np.moveaxis(pixels, -1, 0), atol=4)


def test_the_type_is_read_from_the_content_not_the_name(tmp_path: Path) -> None:
    Image.fromarray(noise((32, 32, 3))).save(tmp_path / "really.jpg")
    path = (tmp_path / "really.jpg").rename(tmp_path / "named.png")
    with open_source(path) as source:
        assert source.header.format == "JPEG"


def test_alpha_is_no_band_but_says_where_data_is(tmp_path: Path) -> None:
    pixels = noise((32, 32, 4))
    pixels[:, :, 3] = 255
    pixels[:5, :, 3] = 0
    write_png(tmp_path / "a.png", pixels)
    write_tiff(tmp_path / "a.tif", np.moveaxis(pixels, -1, 0), photometric="rgb", alpha="yes")
    for name in ("a.png", "a.tif"):
        with open_source(tmp_path / name) as source:
            patch = whole(source)
        assert source.header.bands == 3
        assert not patch.valid[:5].any()
        assert patch.valid[5:].all()


def test_near_infrared_that_is_declared_alpha_stays_a_band(tmp_path: Path) -> None:
    pixels = noise((4, 32, 32))
    path = write_tiff(tmp_path / "naip.tif", pixels, photometric="rgb", alpha="yes")
    with open_source(path) as source:
        assert source.header.bands == 4
        np.testing.assert_array_equal(whole(source).pixels, pixels)


def test_nodata_and_not_a_number_hold_no_data(tmp_path: Path) -> None:
    counted = noise((2, 20, 20), "int16")
    counted[:, 0] = -9999
    counted[0, 1] = -9999  # one band still has data there
    measured = noise((1, 20, 20), "float32")
    measured[0, 3, 4] = np.nan
    with open_source(write_tiff(tmp_path / "a.tif", counted, nodata=-9999)) as source:
        valid = whole(source).valid
    assert not valid[0].any()
    assert valid[1:].all()
    with open_source(write_tiff(tmp_path / "b.tif", measured)) as source:
        assert np.argwhere(~whole(source).valid).tolist() == [[3, 4]]


def test_a_palette_image_shows_colours_and_a_palette_mask_keeps_its_indices(tmp_path: Path) -> None:
    ids = noise((20, 24)) % 8
    path = write_palette_png(tmp_path / "p.png", ids, COLORS)
    with open_source(path) as source:
        assert source.header.bands == 3
        np.testing.assert_array_equal(
            whole(source).pixels, np.moveaxis(np.array(COLORS, dtype=np.uint8)[ids], -1, 0)
        )
    with open_source(path, as_mask=True) as source:
        assert source.header.palette is not None
        assert list(source.header.palette[:8]) == COLORS
        np.testing.assert_array_equal(whole(source).pixels[0], ids)


@pytest.mark.parametrize(("bit_depth", "row"), [(2, b"\x00\x1b"), (4, b"\x00\x01\x23")])
def test_masks_of_few_bits_keep_their_numbers(tmp_path: Path, bit_depth: int, row: bytes) -> None:
    path = tmp_path / "few.png"
    path.write_bytes(png_bytes(4, 2, bit_depth=bit_depth, rows=row * 2))
    with open_source(path, as_mask=True) as source:
        assert whole(source).pixels.tolist() == [[[0, 1, 2, 3]] * 2]


def test_sixteen_bit_greyscale_keeps_its_values(tmp_path: Path) -> None:
    pixels = noise((20, 20), "uint16") * 300
    with open_source(write_png(tmp_path / "deep.png", pixels)) as source:
        assert source.header.dtype == "uint16"
        np.testing.assert_array_equal(whole(source).pixels[0], pixels)


def test_a_window_outside_the_file_is_refused(tmp_path: Path) -> None:
    path = write_png(tmp_path / "a.png", noise((20, 20)))
    with (
        open_source(path) as source,
        pytest.raises(UnreadableFileError, match=r"inside 20 x 20 px of a\.png"),
    ):
        source.read(10, 10, 11, 5)


def test_an_overview_is_small_and_of_the_whole(tmp_path: Path) -> None:
    pixels = np.repeat(np.arange(64, dtype=np.uint8)[None, None], 64, axis=1)
    with open_source(write_tiff(tmp_path / "a.tif", pixels)) as source:
        overview = source.overview(16).pixels
    assert overview.shape == (1, 16, 16)
    assert overview.min() < 4
    assert overview.max() > 59


def hostile_files(folder: Path) -> dict[str, str]:
    """Write one file for each way of being unreadable; returns what its reason says."""
    secret = write_tiff(folder / "secret" / "s.tif", noise((1, 32, 32)))
    (folder / "text.png").write_text("this is not a picture at all, only text\n")
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "vrt.tif").write_text(vrt_text(str(secret)))
    Image.fromarray(noise((64, 64, 3))).save(folder / "cut.jpg")
    (folder / "cut.jpg").write_bytes((folder / "cut.jpg").read_bytes()[:2000])
    write_png(folder / "cut.png", noise((64, 64, 3)))
    (folder / "cut.png").write_bytes((folder / "cut.png").read_bytes()[:3000])
    whole_tiff = write_tiff(folder / "head.tif", noise((3, 64, 64)))
    content = whole_tiff.read_bytes()
    (folder / "head.tif").write_bytes(content[:8] + b"\xff" * 60 + content[68:])
    write_tiff(folder / "body.tif", noise((3, 64, 64)))
    content = (folder / "body.tif").read_bytes()
    (folder / "body.tif").write_bytes(content[:-4000] + b"\xaa" * 4000)
    (folder / "claim.png").write_bytes(png_bytes(60_000, 60_000))
    write_huge_tiff(folder / "claim.tif", 60_000)
    write_tiff(folder / "complex.tif", noise((1, 32, 32)).astype("complex64"))
    return {
        "text.png": "begins with text",
        "empty.jpg": "empty",
        "vrt.tif": "expected a JPEG, PNG or TIFF",
        "cut.jpg": "truncated",
        "cut.png": "truncated",
        "head.tif": "corrupt",
        "body.tif": "corrupt",
        "claim.png": "60,000 x 60,000 px",
        "claim.tif": "60,000 x 60,000 px",
        "complex.tif": "complex64",
    }


def test_hostile_files_are_refused_by_name_and_reason(tmp_path: Path) -> None:
    for name, reason in hostile_files(tmp_path).items():
        with (
            pytest.raises(UnreadableFileError, match=reason) as caught,
            open_source(tmp_path / name) as source,
        ):
            source.verify()
        assert name in str(caught.value)


def test_a_folder_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.png"):
        with pytest.raises(UnreadableFileError, match="not a regular file"):
            open_source(path)


def test_the_limits_let_a_large_geotiff_pass_and_no_claim_of_60_000_px() -> None:
    assert MAX_WHOLE_PX < 20_000**2 < MAX_WINDOWED_PX < 60_000**2


def test_windows_of_a_20_000_px_geotiff_are_read_without_the_rest(tmp_path: Path) -> None:
    with open_source(write_huge_tiff(tmp_path / "wide.tif", 20_000)) as source:
        source.verify()
        assert source.read(19_900, 19_900, 100, 100).pixels.shape == (1, 100, 100)


def worker_pid(source: Source) -> int:
    return source._worker._process.pid


def test_a_crash_of_the_decoder_is_an_error_of_that_file_only(tmp_path: Path) -> None:
    path = write_png(tmp_path / "a.png", noise((20, 20)))
    with open_source(path) as source:
        os.kill(worker_pid(source), signal.SIGSEGV)
        with pytest.raises(UnreadableFileError, match=r"a\.png cannot be read.*crashed"):
            whole(source)
    with open_source(path) as source:
        assert whole(source).pixels.shape == (1, 20, 20)


def test_a_decoder_that_needs_too_much_memory_is_an_error(tmp_path: Path) -> None:
    path = write_png(tmp_path / "a.png", noise((20, 20)))
    with pytest.raises(UnreadableFileError, match="memory"):
        open_source(path, memory_bytes=48 << 20)


def test_the_memory_of_who_asks_is_not_the_decoders(tmp_path: Path) -> None:
    """Of a server or a job that has taken more than the decoder may."""
    path = write_png(tmp_path / "a.png", noise((20, 20)))
    code = (
        "import sys, time; from pathlib import Path; from rsqa_core.raster import open_source\n"
        f"taken = bytearray({MUCH} + (200 << 20))\n"
        f"with open_source(Path(sys.argv[1]), memory_bytes={MUCH}) as source:\n"
        "    time.sleep(0.5)\n"
        "    print(source.read(0, 0, 20, 20).pixels.shape)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "(1, 20, 20)", done.stderr


def test_a_decoder_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    path = write_png(tmp_path / "a.png", noise((20, 20)))
    with pytest.raises(UnreadableFileError, match=r"more than 0\.001 s"):
        open_source(path, timeout_s=0.001)


def test_decoders_are_reused(tmp_path: Path) -> None:
    path = write_png(tmp_path / "a.png", noise((20, 20)))
    with open_source(path) as source:
        first = worker_pid(source)
    with open_source(path) as source:
        assert worker_pid(source) == first

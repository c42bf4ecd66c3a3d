from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.extra.numpy import array_shapes, arrays

from rsqa_core.errors import InvalidInputError, UnreadableFileError
from rsqa_core.raster import area_shares, encode_mask, read_mask
from tests.rsqa_core.raster.making import noise, png_bytes, write_png


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(mask=arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=20)))
def test_a_mask_comes_back_as_it_was(tmp_path: Path, mask: np.ndarray) -> None:
    (tmp_path / "m.png").write_bytes(encode_mask(mask))
    np.testing.assert_array_equal(read_mask(tmp_path / "m.png"), mask)


def test_only_two_dimensional_8_bit_arrays_are_masks() -> None:
    for wrong in (noise((3, 8, 8)), noise((8, 8), "uint16")):
        with pytest.raises(InvalidInputError, match="uint8"):
            encode_mask(wrong)


def test_other_files_are_not_read_as_masks(tmp_path: Path) -> None:
    write_png(tmp_path / "rgb.png", noise((8, 8, 3)))
    (tmp_path / "claim.png").write_bytes(png_bytes(60_000, 60_000))
    (tmp_path / "text.png").write_text("no")
    for name in ("rgb.png", "claim.png", "text.png", "none.png"):
        with pytest.raises(UnreadableFileError, match=name.split(".")[0]):
            read_mask(tmp_path / name)


def test_area_shares_leave_void_out() -> None:
    mask = np.array([[0, 0, 2], [255, 255, 0]], dtype=np.uint8)
    assert area_shares(mask, 3) == (0.75, 0.0, 0.25)
    assert area_shares(np.full((2, 2), 255, dtype=np.uint8), 2) == (0.0, 0.0)

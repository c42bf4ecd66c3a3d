from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rsqa_core.datasets.classes import ClassScheme, build_scheme
from rsqa_core.datasets.mask_decoding import open_mask
from rsqa_core.datasets.palette import Palette, PaletteEntry
from rsqa_core.errors import InvalidInputError
from rsqa_core.raster import TileWindow
from rsqa_core.records import VOID
from tests.rsqa_core.raster.making import noise, write_palette_png, write_png, write_tiff

COLORS = {"Water": (10, 20, 250), "Tree": (0, 120, 0), "Road": (120, 120, 120), "None": (0, 0, 0)}
BOTH = Palette(
    tuple(PaletteEntry(n, i + 1, c) for i, (n, c) in enumerate(COLORS.items())), "the palette"
)
COLORED = Palette(tuple(PaletteEntry(n, None, c) for n, c in COLORS.items()), "the palette")
NUMBERED = Palette(tuple(PaletteEntry(n, i + 1) for i, n in enumerate(COLORS)), "the palette")
HEIGHT, WIDTH = 24, 31


def places(seed: int = 1) -> np.ndarray:
    """Places of palette entries, by pixel."""
    return np.random.default_rng(seed).integers(0, 4, (HEIGHT, WIDTH)).astype(np.uint8)


def scheme(palette: Palette) -> ClassScheme:
    return build_scheme(palette, ignored=["None"])


def expected(of: np.ndarray) -> np.ndarray:
    return np.array([0, 1, 2, VOID], dtype=np.uint8)[of]


def decoded(path: Path, palette: Palette) -> np.ndarray:
    with open_mask(path, scheme(palette), width_px=WIDTH, height_px=HEIGHT) as file:
        return file.read(TileWindow(0, 0, WIDTH, HEIGHT))


def rgb_of(of: np.ndarray) -> np.ndarray:
    return np.array(list(COLORS.values()), dtype=np.uint8)[of]


def test_colour_coded_files_go_by_colour(tmp_path: Path) -> None:
    of = places()
    for palette in (COLORED, BOTH):
        path = write_png(tmp_path / "rgb.png", rgb_of(of))
        np.testing.assert_array_equal(decoded(path, palette), expected(of))
    path = write_tiff(tmp_path / "rgb.tif", np.moveaxis(rgb_of(of), -1, 0))
    np.testing.assert_array_equal(decoded(path, COLORED), expected(of))


def test_palette_files_go_by_their_colours_whatever_their_indices(tmp_path: Path) -> None:
    of = places()
    shuffled = np.array([7, 3, 0, 9], dtype=np.uint8)[of]
    embedded = [(255, 0, 255)] * 10
    for index, color in zip((7, 3, 0, 9), COLORS.values(), strict=True):
        embedded[index] = color
    path = write_palette_png(tmp_path / "p.png", shuffled, embedded)
    for palette in (COLORED, BOTH):
        np.testing.assert_array_equal(decoded(path, palette), expected(of))


def test_palette_files_with_colours_of_their_own_go_by_number(tmp_path: Path) -> None:
    of = places()
    path = write_palette_png(tmp_path / "p.png", of + 1, [(i * 9, 3, 77) for i in range(8)])
    for palette in (BOTH, NUMBERED):
        np.testing.assert_array_equal(decoded(path, palette), expected(of))


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_index_files_go_by_number(tmp_path: Path, dtype: str) -> None:
    of = places()
    numbers = (of + 1).astype(dtype)
    np.testing.assert_array_equal(
        decoded(write_png(tmp_path / "l.png", numbers), NUMBERED), expected(of)
    )
    np.testing.assert_array_equal(
        decoded(write_tiff(tmp_path / "l.tif", numbers[None]), BOTH), expected(of)
    )


def test_numbers_above_255_have_a_meaning_when_the_palette_says_so(tmp_path: Path) -> None:
    palette = Palette((PaletteEntry("a", 1000), PaletteEntry("b", 255)), "t")
    numbers = np.array([[1000, 255]] * 20, dtype=np.uint16).repeat(10, axis=1)
    path = write_png(tmp_path / "m.png", numbers)
    with open_mask(path, build_scheme(palette), width_px=20, height_px=20) as file:
        mask = file.read(TileWindow(0, 0, 20, 20))
    assert np.unique(mask).tolist() == [0, 1]


def test_void_and_transparent_and_nodata_have_no_label(tmp_path: Path) -> None:
    of = places()
    numbers = of + 1
    numbers[0] = VOID
    mask = decoded(write_png(tmp_path / "l.png", numbers), NUMBERED)
    assert (mask[0] == VOID).all()
    rgba = np.dstack([rgb_of(of), np.full((HEIGHT, WIDTH), 255, np.uint8)])
    rgba[0] = (1, 2, 3, 0)  # an unknown colour, but transparent
    mask = decoded(write_png(tmp_path / "rgba.png", rgba), COLORED)
    assert (mask[0] == VOID).all()
    np.testing.assert_array_equal(mask[1:], expected(of)[1:])
    numbers = (of + 1).astype(np.int16)
    numbers[0] = -1
    mask = decoded(write_tiff(tmp_path / "l.tif", numbers[None], nodata=-1), NUMBERED)
    assert (mask[0] == VOID).all()


def test_windows_are_parts_of_the_whole(tmp_path: Path) -> None:
    path = write_png(tmp_path / "rgb.png", rgb_of(places()))
    with open_mask(path, scheme(COLORED), width_px=WIDTH, height_px=HEIGHT) as file:
        part = file.read(TileWindow(5, 7, 11, 9))
    np.testing.assert_array_equal(part, expected(places())[7:16, 5:16])


def test_unknown_values_are_named_with_their_pixels(tmp_path: Path) -> None:
    pixels = rgb_of(places())
    pixels[0, :7] = (1, 2, 3)
    path = write_png(tmp_path / "rgb.png", pixels)
    with pytest.raises(InvalidInputError, match=r"1 colour .*\(1, 2, 3\) in 7 px.*--map"):
        decoded(path, COLORED)
    numbers = places() + 1
    numbers[0, :20] = np.repeat(np.arange(100, 110), 2)
    path = write_png(tmp_path / "l.png", numbers)
    with pytest.raises(InvalidInputError, match=r"10 class ids .*100 in 2 px.*and 5 more"):
        decoded(path, NUMBERED)


def test_files_that_cannot_be_masks_are_refused_with_their_reason(tmp_path: Path) -> None:
    Image.fromarray(rgb_of(places())).save(tmp_path / "m.jpg")
    write_png(tmp_path / "wide.png", noise((HEIGHT, WIDTH + 1)))
    write_tiff(tmp_path / "float.tif", noise((1, HEIGHT, WIDTH), "float32"))
    write_tiff(tmp_path / "two.tif", noise((2, HEIGHT, WIDTH)))
    for name, reason in {
        "m.jpg": "loss",
        "wide.png": "32 x 24 px, but its image is 31 x 24 px",
        "float.tif": "float32",
        "two.tif": "2 bands",
    }.items():
        with pytest.raises(InvalidInputError, match=reason):
            decoded(tmp_path / name, COLORED)
    path = write_png(tmp_path / "rgb.png", rgb_of(places()))
    with pytest.raises(InvalidInputError, match="no colours"):
        decoded(path, NUMBERED)


def test_a_photograph_is_not_counted_to_its_end(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    path = write_png(tmp_path / "photo.png", rng.integers(0, 256, (80, 80, 3)).astype(np.uint8))
    with pytest.raises(InvalidInputError, match="4096 different values"):
        open_mask(path, scheme(COLORED), width_px=80, height_px=80)

"""Views by bands: what bands show, what indices say, and what is stretched how."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rsqa_core.errors import InvalidInputError, NotFoundError, UnreadableFileError
from rsqa_core.raster import open_source, write_tile_geotiff
from rsqa_core.raster.bands import (
    band_limits,
    band_roles,
    band_views,
    read_band_names,
    render_view,
    values_at,
)
from rsqa_core.raster.headers import band_names

SENTINEL = ["B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B11", "B12"]


@pytest.mark.parametrize(
    ("names", "roles"),
    [
        (SENTINEL, {"blue": 1, "green": 2, "red": 3, "nir": 7, "swir": 10}),
        (
            ["SR_B2", "SR_B3", "SR_B4", "SR_B5", "SR_B6"],
            {"blue": 0, "green": 1, "red": 2, "nir": 3, "swir": 4},
        ),
        (["Red", "Red Edge", "Near Infrared"], {"red": 0, "nir": 2}),
        (["", "", "", ""], {"red": 0, "green": 1, "blue": 2, "nir": 3}),
        (["Red", "Green", "Blue", ""], {"red": 0, "green": 1, "blue": 2, "nir": 3}),
        (["red", "green", "blue", "height"], {"red": 0, "green": 1, "blue": 2}),
        (["blue", "green", "red", ""], {"red": 2, "green": 1, "blue": 0}),
        (["B2", "B3", "B4", "B5"], {}),  # of which sensor?
        (["elevation"], {}),
        ([""] * 7, {}),
        (["infrared camera", "predator"], {}),
        (["near infra-red", "red", "thermal infra-red"], {"red": 1, "nir": 0}),
    ],
)
def test_what_bands_show(names: list[str], roles: dict[str, int]) -> None:
    assert band_roles(names) == roles


def test_names_come_from_descriptions_and_else_from_colours() -> None:
    names = band_names(["B04", None, "x\ny" + "z" * 90], ["red", "nir", "undefined"])

    assert names == ("B04", "nir", "xy" + "z" * 38)
    assert band_names([None], ["gray"]) == ("",)


def test_views_that_are_not_to_be_had_say_why() -> None:
    views = {view.id: view for view in band_views(["red", "green", "blue"])}

    assert views["true"].bands == (0, 1, 2)
    assert views["vari"].bands == (1, 0, 2)
    assert views["ndvi"].why_not == "no near-infrared band"
    assert views["band-2"].name == "Band 2: green"
    assert views["swir"].why_not == "no short-wave infrared and no near-infrared band"
    assert {view.id: view.bands for view in band_views(SENTINEL)}["swir"] == (10, 7, 3)
    assert "bands-3" not in views
    unnamed = {view.id: view for view in band_views([""] * 6)}
    assert unnamed["bands-4"].bands == (3, 2, 1)
    assert unnamed["true"].why_not == "no red and no green and no blue band"


def tile(path: Path, pixels: np.ndarray, names: tuple[str, ...] = ()) -> Path:
    path.write_bytes(write_tile_geotiff(pixels, band_names=names))
    return path


def shown_alone(path: Path, view: str, bands: int, stretch: str) -> np.ndarray:
    """A tile that is all of its file."""
    limits = band_limits([path], bands, stretch)  # type: ignore[arg-type]
    return render_view(path, view, bands, limits)


def test_names_survive_a_tile_and_its_import(tmp_path: Path) -> None:
    path = tile(tmp_path / "t.tif", np.ones((3, 8, 8), np.uint16), ("B02", "", "B08"))

    assert read_band_names(path, 3) == ("B02", "", "B08")
    with open_source(path) as source:
        assert source.header.band_names == ("B02", "", "B08")
    bare = tile(tmp_path / "bare.tif", np.ones((5, 8, 8), np.uint16))
    assert read_band_names(bare, 5) == ("",) * 5
    with open_source(bare) as source:
        assert source.header.band_names == ()


def test_an_index_by_hand(tmp_path: Path) -> None:
    red = np.array([[100, 300, 0, 200]], np.uint16)
    nir = np.array([[300, 100, 0, 200]], np.uint16)
    path = tile(tmp_path / "t.tif", np.stack([red, nir]), ("red", "nir"))

    shown = render_view(path, "ndvi", 2, ())

    # 0.5, -0.5, nothing over nothing, 0: the middle of the ramp lies between its pale colours.
    middle = shown[:, 0, 3]
    assert shown[:, 0, 2].tolist() == middle.tolist() == [222, 233, 212]
    assert shown[1, 0, 0] > shown[0, 0, 0]  # green where the infrared is brighter
    assert shown[0, 0, 1] > shown[2, 0, 1]  # brown where the red is


@pytest.mark.parametrize(
    ("stretch", "ends"), [("full", (0, 255)), ("clip", (0, 255)), ("deviations", (17, 238))]
)
def test_every_band_is_stretched_by_itself(
    tmp_path: Path, stretch: str, ends: tuple[int, int]
) -> None:
    ramp = np.linspace(0, 1000, 400, dtype=np.float32).reshape(20, 20)
    path = tile(tmp_path / "t.tif", np.stack([ramp, 5 * ramp + 7, -ramp]), ("red", "green", "blue"))

    shown = shown_alone(path, "true", 3, stretch)

    assert (shown[0, 0, 0], shown[0, -1, -1]) == ends
    assert np.abs(shown[0].astype(int) - shown[1]).max() <= 1
    assert np.abs(shown[0].astype(int) - shown[2, ::-1, ::-1]).max() <= 1


def test_what_has_no_number_is_black_and_changes_no_stretch(tmp_path: Path) -> None:
    pixels = np.linspace(0, 1, 64, dtype=np.float32).reshape(1, 8, 8)
    pixels[0, 0, 0], pixels[0, 0, 1] = np.nan, np.inf
    path = tile(tmp_path / "t.tif", pixels)

    shown = shown_alone(path, "band-1", 1, "full")

    assert shown[:, 0, :2].tolist() == [[0, 0]] * 3
    assert shown[0, -1, -1] == 255
    nothing = tile(tmp_path / "n.tif", np.full((1, 4, 4), np.nan, np.float32))
    assert shown_alone(nothing, "band-1", 1, "clip").max() == 0


def test_what_the_file_calls_no_data_is_none(tmp_path: Path) -> None:
    red = np.linspace(0, 1000, 64).reshape(8, 8).astype(np.int16)
    nir = red.copy()
    nir[:4] = -9999
    path = tmp_path / "t.tif"
    pixels = np.stack([red, nir])
    path.write_bytes(write_tile_geotiff(pixels, nodata=-9999, band_names=("red", "nir")))

    index = render_view(path, "ndvi", 2, ())
    single = shown_alone(path, "band-2", 2, "full")

    assert index[:, :4].max() == 0
    assert index[:, 4:].min() > 0
    assert single[:, :4].max() == 0
    assert (single[0, 4, 0], single[0, -1, -1]) == (0, 255)  # stretched over what is there


def test_tiles_of_a_file_are_stretched_alike(tmp_path: Path) -> None:
    dark = tile(tmp_path / "dark.tif", np.full((1, 8, 8), 100, np.uint16))
    ramp = np.linspace(0, 1000, 64).reshape(1, 8, 8)
    bright = tile(tmp_path / "bright.tif", ramp.astype(np.uint16))
    missing = tmp_path / "missing.tif"

    ((low, high),) = band_limits([dark, missing, bright], 1, "full")

    assert (low, high) == (0.0, 1000.0)
    shown = render_view(dark, "band-1", 1, ((low, high),))
    assert np.unique(shown).tolist() == [26]  # a tenth of 255: by itself it would be black
    (alone,) = band_limits([bright], 1, "tile")
    assert alone == pytest.approx(np.percentile(ramp.astype(np.uint16), (2, 98)))
    with pytest.raises(UnreadableFileError, match=r"missing\.tif"):
        band_limits([missing], 1, "clip")


def test_limits_come_from_a_sample_of_what_has_data(tmp_path: Path) -> None:
    pixels = np.full((2, 400, 400), -9999, np.int16)
    pixels[0] = np.arange(400, dtype=np.int16)  # each column its number
    path = tmp_path / "t.tif"
    path.write_bytes(write_tile_geotiff(pixels, nodata=-9999))

    (low, high), nothing = band_limits([path], 2, "full")

    assert (low, high) == (1.0, 397.0)  # every third column, from the second one
    assert nothing == (0.0, 1.0)


def test_the_values_of_a_pixel(tmp_path: Path) -> None:
    red = np.array([[100, 300], [0, 7]], np.uint16)
    nir = np.array([[300, 100], [0, 7]], np.uint16)
    path = tile(tmp_path / "t.tif", np.stack([red, nir]), ("red", "nir"))

    index = values_at(path, "ndvi", 2, 1, 0)
    assert index.values == {"nir": 100.0, "red": 300.0}
    assert index.index == pytest.approx(-0.5)
    assert values_at(path, "ndvi", 2, 0, 1).index == 0.0  # nothing over nothing, as it is drawn
    single = values_at(path, "band-1", 2, 0, 0)
    assert (single.values, single.index) == ({"red": 100.0}, None)
    picture = tile(tmp_path / "picture.tif", np.arange(12, dtype=np.uint8).reshape(3, 2, 2))
    assert values_at(picture, "vari", 3, 0, 0).values == {"green": 4.0, "red": 0.0, "blue": 8.0}


def test_a_pixel_without_data_has_no_index(tmp_path: Path) -> None:
    path = tmp_path / "t.tif"
    pixels = np.array([[[5.5, -1.0]], [[-1.0, 2.0]]], np.float32)
    path.write_bytes(write_tile_geotiff(pixels, nodata=-1.0, band_names=("", "")))

    found = values_at(path, "band-2", 2, 0, 0)
    assert found.values == {"Band 2": None}
    named = tmp_path / "named.tif"
    named.write_bytes(write_tile_geotiff(pixels, nodata=-1.0, band_names=("red", "nir")))
    index = values_at(named, "ndvi", 2, 0, 0)
    assert (index.values, index.index) == ({"nir": None, "red": 5.5}, None)


def test_a_view_that_is_not_there_is_refused(tmp_path: Path) -> None:
    path = tile(tmp_path / "t.tif", np.ones((3, 8, 8), np.uint8))

    for look in (
        lambda view: render_view(path, view, 3, ()),
        lambda view: values_at(path, view, 3, 0, 0),
    ):
        with pytest.raises(NotFoundError, match="no near-infrared band"):
            look("ndvi")
        with pytest.raises(NotFoundError, match="band-9"):
            look("band-9")
    with pytest.raises(InvalidInputError, match="clip, full, deviations, tile"):
        band_limits([path], 3, "wild")  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match=r"8 x 8 px, but got \(8, 0\)"):
        values_at(path, "true", 3, 8, 0)

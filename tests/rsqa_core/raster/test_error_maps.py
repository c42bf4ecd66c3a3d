"""Error maps from arrays made by hand: what is refused, joined, written and outlined."""

from __future__ import annotations

import json
import warnings
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import MemoryFile

from rsqa_core.errors import InvalidInputError
from rsqa_core.raster.error_maps import (
    Mosaic,
    WrongRegion,
    encode_error_map,
    encode_regions,
    require_error_map,
    wrong_regions,
)
from rsqa_core.raster.globe import signed_area
from rsqa_core.records import VOID
from tests.rsqa_core.raster.making import NORTH_UP, UTM


def drawn() -> NDArray[np.float32]:
    """A ring of 0.8 around a hole, a bar of 0.6 that touches it in a corner only, a dot of 0.9."""
    errors = np.full((20, 30), 0.1, dtype=np.float32)
    errors[2:8, 2:8] = 0.8
    errors[4:6, 4:6] = 0.2
    errors[8:10, 8:18] = 0.6
    errors[15, 25] = 0.9
    return errors


def outlined(errors: NDArray[np.float32], **options: Any) -> list[WrongRegion]:
    classes = np.zeros(errors.shape, dtype=np.uint8)
    owners = np.zeros(errors.shape, dtype=np.int32)
    return wrong_regions(errors, classes, owners, **options)


def pixel_area(region: WrongRegion) -> float:
    outline, *holes = (abs(signed_area(ring)) for ring in region.rings)
    return outline - sum(holes)


def test_a_map_that_agrees_with_its_score_passes() -> None:
    errors = drawn()
    errors[0] = np.nan
    score = 1.0 - float(np.nanmean(errors.astype(np.float64)))

    require_error_map(errors, (20, 30), score + 9e-4, "it")
    with pytest.raises(InvalidInputError, match=r"'unet' says that 0\.\d{4}.*within 0\.001.*rsqa"):
        require_error_map(errors, (20, 30), score + 2e-3, "'unet'")


@pytest.mark.parametrize(
    ("errors", "said"),
    [
        (np.zeros((3, 4), dtype=np.float32), r"\(4, 4\) float32, but got \(3, 4\)"),
        (np.zeros((4, 4), dtype=np.uint8), "but got .* uint8"),
        (np.full((4, 4), np.nan, dtype=np.float32), "no value at all"),
        (np.full((4, 4), 1.5, dtype=np.float32), "1.5 to 1.5"),
        (np.full((4, 4), -0.1, dtype=np.float32), "-0.1"),
        (np.full((4, 4), np.inf, dtype=np.float32), "inf"),
    ],
)
def test_what_is_no_map_of_probabilities_is_refused(errors: NDArray[Any], said: str) -> None:
    with pytest.raises(InvalidInputError, match=said):
        require_error_map(errors, (4, 4), 1.0, "it")


def test_polygons_hold_as_many_pixels_as_exceed_the_level() -> None:
    rng = np.random.default_rng(0)
    for errors in (drawn(), rng.random((40, 50)).astype(np.float32)):
        for level in (0.3, 0.5, 0.7):
            found = outlined(errors, level=level)

            assert sum(r.area_px for r in found) == int((errors > level).sum())
            assert [pixel_area(r) for r in found] == [r.area_px for r in found]


def test_regions_keep_their_holes_and_join_by_edges_only() -> None:
    found = {region.area_px: region for region in outlined(drawn())}

    assert found.keys() == {32, 20, 1}
    assert [abs(signed_area(ring)) for ring in found[32].rings] == [36.0, 4.0]
    assert found[32].mean_probability == pytest.approx(0.8)
    assert found[20].mean_probability == pytest.approx(0.6)
    assert set(found[1].rings[0]) == {(25.0, 15.0), (26.0, 15.0), (26.0, 16.0), (25.0, 16.0)}


def test_the_level_is_exceeded_and_small_regions_are_left_out() -> None:
    half = np.full((4, 4), 0.5, dtype=np.float32)

    assert outlined(half, level=0.5) == []
    assert [r.area_px for r in outlined(half, level=0.49)] == [16]
    assert {r.area_px for r in outlined(drawn(), min_px=2)} == {32, 20}
    assert outlined(np.full((4, 4), np.nan, dtype=np.float32), level=0.0) == []


def test_a_region_names_the_class_and_the_candidates_on_most_of_it() -> None:
    errors = np.full((10, 10), 0.9, dtype=np.float32)
    classes = np.full((10, 10), 3, dtype=np.uint8)
    classes[:4] = 1
    owners = np.zeros((10, 10), dtype=np.int32)
    owners[:, 2:] = 7

    (region,) = wrong_regions(errors, classes, owners)

    assert (region.class_id, region.owners) == (3, (7, 0))


def test_input_without_meaning_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="level"):
        outlined(drawn(), level=1.5)
    with pytest.raises(InvalidInputError, match="min_px"):
        outlined(drawn(), min_px=0)
    with pytest.raises(InvalidInputError, match="one shape"):
        wrong_regions(drawn(), np.zeros((2, 2), np.uint8), np.zeros((20, 30), np.int32))
    with pytest.raises(InvalidInputError, match=r"\(H, W\)"):
        encode_error_map(drawn()[None])


def test_a_georeferenced_map_comes_back_as_it_was() -> None:
    errors = drawn()
    errors[3] = np.nan

    content = encode_error_map(errors, crs=UTM, transform=NORTH_UP, tags={"RSQA_HEAD": "base"})

    with MemoryFile(content) as memory, memory.open() as file:
        np.testing.assert_array_equal(file.read(1), errors)
        assert file.crs.to_string() == UTM
        assert tuple(file.transform)[:6] == NORTH_UP
        assert (file.dtypes, file.count) == (("float32",), 1)
        assert np.isnan(file.nodata)
        assert file.descriptions == ("probability of error",)
        assert file.tags()["RSQA_HEAD"] == "base"


def test_a_map_without_georeference_has_none() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with MemoryFile(encode_error_map(drawn())) as memory, memory.open() as file:
            np.testing.assert_array_equal(file.read(1), drawn())
            assert file.crs is None
            assert file.transform.is_identity


def test_tiles_are_joined_with_the_mean_where_they_overlap() -> None:
    mosaic = Mosaic(4, 7)
    left = np.full((4, 4), 0.2, dtype=np.float32)
    right = np.full((4, 4), 0.6, dtype=np.float32)
    right[0, 0] = np.nan
    mosaic.add(left, np.full((4, 4), 1, dtype=np.uint8), 0, 0, owner=0)
    mosaic.add(right, np.full((4, 4), 2, dtype=np.uint8), 2, 0, owner=1)

    joined = mosaic.errors

    np.testing.assert_allclose(joined[1], [0.2, 0.2, 0.4, 0.4, 0.6, 0.6, np.nan], rtol=1e-6)
    assert joined[0, 2] == np.float32(0.2)
    assert mosaic.classes[1].tolist() == [1, 1, 1, 1, 2, 2, VOID]
    assert mosaic.owners[1].tolist() == [0, 0, 0, 0, 1, 1, -1]
    for x, y in ((4, 0), (0, 1), (-1, 0)):
        with pytest.raises(InvalidInputError, match="Expected a tile inside 7 x 4 px"):
            mosaic.add(left, np.zeros((4, 4), dtype=np.uint8), x, y, owner=2)


def test_georeferenced_regions_are_rfc_7946_with_areas_on_the_ground() -> None:
    found = outlined(drawn(), min_px=2)

    document = json.loads(
        encode_regions(found, [{"n": 1}, {"n": 2}], crs=UTM, transform=NORTH_UP, about={"a": 1})
    )

    assert (document["type"], document["rsqa"]["a"]) == ("FeatureCollection", 1)
    assert "WGS 84" in document["rsqa"]["coordinates"]
    assert "crs" not in document
    for feature, region in zip(document["features"], found, strict=True):
        outline, *holes = feature["geometry"]["coordinates"]
        assert signed_area(outline) > 0
        assert all(signed_area(hole) < 0 for hole in holes)
        assert len(holes) == len(region.rings) - 1
        assert all(ring[0] == ring[-1] for ring in (outline, *holes))
        properties = feature["properties"]
        assert properties["area_px"] == region.area_px
        # 2 m px on the central meridian, where UTM shortens lengths to 0.9996.
        assert properties["area_m2"] == pytest.approx(4 * region.area_px / 0.9996**2, rel=1e-3)
    corner = document["features"][0]["geometry"]["coordinates"][0]
    assert min(x for x, _ in corner) == pytest.approx(-81.0, abs=1e-4)


def test_regions_without_georeference_say_that_they_are_pixels() -> None:
    for place in ({}, {"transform": NORTH_UP}, {"crs": UTM}):
        document = json.loads(encode_regions(outlined(drawn(), min_px=21), [{}], **place))

        assert document["rsqa"]["coordinates"].startswith("px of the image")
        (feature,) = document["features"]
        assert feature["properties"]["area_m2"] is None
        assert {tuple(p) for p in feature["geometry"]["coordinates"][0]} == {
            (2.0, 2.0),
            (8.0, 2.0),
            (8.0, 8.0),
            (2.0, 8.0),
        }


def test_no_region_at_all_is_an_empty_collection() -> None:
    document = json.loads(encode_regions([], [], crs=UTM, transform=NORTH_UP))

    assert document["features"] == []


def test_a_georeference_that_means_nothing_is_refused() -> None:
    found = outlined(drawn(), min_px=21)
    with pytest.raises(InvalidInputError, match="not understood"):
        encode_regions(found, [{}], crs="nonsense", transform=NORTH_UP)
    with pytest.raises(InvalidInputError, match="outside"):
        encode_regions(found, [{}], crs=UTM, transform=(1.0, 0.0, 1e30, 0.0, 1.0, 1e30))

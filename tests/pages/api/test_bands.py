"""Views by bands over HTTP: which there are, the picture, and what is refused."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from db.store import images
from rsqa_core.raster import write_tile_geotiff
from rsqa_core.records import ImageRecord, NewImage, Project
from workflows.opening import Installation

MEDIA = "/rsqa/v1/media"


@pytest.fixture
def multispectral(installation: Installation, project: Project) -> ImageRecord:
    """A tile of four bands; the infrared is bright where red is dark."""
    ramp = np.linspace(0, 3000, 16 * 16).reshape(16, 16)
    bands = np.stack([ramp, ramp, ramp, ramp[::-1, ::-1]]).astype(np.uint16)
    content = write_tile_geotiff(bands, band_names=("B02", "B03", "B04", "B08"))
    tile = installation.files.put(content, ".tif")
    new = NewImage(
        name="multispectral",
        scene="scene",
        sha256="m" * 64,
        source_name="m.tif",
        source_sha256="m" * 64,
        source_width_px=16,
        source_height_px=16,
        x_px=0,
        y_px=0,
        width_px=16,
        height_px=16,
        bands=4,
        dtype="uint16",
        tile_path=tile,
        display_path=tile,
    )
    with installation.database.begin() as session:
        return images.add(session, project.id, [new])[0]


def test_the_views_are_listed_with_why_some_are_not_there(
    client: TestClient, signed: dict[str, str], multispectral: ImageRecord, project: Project
) -> None:
    answer = client.get(f"{MEDIA}/{multispectral.id}/bands", headers=signed).json()

    views = {view["id"]: view for view in answer["views"]}
    assert views["ndvi"]["why_not"] == ""
    assert views["band-4"]["name"] == "Band 4: B08"
    assert answer["stretches"] == ["clip", "full", "deviations"]
    plain = client.get(f"{MEDIA}/1/bands", headers=signed).json()
    why = {view["id"]: view["why_not"] for view in plain["views"]}
    assert (why["true"], why["ndvi"]) == ("", "no near-infrared band")


def test_a_view_is_a_picture_that_a_browser_may_keep(
    client: TestClient, signed: dict[str, str], multispectral: ImageRecord
) -> None:
    item = client.get(f"/rsqa/v1/items/{multispectral.id}", headers=signed).json()
    address = f"{MEDIA}/{item['id']}/view/ndvi?v={item['tile_key']}"

    answer = client.get(address, headers=signed)

    assert answer.status_code == 200
    assert "immutable" in answer.headers["cache-control"]
    with Image.open(io.BytesIO(answer.content)) as picture:
        assert (picture.format, picture.size) == ("JPEG", (16, 16))
        red, _, blue = picture.getpixel((0, 0))  # type: ignore[misc]
    assert blue > red  # vegetation: the infrared is brighter than the red there
    again = client.get(address, headers={**signed, "If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304
    other = client.get(address.replace("ndvi", "ndwi"), headers=signed)
    assert other.headers["etag"] != answer.headers["etag"]
    assert item["bands"] == 4


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("1/view/ndvi", 404),
        ("1/view/nothing", 404),
        ("1/view/true?stretch=wild", 400),
        ("1/view/true?v=another", 409),
        ("1/view/..%2f..%2fsecret", 404),
        ("99/view/true", 404),
        ("99/bands", 404),
    ],
)
def test_what_is_not_there_is_refused(
    client: TestClient, signed: dict[str, str], path: str, status: int
) -> None:
    assert client.get(f"{MEDIA}/{path}", headers=signed).status_code == status


def test_views_need_a_token(client: TestClient, project: Project) -> None:
    for path in ("1/bands", "1/view/true"):
        assert client.get(f"{MEDIA}/{path}").status_code == 401

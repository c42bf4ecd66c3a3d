"""Views by bands over HTTP: which there are, the picture, and what is refused."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from starlette.testclient import TestClient

from db.store import images
from rsqa_core.raster import write_tile_geotiff
from rsqa_core.records import ImageRecord, NewImage, Project
from workflows.opening import Installation

MEDIA = "/rsqa/v1/media"
Pixels = NDArray[Any]


@pytest.fixture
def multispectral(installation: Installation, project: Project) -> ImageRecord:
    """A tile of four bands; the infrared is bright where red is dark."""
    ramp = np.linspace(0, 3000, 16 * 16).reshape(16, 16)
    return _add(installation, project, np.stack([ramp, ramp, ramp, ramp[::-1, ::-1]]))


def _add(installation: Installation, project: Project, bands: Pixels, x_px: int = 0) -> ImageRecord:
    content = write_tile_geotiff(bands.astype(np.uint16), band_names=("B02", "B03", "B04", "B08"))
    tile = installation.files.put(content, ".tif")
    new = NewImage(
        name=f"multispectral {x_px}",
        scene="scene",
        sha256=f"{x_px:064d}",
        source_name="m.tif",
        source_sha256="m" * 64,
        source_width_px=32,
        source_height_px=16,
        x_px=x_px,
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
    assert answer["stretches"] == ["clip", "full", "deviations", "tile"]
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


def test_tiles_of_one_file_are_stretched_alike_unless_asked_otherwise(
    installation: Installation,
    client: TestClient,
    signed: dict[str, str],
    multispectral: ImageRecord,
    project: Project,
) -> None:
    dark = _add(installation, project, np.full((4, 16, 16), 300.0), x_px=16)
    path = f"{MEDIA}/{dark.id}/view/band-1"

    def grey(stretch: str) -> int:
        content = client.get(f"{path}?stretch={stretch}", headers=signed).content
        with Image.open(io.BytesIO(content)) as picture:
            return int(picture.getpixel((8, 8))[0])  # type: ignore[index]

    assert grey("full") == pytest.approx(0.1 * 255, abs=2)
    assert grey("tile") == 0


def test_the_values_of_a_pixel(
    client: TestClient, signed: dict[str, str], multispectral: ImageRecord
) -> None:
    path = f"{MEDIA}/{multispectral.id}/view/ndvi/values?x=15&y=15"

    assert client.get(path, headers=signed).json() == {
        "values": {"B08": 0.0, "B04": 3000.0},
        "index": -1.0,
    }


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("1/view/ndvi", 404),
        ("1/view/nothing", 404),
        ("1/view/true?stretch=wild", 400),
        ("1/view/true?v=another", 409),
        ("1/view/ndvi/values?x=0&y=0", 404),
        ("1/view/true/values?x=0", 400),
        ("1/view/true/values?x=-1&y=0", 400),
        ("1/view/true/values?x=99999&y=0", 400),
        ("99/view/true/values?x=0&y=0", 404),
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
    for path in ("1/bands", "1/view/true", "1/view/true/values?x=0&y=0"):
        assert client.get(f"{MEDIA}/{path}").status_code == 401

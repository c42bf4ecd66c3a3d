"""Map tiles over their route: with a token of their own, which is good for nothing else."""

from __future__ import annotations

import io

import pytest
from PIL import Image
from starlette.testclient import TestClient

from pages.api import API_ROOT, mint_token
from pages.api.map_tiles import map_tile_address
from pages.api.tokens import mint_map_token
from rsqa_core.records import Project
from tests.pages.seeding import add_project
from workflows.opening import Installation


def address(token: str, layer: str = "images", z: int | str = 0, x: int = 0, y: int = 0) -> str:
    return map_tile_address(API_ROOT, layer, token, "state").format(z=z, x=x, y=y)


@pytest.fixture
def token(installation: Installation, project: Project) -> str:
    return mint_map_token(installation.settings, project.id)


def test_a_tile_is_a_picture_that_may_be_kept(client: TestClient, token: str) -> None:
    answer = client.get(address(token))
    assert answer.status_code == 200
    assert "max-age" in answer.headers["cache-control"]
    picture = Image.open(io.BytesIO(answer.content))
    assert picture.size == (256, 256)
    assert picture.getextrema()[3] == (0, 255)


def test_where_nothing_lies_there_is_an_empty_picture(client: TestClient, token: str) -> None:
    answer = client.get(address(token, x=99, y=-99))
    assert answer.status_code == 200
    assert Image.open(io.BytesIO(answer.content)).getpixel((0, 0)) == (0, 0, 0, 0)


def test_the_token_is_for_the_map_of_one_project_alone(
    client: TestClient, installation: Installation, project: Project, token: str
) -> None:
    other = add_project(installation, slug="village", image_count=0)
    empty = client.get(address(mint_map_token(installation.settings, other.id)))
    assert Image.open(io.BytesIO(empty.content)).size == (1, 1)
    assert client.get(address("")).status_code == 401
    assert client.get(address(token[:-2] + "xx")).status_code == 401
    assert (
        client.get(address(mint_token(installation.settings, "Ada", project.id))).status_code == 401
    )
    old = mint_map_token(installation.settings, project.id, now_s=0.0)
    assert client.get(address(old)).status_code == 401
    headers = {"Authorization": f"Bearer {token}"}
    assert client.get(f"{API_ROOT}/queue", headers=headers).status_code == 401


@pytest.mark.parametrize(
    ("changes", "status"),
    [({"layer": "secrets"}, 404), ({"z": 99}, 400), ({"z": "a"}, 400), ({"z": "1e9"}, 400)],
)
def test_senseless_addresses_are_refused(
    client: TestClient, token: str, changes: dict[str, str], status: int
) -> None:
    assert client.get(address(token, **changes)).status_code == status  # type: ignore[arg-type]

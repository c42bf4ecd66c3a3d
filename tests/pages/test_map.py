"""The map page: outlines, colours, and that nothing comes from outside unless it is asked for."""

from __future__ import annotations

from dataclasses import replace

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from db.store import images
from pages.api import API_ROOT
from pages.api.leaflet import leaflet_address, leaflet_route
from pages.components.map_drawing import COLOURINGS, STATUS_COLOURS, draw_map
from pages.components.map_pictures import finest_zoom_of, tiles_of
from rsqa_core.datasets.safe_colours import QUALITY_RAMP, UNKNOWN_COLOUR
from rsqa_core.records import ImageRecord
from tests.pages.conftest import OpenPage
from tests.pages.seeding import add_project, add_ready_project
from workflows.opening import Installation
from workflows.plans import plan_of


@pytest.fixture
def shown(installation: Installation) -> list[ImageRecord]:
    project = add_ready_project(installation, image_count=4)
    with installation.database.read() as session:
        return images.all_of(session, project.id)


@pytest.mark.parametrize("background", [False, True])
def test_only_a_street_map_that_was_asked_for_comes_from_outside(
    shown: list[ImageRecord], background: bool
) -> None:
    made = draw_map(
        shown,
        {image.id: [(0.0, 0.0), (0.1, 0.0), (0.1, 0.1), (0.0, 0.0)] for image in shown},
        COLOURINGS["status"],
        on_globe=True,
        tiles=f"{API_ROOT}/map/images/{{z}}/{{x}}/{{y}}",
        with_background=background,
    )
    addresses = [address for _, address in (*made.default_js, *made.default_css)]
    assert all(address.startswith(f"{API_ROOT}/leaflet/") for address in addresses)
    assert ("openstreetmap" in made.get_root().render().lower()) == background


def test_an_image_has_the_colour_of_its_value(shown: list[ImageRecord]) -> None:
    image = replace(shown[0], status="flagged", best_score=0.99, uncertainty=0.0, disagreement=None)
    assert COLOURINGS["status"].colour(image) == STATUS_COLOURS["flagged"]
    assert COLOURINGS["best"].colour(image) == QUALITY_RAMP[-1]
    assert COLOURINGS["best"].colour(replace(image, best_score=1.0)) == QUALITY_RAMP[-1]
    assert COLOURINGS["uncertainty"].colour(image) == QUALITY_RAMP[0]
    assert COLOURINGS["disagreement"].colour(image) == UNKNOWN_COLOUR
    for colouring in COLOURINGS.values():
        assert len(dict(colouring.legend())) == len(colouring.legend())


def test_the_map_shows_every_image_with_an_outline(shown: list[ImageRecord]) -> None:
    made = draw_map(
        shown,
        plan_of(shown[:3]),
        COLOURINGS["best"],
        on_globe=False,
        with_background=False,
    )
    page = made.get_root().render()
    assert [image.name in page for image in shown] == [True, True, True, False]
    assert "L.CRS.Simple" in page


def test_the_page_says_that_images_have_no_georeference(
    installation: Installation, open_page: OpenPage
) -> None:
    add_ready_project(installation, image_count=3)
    test = open_page("map")
    assert not test.exception
    assert any("No georeference" in caption.value for caption in test.caption)
    test.selectbox(key="map_colour").select("disagreement").run()
    assert not test.exception


def test_tiles_of_every_kind_can_lie_under_the_outlines(
    installation: Installation, open_page: OpenPage
) -> None:
    project = add_ready_project(installation, image_count=3)

    assert tiles_of("nothing", project) is None
    assert len({tiles_of(kind, project) for kind in ("images", "masks", "errors")}) == 3
    test = open_page("map")
    test.selectbox(key="map_pictures").select("masks").run()
    assert not test.exception
    assert any("Building" in found.value for found in test.get("html"))
    test.selectbox(key="map_pictures").select("errors").run()
    assert not test.exception
    assert any("as you zoom in" in found.value for found in test.caption)


def test_the_finest_zoom_shows_every_pixel(shown: list[ImageRecord]) -> None:
    # 64 px over a 256th of the globe's width: 1 px of zoom 0, so 64 px at zoom 6.
    ring = [(0.0, 0.0), (360 / 256, 0.0), (360 / 256, -0.1), (0.0, -0.1)]
    rings = {shown[0].id: ring}
    assert finest_zoom_of(shown, rings, on_globe=True, largest=22) == 6
    assert finest_zoom_of(shown, rings, on_globe=True, largest=4) == 4
    assert finest_zoom_of(shown, rings, on_globe=False, largest=22) == 0


def test_a_project_without_images_leads_to_the_import(
    installation: Installation, open_page: OpenPage
) -> None:
    add_project(installation, image_count=0)
    test = open_page("map")
    assert not test.exception
    assert [button.label for button in test.button if button.label == "Import images"]


def test_leaflet_is_served_from_its_package_and_nothing_else_is() -> None:
    client = TestClient(Starlette(routes=[leaflet_route(API_ROOT)]))
    script = client.get(leaflet_address(API_ROOT, "leaflet.js"))
    assert script.headers["content-type"].startswith("text/javascript")
    assert "Leaflet" in script.text[:200]
    assert client.get(leaflet_address(API_ROOT, "leaflet.css")).status_code == 200
    for name in ("leaflet-src.js", "..%2F__init__.py", "x"):
        assert client.get(leaflet_address(API_ROOT, name)).status_code == 404


def test_an_image_far_smaller_than_the_map_stays_in_sight(shown: list[ImageRecord]) -> None:
    rings = {
        shown[0].id: [(0.0, 0.0), (50.0, 0.0), (50.0, 50.0), (0.0, 0.0)],
        shown[1].id: [(60.0, 0.0), (60.1, 0.0), (60.1, 0.1), (60.0, 0.0)],
    }
    made = draw_map(
        shown,
        rings,
        COLOURINGS["status"],
        on_globe=True,
        with_background=False,
    )
    (outlines,) = [child for child in made._children.values() if hasattr(child, "data")]
    weights = [feature["properties"]["weight"] for feature in outlines.data["features"]]
    assert weights == [2, 10]

"""Tiles of a project's map, drawn from its own pictures."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from db.store import images, projects
from rsqa_core.raster.map_tiles import SIDE_PX
from rsqa_core.settings import Settings
from tests.browser.seeding import Seeded, seed_project
from tests.workflows.harbour import SLUG
from workflows import map_tiles
from workflows.map_tiles import map_state, map_tile
from workflows.opening import Installation, open_installation
from workflows.plans import plan_of

IMAGE_PX = 64


@pytest.fixture
def shown(tmp_path: Path) -> Iterator[tuple[Installation, Seeded]]:
    """Images that can be looked at, with masks and scores."""
    installation = open_installation(Settings(home=tmp_path / "shown"))
    yield installation, seed_project(installation, image_count=6, side_px=IMAGE_PX)
    installation.database.close()


def project_id(installation: Installation) -> int:
    with installation.database.read() as session:
        return projects.get(session, SLUG).id


def opened(content: bytes | None) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    assert content is not None
    return np.asarray(Image.open(io.BytesIO(content)))


def test_a_tile_of_a_plan_shows_the_image_that_lies_there(
    shown: tuple[Installation, Seeded],
) -> None:
    installation, seeded = shown
    tile = opened(map_tile(installation, seeded.project.id, "images", 0, 0, 0))

    assert tile.shape == (SIDE_PX, SIDE_PX, 4)
    with installation.database.read() as session:
        every = images.all_of(session, seeded.project.id)
    (x, y), *_ = plan_of(every)[every[0].id]
    left, top = round(x), round(-y) - IMAGE_PX
    with Image.open(installation.files.path(every[0].display_path)) as stored:
        wanted = np.asarray(stored.convert("RGB")).astype(int)
    found = tile[top : top + IMAGE_PX, left : left + IMAGE_PX, :3].astype(int)
    assert np.abs(found - wanted).mean() < 2
    assert map_tile(installation, seeded.project.id, "images", 0, 50, 50) is None


def test_masks_lie_over_the_images(shown: tuple[Installation, Seeded]) -> None:
    installation, seeded = shown
    plain, masked = (
        opened(map_tile(installation, seeded.project.id, layer, 0, 0, 0))  # type: ignore[arg-type]
        for layer in ("images", "masks")
    )
    assert (plain[..., 3] == masked[..., 3]).all()
    assert (plain != masked).any()


def test_error_maps_are_made_when_they_are_looked_at(
    scored: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workflows.error_images import make_error_images

    asked: list[int] = []

    class Here:
        def ask(self, op: str, image_id: int) -> int:
            asked.append(image_id)
            return make_error_images(scored, image_id)

    monkeypatch.setattr(map_tiles, "model_process", lambda settings: Here())
    first = opened(map_tile(scored, project_id(scored), "errors", 0, 0, 0))
    assert len(asked) == map_tiles.ERRORS_MADE
    again = opened(map_tile(scored, project_id(scored), "errors", 0, 0, 0))
    assert len(set(asked)) == len(asked)  # none twice
    assert (again[..., 3] > 0).sum() > (first[..., 3] > 0).sum()


def test_a_tile_of_too_many_images_shows_their_places(
    shown: tuple[Installation, Seeded], monkeypatch: pytest.MonkeyPatch
) -> None:
    installation, seeded = shown
    before = opened(map_tile(installation, seeded.project.id, "images", -1, 0, 0))
    monkeypatch.setattr(map_tiles, "MOST_PICTURES", 2)
    map_tiles._kept.cache_clear()
    places = opened(map_tile(installation, seeded.project.id, "images", -1, 0, 0))
    assert len(np.unique(places[places[..., 3] > 0], axis=0)) == 1
    assert len(np.unique(before[before[..., 3] > 0], axis=0)) > 10
    map_tiles._kept.cache_clear()


def test_the_state_changes_with_what_tiles_show(segmented: Installation) -> None:
    from workflows.scoring import score_project

    before = map_state(segmented, project_id(segmented))
    assert map_state(segmented, project_id(segmented)) == before
    score_project(segmented, SLUG)
    assert map_state(segmented, project_id(segmented)) != before

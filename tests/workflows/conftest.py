"""A project to segment, score and retrain, with stand-ins for every trained model.

Templates are made once a session and copied for each test. What they need is imported inside the
fixtures, because tests of other workflows do without networks.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rsqa_core.settings import Settings
from workflows.opening import Installation, open_installation

if TYPE_CHECKING:
    from tests.rsqa_core.standins import BandSegmenter, ColourEncoder


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Keep networks to one thread: tests run beside other work."""
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(1)


@dataclass
class Models:
    """What takes the place of shipped models."""

    encoder: ColourEncoder
    segmenters: list[BandSegmenter]
    weights: Path
    loads: int = 0


@pytest.fixture(scope="session")
def base_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a base head and its figures."""
    from tests.workflows.harbour import train_base

    folder = tmp_path_factory.mktemp("weights")
    train_base(folder)
    return folder


def put_in_place(models: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    from rsqa_core.encoders import openclip
    from rsqa_core.heads import head
    from rsqa_core.segmenters import network

    def load(*_: Any, **__: Any) -> ColourEncoder:
        models.loads += 1
        return models.encoder

    monkeypatch.setattr(head, "WEIGHTS_DIR", models.weights)
    monkeypatch.setattr(openclip, "load_encoder", load)
    monkeypatch.setattr(network, "shipped_segmenters", lambda: models.segmenters)


def make_models(weights: Path) -> Models:
    from tests.rsqa_core.standins import ColourEncoder
    from tests.workflows.harbour import make_segmenters

    return Models(ColourEncoder(), make_segmenters(), weights)


@pytest.fixture
def models(base_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Models:
    """The models that workflows find in this test instead of the shipped ones."""
    weights = tmp_path / "weights"
    shutil.copytree(base_weights, weights)
    made = make_models(weights)
    put_in_place(made, monkeypatch)
    return made


def _template(
    folder: Path, start: Path | None, work: Callable[[Installation], object], weights: Path
) -> Path:
    home = folder / "home"
    if start is not None:
        shutil.copytree(start, home)
    with pytest.MonkeyPatch.context() as patch:
        put_in_place(make_models(weights), patch)
        installation = open_installation(Settings(home=home))
        work(installation)
        installation.database.close()
    return home


@pytest.fixture(scope="session")
def imported_home(tmp_path_factory: pytest.TempPathFactory, base_weights: Path) -> Path:
    from tests.workflows.harbour import fill

    return _template(tmp_path_factory.mktemp("imported"), None, fill, base_weights)


@pytest.fixture(scope="session")
def segmented_home(
    tmp_path_factory: pytest.TempPathFactory, imported_home: Path, base_weights: Path
) -> Path:
    from tests.workflows.harbour import SLUG
    from workflows.segmenting import segment_project

    return _template(
        tmp_path_factory.mktemp("segmented"),
        imported_home,
        lambda installation: segment_project(installation, SLUG),
        base_weights,
    )


@pytest.fixture(scope="session")
def scored_home(
    tmp_path_factory: pytest.TempPathFactory, segmented_home: Path, base_weights: Path
) -> Path:
    from tests.workflows.harbour import SLUG
    from workflows.scoring import score_project

    return _template(
        tmp_path_factory.mktemp("scored"),
        segmented_home,
        lambda installation: score_project(installation, SLUG),
        base_weights,
    )


def _opened(template: Path, tmp_path: Path) -> Iterator[Installation]:
    shutil.copytree(template, tmp_path / "home")
    installation = open_installation(Settings(home=tmp_path / "home"))
    yield installation
    installation.database.close()


@pytest.fixture
def imported(imported_home: Path, models: Models, tmp_path: Path) -> Iterator[Installation]:
    """The harbour without candidates."""
    yield from _opened(imported_home, tmp_path)


@pytest.fixture
def segmented(segmented_home: Path, models: Models, tmp_path: Path) -> Iterator[Installation]:
    """The harbour with candidates of every stand-in segmenter."""
    yield from _opened(segmented_home, tmp_path)


@pytest.fixture
def scored(scored_home: Path, models: Models, tmp_path: Path) -> Iterator[Installation]:
    """The harbour with scores by the base head, which is its current one."""
    yield from _opened(scored_home, tmp_path)

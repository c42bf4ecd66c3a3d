"""What shipped models train on, and what a training run leaves."""

from __future__ import annotations

import functools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from rsqa_core.datasets.classes import DEFAULT_CLASSES
from rsqa_core.errors import InvalidInputError
from rsqa_core.heads.head import load_head
from rsqa_core.records import VOID
from rsqa_core.scenes import Scene, render_scene
from rsqa_core.segmenters.network import load_segmenter
from rsqa_core.training import segmenter as segmenter_training
from tests.rsqa_core.standins import BandSegmenter
from tests.workflows.conftest import Models
from tests.workflows.harbour import (
    SCENES,
    SIDE_PX,
    SLUG,
    TILES_A_SCENE,
    add_project,
    add_tiles,
    draw_tile,
    source_of,
)
from workflows import training, training_segmenter
from workflows.commands import train_head as train_head_command
from workflows.commands import train_segmenter as train_segmenter_command
from workflows.opening import Installation
from workflows.training import (
    HEAD_SEEDS,
    MAX_SCENE_FOLDS,
    SEGMENTER_SEEDS,
    current_commit,
    head_images,
    labelled_scenes,
    train_base_head,
)
from workflows.training_segmenter import measure_segmenter, train_and_save_segmenter

TILES = len(SCENES) * TILES_A_SCENE
SMALLEST = "deeplabv3plus-lcnet"


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Small generated scenes; the list holds the seeds that were asked for."""
    seeds: list[int] = []

    def small(*, seed: int) -> Scene:
        seeds.append(seed)
        return replace(render_scene(seed=seed % 7, size_px=64), seed=seed)

    monkeypatch.setattr(training, "render_scene", small)
    return seeds


def test_a_scene_is_put_together_from_its_tiles(imported: Installation) -> None:
    (scene,) = labelled_scenes(imported, SLUG, ["south"], 0, 0)

    assert scene.rgb.shape == (3, SIDE_PX, SIDE_PX * TILES_A_SCENE)
    assert scene.source == SLUG
    for place in range(TILES_A_SCENE):
        rgb, mask = draw_tile(10 + place)
        window = slice(SIDE_PX * place, SIDE_PX * (place + 1))
        assert np.array_equal(scene.rgb[:, :, window], rgb)
        assert np.array_equal(scene.reference_mask[:, window], mask)


def test_where_there_is_no_tile_nothing_is_labelled(imported: Installation) -> None:
    project = add_project(imported, "gaps")
    first, _ = add_tiles(imported, project, "north", range(2))

    scene = training._whole(imported, [first], "gaps")

    assert scene.rgb.shape == (3, SIDE_PX, 2 * SIDE_PX)
    assert (scene.reference_mask[:, SIDE_PX:] == VOID).all()
    assert (scene.reference_mask[:, :SIDE_PX] != VOID).any()


def test_generated_scenes_stand_beside_the_projects_own(
    imported: Installation, rendered: list[int]
) -> None:
    found = labelled_scenes(imported, SLUG, ["north", "west"], 2, SEGMENTER_SEEDS)

    assert [scene.source for scene in found] == [SLUG, SLUG, "generated", "generated"]
    assert rendered == [SEGMENTER_SEEDS, SEGMENTER_SEEDS + 1]


def test_segmenters_and_the_head_never_share_generated_scenes() -> None:
    # The default of `rsqa train-segmenter` is 200 scenes; the head's begin far beyond.
    assert HEAD_SEEDS - SEGMENTER_SEEDS >= 10_000


def test_scenes_without_masks_cannot_be_trained_on(imported: Installation) -> None:
    project = add_project(imported, "bare")
    add_tiles(imported, project, "north", range(2), with_reference=False)

    with pytest.raises(InvalidInputError, match=r"'bare' has no reference masks in scenes north"):
        labelled_scenes(imported, "bare", ["north"], 0, 0)


def test_the_head_learns_from_every_tile_and_its_scene_is_its_fold(
    imported: Installation, rendered: list[int]
) -> None:
    drawn, count = head_images(imported, [SLUG], generated=2, stress=0, seed=0)
    found = list(drawn)

    assert len(found) == count == TILES + 2
    assert [image.fold for image in found] == [
        *(f"{SLUG}/{scene}" for scene in SCENES for _ in range(TILES_A_SCENE)),
        "",
        "",
    ]
    assert found[0].source == source_of("north")
    assert np.array_equal(found[0].rgb, draw_tile(0)[0])
    assert np.array_equal(found[0].reference_mask, draw_tile(0)[1])
    assert rendered == [HEAD_SEEDS, HEAD_SEEDS + 1]


def test_stress_adds_changed_copies_of_the_same_labels(imported: Installation) -> None:
    drawn, count = head_images(imported, [SLUG], generated=0, stress=2, seed=0)
    found = list(drawn)

    assert len(found) == count == 3 * TILES
    plain, *changed = found[:3]
    for copy in changed:
        assert not np.array_equal(copy.rgb, plain.rgb)
        assert np.array_equal(copy.reference_mask, plain.reference_mask)
        assert (copy.fold, copy.source) == (plain.fold, plain.source)


def test_a_project_of_many_scenes_is_one_fold(imported: Installation) -> None:
    project = add_project(imported, "many")
    for number in range(MAX_SCENE_FOLDS + 1):
        add_tiles(imported, project, f"s{number}", range(number, number + 1))

    drawn, _ = head_images(imported, ["many"], generated=0, stress=0, seed=0)

    assert {image.fold for image in drawn} == {"many"}


def test_tiles_without_reference_teach_the_head_nothing(imported: Installation) -> None:
    project = add_project(imported, "half")
    add_tiles(imported, project, "north", range(2))
    add_tiles(imported, project, "south", range(2, 4), with_reference=False)

    drawn, count = head_images(imported, ["half"], generated=0, stress=0, seed=0)

    assert len(list(drawn)) == count == 2


@pytest.mark.usefixtures("rendered")
def test_a_base_head_is_written_with_its_card(
    imported: Installation, models: Models, tmp_path: Path
) -> None:
    folder = tmp_path / "out"

    figures = train_base_head(
        imported, [SLUG], encoder_name="colours", generated=1, stress=0, folder=folder
    )

    head = load_head(folder / "base.safetensors")
    assert list(head.card.folds) == sorted(f"{SLUG}/{scene}" for scene in SCENES)
    assert head.card.folds[f"{SLUG}/north"] == (source_of("north"),)
    assert head.card.encoder_fingerprint == models.encoder.fingerprint
    assert head.card.encoder_name == "colours"
    assert json.loads((folder / "base.json").read_text()) == figures
    assert figures["held_out_folds"]["all"]["candidates"] == 3 * TILES
    assert figures["commit"] == current_commit()
    assert f"project {SLUG}" in (folder / "base.md").read_text()


@pytest.mark.usefixtures("rendered")
def test_the_command_trains_a_head_into_a_folder(
    imported: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RSQA_HOME", str(imported.settings.home))

    result = CliRunner().invoke(
        train_head_command.command,
        ["--project", SLUG, "--generated", "0", "--stress", "0", "--out", str(tmp_path / "out")],
    )

    assert result.exit_code == 0, result.output
    assert f"({3 * TILES} candidates)" in result.output
    assert (tmp_path / "out" / "base.safetensors").exists()


def test_a_segmenter_is_measured_on_the_scenes_it_never_saw(imported: Installation) -> None:
    figures = measure_segmenter(imported, BandSegmenter("near", 0.1), SLUG, ["north"])

    assert set(figures) == {"south", "west"}
    assert all(0.2 < row["overall_accuracy"] < 1 for row in figures.values())


def test_scenes_without_masks_are_left_out_of_the_measure(imported: Installation) -> None:
    project = add_project(imported, "half")
    add_tiles(imported, project, "north", range(1))
    add_tiles(imported, project, "south", range(1, 2))
    add_tiles(imported, project, "bare", range(2, 3), with_reference=False)

    figures = measure_segmenter(imported, BandSegmenter("near", 0.1), "half", ["north"])

    assert set(figures) == {"south"}


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Training runs of two crops of 64 px a step."""
    monkeypatch.setattr(
        segmenter_training,
        "SegmenterTraining",
        functools.partial(segmenter_training.SegmenterTraining, batch=2, side_px=64),
    )
    monkeypatch.setattr(
        segmenter_training,
        "describe_features",
        functools.partial(segmenter_training.describe_features, crops=4),
    )


@pytest.mark.usefixtures("tiny", "rendered")
def test_a_trained_segmenter_is_written_with_its_card(
    imported: Installation, tmp_path: Path
) -> None:
    folder = tmp_path / "out"

    figures = train_and_save_segmenter(
        imported, SMALLEST, SLUG, ["north", "south"], generated=1, folder=folder, steps=2
    )

    loaded = load_segmenter(folder / f"{SMALLEST}.safetensors")
    assert loaded.classes == tuple(c.name for c in DEFAULT_CLASSES)
    assert loaded.reference is not None
    assert loaded.trained_on == {source_of("north"), source_of("south")}
    assert set(figures) == {"west"}
    card = (folder / f"{SMALLEST}.md").read_text()
    assert "scenes north, south of project harbour, 1 generated scenes" in card
    assert f"| west | {figures['west']['overall_accuracy']:.3f}" in card
    assert f"rsqa train-segmenter {SMALLEST} --project {SLUG}" in card
    assert not list((imported.settings.home / "training").glob("*"))


def test_the_training_command_passes_its_options_on_and_prints_the_figures(
    imported: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def train(installation: Installation, *arguments: Any, **options: Any) -> Any:
        assert installation.settings.home == imported.settings.home
        del options["progress"]
        asked.extend([arguments, options])
        return {"west": {"overall_accuracy": 0.625, "mean_iou": 0.625}}

    monkeypatch.setenv("RSQA_HOME", str(imported.settings.home))
    monkeypatch.setattr(training_segmenter, "train_and_save_segmenter", train)
    options = ["--project", SLUG, "--scene", "north", "--scene", "south", "--generated", "0"]
    more = ["--steps", "7", "--seed", "3", "--out", str(tmp_path)]

    result = CliRunner().invoke(train_segmenter_command.command, [SMALLEST, *options, *more])

    assert result.exit_code == 0, result.output
    assert asked == [
        (SMALLEST, SLUG, ("north", "south")),
        {"generated": 0, "steps": 7, "seed": 3, "folder": tmp_path},
    ]
    assert "west: " in result.output
    assert "0.625" in result.output
    assert str(tmp_path) in result.output


def test_the_commit_is_that_of_the_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(current_commit()) == 12

    def missing(*_: object, **__: object) -> None:
        raise FileNotFoundError("git")

    monkeypatch.setattr(training.subprocess, "run", missing)
    assert current_commit() == "unknown"

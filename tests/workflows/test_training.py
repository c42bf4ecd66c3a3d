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

from db.store import candidates, images, projects
from rsqa_core.datasets.classes import DEFAULT_CLASSES
from rsqa_core.errors import InvalidInputError
from rsqa_core.heads.head import load_head
from rsqa_core.records import VOID, is_synthetic
from rsqa_core.scenes import Scene, render_scene
from rsqa_core.segmenters.network import load_segmenter
from rsqa_core.training import segmenter as segmenter_training
from rsqa_core.training.head_data import HeadData
from tests.rsqa_core.standins import BandSegmenter, ColourEncoder
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
from workflows.degrading import degrade_project
from workflows.opening import Installation
from workflows.segmenting import segment_project
from workflows.training import (
    MAX_SCENE_FOLDS,
    SEGMENTER_SEEDS,
    SYNTHETIC_WEIGHT,
    current_commit,
    head_data,
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


def test_scenes_without_masks_cannot_be_trained_on(imported: Installation) -> None:
    project = add_project(imported, "bare")
    add_tiles(imported, project, "north", range(2), with_reference=False)

    with pytest.raises(InvalidInputError, match=r"'bare' has no reference masks in scenes north"):
        labelled_scenes(imported, "bare", ["north"], 0, 0)


def labels_of(installation: Installation, slug: str = SLUG) -> HeadData:
    encoder = ColourEncoder()
    return head_data(installation, slug, (encoder.name, encoder.fingerprint))


def test_the_head_learns_from_every_candidate_and_its_scene_is_its_fold(
    segmented: Installation,
) -> None:
    found = labels_of(segmented)

    assert found.fold_names == tuple(f"{SLUG}/{s}" for s in SCENES for _ in range(TILES_A_SCENE))
    assert len(found.inputs) == 3 * TILES
    assert (found.weights == 1).all()
    with segmented.database.read() as session:
        project = projects.get(session, SLUG)
        measured = {
            (i.sha256, c.segmenter): c.overall_accuracy
            for i in images.all_of(session, project.id)
            for c in candidates.of_images(session, [i.id])[i.id]
        }
    keys = zip(found.places.images, found.places.segmenters, strict=True)
    assert found.targets == pytest.approx([measured[key] for key in keys])
    share = found.cell_valid / found.cell_valid.sum(axis=1, keepdims=True)
    assert (np.nan_to_num(found.cell_targets) * share).sum(axis=1) == pytest.approx(found.targets)
    wrong = np.nanmean(found.pixels[:, :, 3])
    assert wrong == pytest.approx(1 - found.targets.mean(), abs=0.1)


def test_a_degraded_mask_teaches_less_and_is_no_peer_of_real_ones(segmented: Installation) -> None:
    before = labels_of(segmented)
    degrade_project(segmented, SLUG, count=1)

    after = labels_of(segmented)

    made = np.array([is_synthetic(name) for name in after.places.segmenters])
    assert made.sum() == TILES
    assert (after.weights[made] == np.float32(SYNTHETIC_WEIGHT)).all()
    np.testing.assert_array_equal(after.inputs.rows[~made], before.inputs.rows)


def test_a_project_of_many_scenes_is_one_fold(imported: Installation) -> None:
    project = add_project(imported, "many")
    for number in range(MAX_SCENE_FOLDS + 1):
        add_tiles(imported, project, f"s{number}", range(number, number + 1))
    segment_project(imported, "many")

    assert set(labels_of(imported, "many").fold_names) == {"many"}


def test_tiles_without_reference_teach_the_head_nothing(imported: Installation) -> None:
    project = add_project(imported, "half")
    add_tiles(imported, project, "north", range(2))
    add_tiles(imported, project, "south", range(2, 4), with_reference=False)
    segment_project(imported, "half")

    assert len(labels_of(imported, "half").inputs) == 2 * 3


def test_without_any_reference_nothing_can_be_learnt(imported: Installation) -> None:
    project = add_project(imported, "bare")
    add_tiles(imported, project, "north", range(2), with_reference=False)
    segment_project(imported, "bare")

    with pytest.raises(InvalidInputError, match="'bare' has no candidate with a reference mask"):
        labels_of(imported, "bare")


def test_a_base_head_is_written_with_its_card(
    segmented: Installation, models: Models, tmp_path: Path
) -> None:
    folder = tmp_path / "out"

    figures = train_base_head(segmented, [SLUG], encoder_name="colours", folder=folder)

    head = load_head(folder / "base.safetensors")
    assert list(head.card.folds) == sorted(f"{SLUG}/{scene}" for scene in SCENES)
    assert head.card.folds[f"{SLUG}/north"] == (source_of("north"),)
    assert head.card.encoder_fingerprint == models.encoder.fingerprint
    assert head.card.encoder_name == "colours"
    assert json.loads((folder / "base.json").read_text()) == figures
    assert figures["held_out_folds"]["all"]["candidates"] == 3 * TILES
    assert figures["commit"] == current_commit()
    assert f"project {SLUG}" in (folder / "base.md").read_text()


def test_the_command_trains_a_head_into_a_folder(
    segmented: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RSQA_HOME", str(segmented.settings.home))

    result = CliRunner().invoke(
        train_head_command.command,
        ["--project", SLUG, "--out", str(tmp_path / "out")],
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

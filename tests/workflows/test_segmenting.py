"""Candidates of a project: what is recorded, what is kept, and going on after a stop."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from db.store import candidates, images, projects, scores
from rsqa_core.errors import CancelledError, InvalidInputError, NotFoundError
from rsqa_core.features.keys import candidate_key, segmenter_features
from rsqa_core.features.names import SEGMENTER_GROUPS, names_of
from rsqa_core.files import turn
from rsqa_core.metrics import overall_accuracy
from rsqa_core.raster import area_shares, pixel_sha256, read_mask, read_rgb
from rsqa_core.records import Candidate, ClassDef, ImageRecord
from rsqa_core.segmenters import released
from tests.rsqa_core.standins import CLASSES, BandSegmenter
from tests.workflows.conftest import Models
from tests.workflows.harbour import (
    SCENES,
    SLUG,
    TILES_A_SCENE,
    add_project,
    add_tiles,
    make_segmenters,
)
from workflows import segmenting
from workflows.commands import segment as segment_command
from workflows.opening import Installation
from workflows.segmenter_cache import load_sides
from workflows.segmenting import SegmentReport, segment_project

TILES = len(SCENES) * TILES_A_SCENE
CALLS_A_CANDIDATE = 4
"""The image itself, and three changed copies for the consistency group."""


def recorded(
    installation: Installation, slug: str = SLUG
) -> tuple[list[ImageRecord], list[Candidate]]:
    with installation.database.read() as session:
        project = projects.get(session, slug)
        return images.all_of(session, project.id), candidates.all_of(session, project.id)


def test_every_image_gets_a_candidate_of_every_segmenter(
    imported: Installation, models: Models
) -> None:
    report = segment_project(imported, SLUG)

    tiles, found = recorded(imported)
    assert report == SegmentReport(images=TILES, made=3 * TILES, already_there=0)
    assert {(c.image_id, c.segmenter) for c in found} == {
        (tile.id, name) for tile in tiles for name in ("near", "off", "far")
    }
    assert all(segmenter.calls == CALLS_A_CANDIDATE * TILES for segmenter in models.segmenters)


def test_a_limit_stops_after_so_many_images_and_says_how_many_are_left(
    imported: Installation,
) -> None:
    first = segment_project(imported, SLUG, limit=1)

    assert first == SegmentReport(TILES, made=3, already_there=0, images_left=TILES - 1)
    rest = segment_project(imported, SLUG, limit=TILES)
    assert rest == SegmentReport(TILES, made=3 * (TILES - 1), already_there=3, images_left=0)


def test_a_candidate_is_what_its_segmenter_says(imported: Installation) -> None:
    segment_project(imported, SLUG)

    tiles, found = recorded(imported)
    by_name = {segmenter.name: segmenter for segmenter in make_segmenters()}
    tile_of = {tile.id: tile for tile in tiles}
    files = imported.files
    for candidate in found:
        tile, segmenter = tile_of[candidate.image_id], by_name[candidate.segmenter]
        expected = segmenter.predict(read_rgb(files.path(tile.tile_path), tile.stretch)).mask
        reference = read_mask(files.path(str(tile.reference_mask_path)))
        accuracy = overall_accuracy(expected, reference)
        assert accuracy is not None
        assert np.array_equal(read_mask(files.path(candidate.mask_path)), expected)
        assert candidate.mask_sha256 == pixel_sha256(expected)
        assert candidate.segmenter_fingerprint == segmenter.fingerprint
        assert candidate.area_shares == pytest.approx(area_shares(expected, len(CLASSES)))
        assert candidate.overall_accuracy == pytest.approx(accuracy.overall_accuracy)
        assert candidate.valid_px == accuracy.valid_px


def test_each_candidate_is_described_while_at_it(imported: Installation) -> None:
    segment_project(imported, SLUG)

    tiles, found = recorded(imported)
    tile_of = {tile.id: tile for tile in tiles}
    for segmenter in make_segmenters():
        store = segmenter_features(imported.settings.features_dir, segmenter.fingerprint)
        keys = [
            candidate_key(tile_of[c.image_id].sha256, c.mask_sha256)
            for c in found
            if c.segmenter == segmenter.name
        ]
        rows = store.load(keys)
        assert len(rows) == TILES
        sides = load_sides(imported.settings.features_dir, segmenter.fingerprint, keys, 5)
        assert sides.keys() == rows.keys()
        for side in sides.values():
            assert side.row.shape == (len(names_of(SEGMENTER_GROUPS)),)
            assert np.isfinite(side.row).all()
            assert np.isfinite(side.cells).all()
            assert side.soft is not None
            assert side.soft.sum(axis=0) == pytest.approx(np.ones(side.soft.shape[1:]), abs=5e-3)


def test_a_candidate_whose_features_are_gone_is_described_again_and_keeps_its_place(
    scored: Installation, models: Models
) -> None:
    tiles, before = recorded(scored)
    near = models.segmenters[0]
    shutil.rmtree(scored.settings.features_dir)

    report = segment_project(scored, SLUG, segmenters=[near])

    assert (report.made, report.already_there) == (TILES, 0)
    assert recorded(scored)[1] == before
    keys = [
        candidate_key(tile.sha256, c.mask_sha256)
        for tile in tiles
        for c in before
        if c.image_id == tile.id and c.segmenter == near.name
    ]
    assert not segmenter_features(scored.settings.features_dir, near.fingerprint).missing(keys)
    with scored.database.read() as session:
        project = projects.get(session, SLUG)
        assert len(scores.of_head(session, project.id, str(project.active_head_id))) == 3 * TILES


def test_a_run_waits_for_another_one_on_the_same_project(
    imported: Installation, models: Models
) -> None:
    with imported.database.read() as session:
        project = projects.get(session, SLUG)
    steps = []

    def progress(step: str, done: int, total: int) -> None:
        steps.append(step)
        if step.startswith("waiting"):
            raise CancelledError("seen")

    with (
        turn(imported.settings.locks_dir / f"segment-{project.id}", lambda: None),
        pytest.raises(CancelledError),
    ):
        segment_project(imported, SLUG, progress=progress)
    assert steps == ["waiting for another run on this project"]
    assert not any(segmenter.calls for segmenter in models.segmenters)


def test_a_second_call_makes_nothing(segmented: Installation, models: Models) -> None:
    before = recorded(segmented)

    report = segment_project(segmented, SLUG)

    assert report == SegmentReport(images=TILES, made=0, already_there=3 * TILES)
    assert all(segmenter.calls == 0 for segmenter in models.segmenters)
    assert recorded(segmented) == before


def test_a_stopped_run_keeps_what_was_finished_and_goes_on_from_there(
    imported: Installation, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segmenting, "IMAGES_PER_COMMIT", 2)

    def stopping(step: str, done: int, total: int) -> None:
        assert total == TILES
        if done == 5:
            raise CancelledError("stop")

    with pytest.raises(CancelledError):
        segment_project(imported, SLUG, progress=stopping)
    assert len(recorded(imported)[1]) == 4 * 3  # the fifth image was not committed

    for segmenter in models.segmenters:
        segmenter.calls = 0
    steps: list[tuple[int, int]] = []
    report = segment_project(
        imported, SLUG, progress=lambda step, done, total: steps.append((done, total))
    )

    assert report == SegmentReport(images=TILES, made=3 * (TILES - 4), already_there=12)
    assert [s.calls for s in models.segmenters] == [CALLS_A_CANDIDATE * (TILES - 4)] * 3
    assert steps[0] == (0, TILES - 4)
    assert steps[-1] == (TILES - 4, TILES - 4)
    assert len(recorded(imported)[1]) == 3 * TILES


def test_only_images_of_the_scene_that_was_asked_for(imported: Installation) -> None:
    report = segment_project(imported, SLUG, scene="south")

    tiles, found = recorded(imported)
    south = {tile.id for tile in tiles if tile.scene == "south"}
    assert report == SegmentReport(images=TILES_A_SCENE, made=3 * TILES_A_SCENE, already_there=0)
    assert {candidate.image_id for candidate in found} == south


def test_a_new_segmenter_joins_and_the_others_are_kept(
    segmented: Installation, models: Models
) -> None:
    extra = BandSegmenter("extra", 1.0)

    report = segment_project(segmented, SLUG, segmenters=[*models.segmenters, extra])

    assert report == SegmentReport(images=TILES, made=TILES, already_there=3 * TILES)
    assert extra.calls == CALLS_A_CANDIDATE * TILES
    assert models.segmenters[0].calls == 0


def test_a_segmenter_of_other_weights_replaces_its_candidates_and_their_scores(
    scored: Installation, models: Models
) -> None:
    models.segmenters[2] = BandSegmenter("far", 0.6)

    report = segment_project(scored, SLUG)

    assert report == SegmentReport(images=TILES, made=TILES, already_there=2 * TILES)
    _, found = recorded(scored)
    assert {c.version for c in found if c.segmenter == "far"} == {2}
    assert {c.version for c in found if c.segmenter != "far"} == {1}
    with scored.database.read() as session:
        project = projects.get(session, SLUG)
        unscored = set(scores.unscored(session, project.id, str(project.active_head_id)))
    assert unscored == {c.id for c in found if c.segmenter == "far"}


def test_an_image_without_reference_has_no_measured_accuracy(imported: Installation) -> None:
    project = add_project(imported, "bare")
    add_tiles(imported, project, "north", range(2), with_reference=False)

    segment_project(imported, "bare")

    _, found = recorded(imported, "bare")
    assert len(found) == 6
    assert all((c.overall_accuracy, c.valid_px) == (None, None) for c in found)


def test_masks_are_in_the_classes_of_the_project(imported: Installation) -> None:
    classes = (ClassDef(0, "Rest", (9, 9, 9)), ClassDef(1, "Water", (0, 0, 200)))
    project = add_project(imported, "waters", classes=classes, class_map={"*": "rest"})
    (tile,) = add_tiles(imported, project, "north", range(1))

    segment_project(imported, "waters")

    rgb = read_rgb(imported.files.path(tile.tile_path), tile.stretch)
    by_name = {segmenter.name: segmenter for segmenter in make_segmenters()}
    for candidate in recorded(imported, "waters")[1]:
        probs = by_name[candidate.segmenter].predict(rgb).probs
        expected = (probs[CLASSES.index("Water")] > 0.5).astype(np.uint8)
        assert np.array_equal(read_mask(imported.files.path(candidate.mask_path)), expected)
        assert len(candidate.area_shares) == 2


def test_classes_that_no_segmenter_knows_are_refused_before_anything_is_made(
    imported: Installation,
) -> None:
    classes = (ClassDef(0, "wheat", (9, 9, 9)), ClassDef(1, "maize", (0, 0, 200)))
    project = add_project(imported, "fields", classes=classes)
    add_tiles(imported, project, "north", range(1))

    with pytest.raises(InvalidInputError, match=r"wheat, maize.*--map"):
        segment_project(imported, "fields")
    assert recorded(imported, "fields")[1] == []


def test_unknown_names_are_refused_with_the_known_ones(imported: Installation) -> None:
    with pytest.raises(NotFoundError, match=f"Did you mean '{SLUG}'"):
        segment_project(imported, "harbor")
    with pytest.raises(NotFoundError, match=r"scene is called 'east'.*north, south, west"):
        segment_project(imported, SLUG, scene="east")


def test_a_project_without_images_says_what_to_do(imported: Installation) -> None:
    add_project(imported, "empty")

    with pytest.raises(InvalidInputError, match=r"no images.*rsqa import PATH --project empty"):
        segment_project(imported, "empty")


def test_without_any_segmenter_weights_the_way_out_is_named(
    imported: Installation, models: Models
) -> None:
    models.segmenters.clear()

    with pytest.raises(NotFoundError, match=r"no segmenter weights.*rsqa train-segmenter"):
        segment_project(imported, SLUG)


def test_the_command_says_what_it_made_and_what_comes_next(
    imported: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RSQA_HOME", str(imported.settings.home))

    result = CliRunner().invoke(segment_command.command, ["--project", SLUG, "--scene", "west"])

    assert result.exit_code == 0, result.output
    assert f"Made {3 * TILES_A_SCENE} candidates for {TILES_A_SCENE} images" in result.output
    assert f"rsqa score --project {SLUG}" in result.output
    assert len(recorded(imported)[1]) == 3 * TILES_A_SCENE


def test_a_candidate_set_by_hand_is_left_alone(segmented: Installation) -> None:
    _, found = recorded(segmented)
    mine = replace(found[0], segmenter="by hand", segmenter_fingerprint=None)
    with segmented.database.begin() as session:
        candidates.put(session, [mine])

    report = segment_project(segmented, SLUG)

    assert report.made == 0
    assert "by hand" in {c.segmenter for c in recorded(segmented)[1]}


def test_segmenters_are_taken_by_name_whatever_they_are_made_of(imported: Installation) -> None:
    report = segment_project(imported, SLUG, scene="north", names=["off", "zero-shot-patches"])

    _, found = recorded(imported)
    assert report.made == 2 * TILES_A_SCENE
    assert {candidate.segmenter for candidate in found} == {"off", "zero-shot-patches"}
    with pytest.raises(
        NotFoundError,
        match=r"called 'of'.*autoencoder-kmeans, far, farseg-resnet50:FILE, near, off",
    ):
        segment_project(imported, SLUG, names=["of"])


def test_released_weights_are_named_with_their_file(
    imported: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []

    def load(path: Path) -> BandSegmenter:
        asked.append(path)
        return BandSegmenter("farseg-resnet50", 0.2)

    monkeypatch.setattr(released, "RELEASED", {"farseg-resnet50": load})

    names = ["far", "farseg-resnet50:some/farseg50.pth"]
    report = segment_project(imported, SLUG, scene="west", names=names)

    assert asked == [Path("some/farseg50.pth")]
    assert report.made == 2 * TILES_A_SCENE
    assert {c.segmenter for c in recorded(imported)[1]} == {"far", "farseg-resnet50"}

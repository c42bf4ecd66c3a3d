"""What scores carry beside the number: error maps, the order of labelling, alarms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from db.store import candidates, images, projects, scores
from rsqa_core.errors import InvalidInputError
from rsqa_core.raster import read_mask
from rsqa_core.records import Candidate, ImageRecord, Project, Score
from tests.rsqa_core.standins import BandSegmenter
from tests.workflows.harbour import SCENES, SLUG, TILES_A_SCENE
from workflows.error_maps import export_error_maps
from workflows.opening import Installation
from workflows.predicting_errors import error_maps
from workflows.scoring import score_project
from workflows.segmenting import segment_project

TILES = len(SCENES) * TILES_A_SCENE
Known = tuple[Project, list[ImageRecord], dict[int, list[Candidate]], dict[int, Score]]


def known(installation: Installation) -> Known:
    with installation.database.read() as session:
        project = projects.get(session, SLUG)
        tiles = images.all_of(session, project.id)
        found = candidates.of_images(session, [tile.id for tile in tiles])
        return (
            project,
            tiles,
            found,
            scores.of_head(session, project.id, str(project.active_head_id)),
        )


def test_the_mean_of_a_map_is_one_minus_the_score(scored: Installation) -> None:
    project, tiles, found, by_id = known(scored)

    for tile in tiles[:3]:
        maps = error_maps(scored, project, tile, found[tile.id])
        for candidate, drawn in zip(found[tile.id], maps, strict=True):
            assert drawn.shape == (tile.height_px, tile.width_px)
            assert drawn.mean() == pytest.approx(1 - by_id[candidate.id].score, abs=1e-4)
            assert ((drawn >= 0) & (drawn <= 1)).all()


def test_wrong_pixels_lie_higher_on_the_map_than_right_ones(scored: Installation) -> None:
    project, tiles, found, _ = known(scored)
    higher = []
    for tile in tiles:
        reference = read_mask(scored.files.path(str(tile.reference_mask_path)))
        far = [c for c in found[tile.id] if c.segmenter == "far"]
        (drawn,) = error_maps(scored, project, tile, far)
        wrong = read_mask(scored.files.path(far[0].mask_path)) != reference
        higher.append(drawn[wrong].mean() - drawn[~wrong].mean())

    assert np.mean(higher) > 0.02


def test_a_candidate_without_a_score_is_refused(segmented: Installation) -> None:
    project, tiles, found, _ = known(segmented)

    with pytest.raises(InvalidInputError, match=r"has no score.*rsqa score --project harbour"):
        error_maps(segmented, project, tiles[0], found[tiles[0].id])


def test_maps_leave_the_program_by_the_same_function(
    scored: Installation, tmp_path: object
) -> None:

    out = Path(str(tmp_path)) / "errors"

    export_error_maps(scored, SLUG, out, recommended=True)

    assert len(list(out.rglob("*.tif"))) == len(SCENES)  # tiles of a source are one map


def test_scoring_ranks_the_images_by_what_a_label_teaches(scored: Installation) -> None:
    _, tiles, _, _ = known(scored)
    values = [tile.informative for tile in tiles]

    assert all(value is not None for value in values)
    assert max(value or 0.0 for value in values) == 1.0
    assert len(set(values)) == TILES


def test_a_foreign_segmenter_raises_the_alarm(scored: Installation) -> None:
    segment_project(scored, SLUG, segmenters=[BandSegmenter("theirs", 0.5)])
    score_project(scored, SLUG)

    _, _, found, by_id = known(scored)
    alarms = {
        c.segmenter: "unknown_segmenter" in by_id[c.id].alarms
        for own in found.values()
        for c in own
    }
    assert alarms == {"near": False, "off": False, "far": False, "theirs": True}

"""What is known of a project's candidates: place by place, and never staler than its peers."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from db.store import candidates, images, projects
from rsqa_core.features.names import CELL_NAMES
from rsqa_core.heads.inputs import PLACES
from tests.rsqa_core.standins import CLASSES, ColourEncoder
from tests.workflows.conftest import Models
from tests.workflows.harbour import SCENES, SLUG, TILES_A_SCENE
from workflows.describing import DescribedCandidates, describe_candidates
from workflows.opening import Installation
from workflows.scoring import groups_of
from workflows.segmenting import segment_project

TILES = len(SCENES) * TILES_A_SCENE


def described(installation: Installation) -> DescribedCandidates:
    encoder = ColourEncoder()
    with installation.database.read() as session:
        project = projects.get(session, SLUG)
        groups = groups_of(
            images.all_of(session, project.id), candidates.all_of(session, project.id)
        )
    return describe_candidates(installation, project, groups, (encoder.name, encoder.fingerprint))


def test_candidates_come_as_a_head_takes_them(scored: Installation) -> None:
    rows = described(scored)

    assert len(rows.inputs) == len(rows.places) == 3 * TILES
    assert rows.tokens.shape == (TILES, PLACES, ColourEncoder.DIM)
    assert rows.cells.shape == (3 * TILES, PLACES, len(CELL_NAMES))
    assert rows.class_iou.shape == (3 * TILES, len(CLASSES))
    assert np.isfinite(rows.cells).all()
    for row, candidate in enumerate(rows.candidates):
        image = rows.images[rows.image_of_row[row]]
        assert rows.places.segmenters[row] == candidate.segmenter
        assert rows.places.centres_px[row].tolist() == [image.x_px + 32.0, 32.0]


def test_cells_of_a_candidate_are_its_numbers_place_by_place(scored: Installation) -> None:
    rows = described(scored)

    for cell, number in (
        ("max_prob", "max_prob_mean"),
        ("peers", "peer_mean"),
        ("consensus", "consensus_accuracy"),
        ("region", "region_agreement"),
        ("boundary", "boundary_density"),
    ):
        means = rows.cells[:, :, CELL_NAMES.index(cell)].mean(axis=1)
        assert means == pytest.approx(rows.column(number), abs=1e-3), cell


def test_what_segmenters_say_anew_reaches_the_consensus(
    segmented: Installation, models: Models
) -> None:
    """Candidates described without probabilities, as after an update, and then with them."""
    features = segmented.settings.features_dir
    told = described(segmented)
    shutil.rmtree(features)
    bare = described(segmented)
    segment_project(segmented, SLUG)

    after = described(segmented)

    names = ("consensus_accuracy", "consensus_top", "colour_likelihood")
    assert not np.allclose(bare.column(names[0]), told.column(names[0]), atol=1e-3)
    for name in names:
        assert after.column(name) == pytest.approx(told.column(name), abs=1e-3), name
    np.testing.assert_allclose(after.class_iou, told.class_iou, atol=1e-3)

"""Imported masks are scored by what is known of them."""

from __future__ import annotations

import numpy as np
import pytest

from db.store import candidates, images
from rsqa_core.features.names import GROUPS
from rsqa_core.raster import encode_mask, encode_probs, pixel_sha256
from rsqa_core.records import NewCandidate
from tests.rsqa_core.standins import CLASSES, BandSegmenter
from tests.workflows.harbour import SLUG, draw_tile
from tests.workflows.test_scoring import TILES, described, project_of
from workflows.opening import Installation
from workflows.scoring import score_project


def put_imported(installation: Installation, probs: bool) -> list[NewCandidate]:
    """One imported mask an image, from nobody's segmenter."""
    project = project_of(installation)
    with installation.database.read() as session:
        tiles = images.all_of(session, project.id)
    made = []
    for tile in tiles:
        rgb = draw_tile(tiles.index(tile))[0]
        answer = BandSegmenter("theirs", 0.2).predict(rgb)
        files = installation.files
        made.append(
            NewCandidate(
                image_id=tile.id,
                segmenter="theirs",
                mask_path=files.put(encode_mask(answer.mask), ".png"),
                mask_sha256=pixel_sha256(answer.mask),
                area_shares=(0.2,) * len(CLASSES),
                probs_path=files.put(encode_probs(answer.probs), ".npz") if probs else None,
            )
        )
    with installation.database.begin() as session:
        candidates.put(session, made)
    return made


@pytest.mark.parametrize("probs", [True, False], ids=["with probabilities", "mask only"])
def test_imported_masks_are_scored_by_what_is_known_of_them(
    imported: Installation, probs: bool
) -> None:
    put_imported(imported, probs)

    report = score_project(imported, SLUG)

    assert report.scored == TILES
    rows = described(imported)
    known = {
        group
        for group, names in GROUPS.items()
        if any(np.isfinite(rows.column(name)).any() for name in names)
    }
    expected = {"mask", "picture", "region"} | ({"probs"} if probs else set())
    assert known == expected  # a lone candidate has no peers, and nobody taps a foreign network

"""Error maps as pictures: what they show, and when they are made anew."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rsqa_core.errors import NotFoundError
from rsqa_core.raster import read_mask
from tests.workflows.test_predicting_errors import known
from workflows.error_images import error_image_path, make_error_images
from workflows.opening import Installation


def test_every_candidate_has_a_picture_whose_mean_is_one_minus_its_score(
    scored: Installation,
) -> None:
    _, tiles, found, scores = known(scored)
    tile = tiles[0]

    assert make_error_images(scored, tile.id) == len(found[tile.id])

    for candidate in found[tile.id]:
        grey = read_mask(error_image_path(scored.settings, candidate, scores[candidate.id]))
        assert grey.shape == (tile.height_px, tile.width_px)
        assert grey.mean() / 255 == pytest.approx(1 - scores[candidate.id].score, abs=0.005)


def test_another_score_head_or_mask_is_another_picture(scored: Installation) -> None:
    _, tiles, found, scores = known(scored)
    candidate = found[tiles[0].id][0]
    score = scores[candidate.id]
    other = min(score.score + 0.001, 1.0) if score.score < 0.9 else score.score - 0.001

    paths = {
        error_image_path(scored.settings, candidate, score),
        error_image_path(scored.settings, candidate, replace(score, score=other)),
        error_image_path(scored.settings, candidate, replace(score, head_id="another")),
        error_image_path(scored.settings, replace(candidate, mask_sha256="0" * 64), score),
    }

    assert len(paths) == 4


def test_without_scores_there_is_nothing_to_draw(segmented: Installation) -> None:
    _, tiles, _, _ = known(segmented)

    assert make_error_images(segmented, tiles[0].id) == 0


def test_an_unknown_image_is_told(scored: Installation) -> None:
    with pytest.raises(NotFoundError, match="image"):
        make_error_images(scored, 10**9)

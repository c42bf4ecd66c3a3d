"""The queue's order "most informative" as it is found and kept."""

from __future__ import annotations

import uuid

import numpy as np
import pytest

from db.store import candidates, images, projects, reviewers, scores, verdicts
from rsqa_core.diversity import diverse_places
from rsqa_core.heads.choosing import informative
from rsqa_core.records import ImageRecord, Project, Verdict
from tests.workflows.harbour import SLUG
from workflows import choosing
from workflows.choosing import refresh_informative
from workflows.describing import describe_candidates
from workflows.opening import Installation
from workflows.scoring import current_head, groups_of, load_project_head, score_project
from workflows.searching import views_of


def tiles_of(installation: Installation) -> tuple[Project, list[ImageRecord]]:
    with installation.database.read() as session:
        project = projects.get(session, SLUG)
        return project, images.all_of(session, project.id)


def refreshed(installation: Installation) -> dict[int, float]:
    """Find the order anew and return each image's place."""
    project, record = current_head(installation, SLUG)
    head = load_project_head(installation, record)
    refresh_informative(installation, project, record.id, head)
    return {tile.id: float(tile.informative or 0) for tile in tiles_of(installation)[1]}


def label_best_of(installation: Installation, tile: ImageRecord) -> None:
    project, record = current_head(installation, SLUG)
    with installation.database.begin() as session:
        reviewers.ensure(session, "ada")
        found = candidates.of_images(session, [tile.id])[tile.id]
        given = scores.of_head(session, project.id, record.id)
        best = max(found, key=lambda candidate: given[candidate.id].score)
        verdict = Verdict(
            id=str(uuid.uuid4()),
            project_id=project.id,
            image_id=tile.id,
            reviewer="ada",
            kind="correct",
            candidate_id=best.id,
            score=0.5,
        )
        verdicts.record(session, verdict)


def test_scoring_orders_the_images_by_what_their_best_candidates_teach(
    scored: Installation,
) -> None:
    project, tiles = tiles_of(scored)
    _, record = current_head(scored, SLUG)
    head = load_project_head(scored, record)
    with scored.database.read() as session:
        groups = groups_of(tiles, candidates.all_of(session, project.id))
    encoder = (head.card.encoder_name, head.card.encoder_fingerprint)
    described = describe_candidates(scored, project, groups, encoder)
    said = head.predict(described.inputs, described.places, encoder[1])
    best = np.array(
        [
            (own := np.flatnonzero(described.image_of_row == index))[np.argmax(said.score[own])]
            for index in range(len(described.images))
        ]
    )
    points = head.points(described.inputs, described.places, said.base, said.spread)

    values = informative(points.only(best), np.zeros(len(best), bool))

    kept = {tile.id: tile.informative for tile in tiles}
    for image, value in zip(described.images, values, strict=True):
        assert kept[image.id] == pytest.approx(value, abs=1e-6)
    assert max(values) == 1.0


def test_a_reviewed_image_comes_last(scored: Installation) -> None:
    _, tiles = tiles_of(scored)
    first = max(tiles, key=lambda tile: float(tile.informative or 0))
    label_best_of(scored, first)

    order = refreshed(scored)

    assert order[first.id] == 0.0
    assert all(value > 0 for image_id, value in order.items() if image_id != first.id)


def test_of_many_images_a_choice_is_ordered_that_is_not_the_least_certain(
    scored: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, tiles = tiles_of(scored)
    monkeypatch.setattr(choosing, "MOST_IMAGES", 4)
    reviewed = tiles[0]
    label_best_of(scored, reviewed)

    order = refreshed(scored)

    by_hash = sorted((t for t in tiles if t.id != reviewed.id), key=lambda tile: tile.sha256)
    assert {image_id for image_id, value in order.items() if value > 0} == {
        tile.id for tile in by_hash[:3]
    }


def test_without_candidates_nothing_is_ordered(
    scored: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, tiles = tiles_of(scored)
    monkeypatch.setattr(choosing, "MOST_IMAGES", 0)

    assert refreshed(scored) == {tile.id: tile.informative for tile in tiles}


def test_scoring_gives_every_image_a_place_in_the_diverse_order(scored: Installation) -> None:
    project, tiles = tiles_of(scored)
    _, record = current_head(scored, SLUG)
    found, views = views_of(scored, project, record.encoder_fingerprint)
    expected = dict(zip([i.id for i in found], diverse_places(views), strict=True))
    assert len(expected) == len(tiles)
    assert max(expected.values()) == 1.0
    assert {tile.id: tile.diverse for tile in tiles} == pytest.approx(expected)


def test_images_of_before_that_order_get_their_place_with_the_next_scoring(
    scored: Installation,
) -> None:
    project, tiles = tiles_of(scored)
    before = {tile.id: tile.diverse for tile in tiles}
    with scored.database.begin() as session:
        images.set_diverse(session, project.id, {})
    report = score_project(scored, SLUG)
    assert report.scored == 0
    assert {tile.id: tile.diverse for tile in tiles_of(scored)[1]} == before

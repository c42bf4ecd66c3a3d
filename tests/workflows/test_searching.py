"""Images found by words and by another image."""

from __future__ import annotations

import numpy as np
import pytest

from db.store import heads, images, projects, queue, searches
from rsqa_core.errors import InvalidInputError, NotFoundError
from rsqa_core.features.keys import semantic_features
from rsqa_core.records import IMAGE_STATUSES, Project, QueueQuery
from rsqa_core.searches import MOST_HITS, SEARCHES_KEPT
from tests.workflows.harbour import SLUG
from workflows.opening import Installation
from workflows.searching import search_like, search_words, text_vector


def project_of(installation: Installation) -> Project:
    with installation.database.read() as session:
        return projects.get(session, SLUG)


def test_an_image_is_most_like_itself_and_those_of_its_kind_follow(scored: Installation) -> None:
    project = project_of(scored)
    with scored.database.read() as session:
        every = images.all_of(session, project.id)

    found = search_like(scored, project, every[3].id)

    with scored.database.read() as session:
        alike = searches.similarities(session, found.id)
    assert found.hits == len(every) <= MOST_HITS
    assert next(iter(alike)) == every[3].id
    assert alike[every[3].id] == pytest.approx(1.0, abs=1e-5)
    assert list(alike.values()) == sorted(alike.values(), reverse=True)


def test_words_find_what_their_vector_is_like(scored: Installation) -> None:
    project = project_of(scored)
    vector = text_vector(scored, project.id, "water")

    found = search_words(scored, project, "  water  ", vector)

    assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-5)
    assert (found.words, found.image_id) == ("water", None)
    with scored.database.read() as session:
        every = images.all_of(session, project.id)
        alike = searches.similarities(session, found.id)
    store = semantic_features(scored.settings.features_dir, _fingerprint(scored))
    known = store.load([image.sha256 for image in every])
    best = max(every, key=lambda image: float(known[image.sha256][: len(vector)] @ vector))
    assert next(iter(alike)) == best.id


def _fingerprint(installation: Installation) -> str:
    project = project_of(installation)
    with installation.database.read() as session:
        return heads.get(session, str(project.active_head_id)).encoder_fingerprint


def test_what_was_found_is_a_queue_until_it_is_forgotten(scored: Installation) -> None:
    project = project_of(scored)
    with scored.database.begin() as session:
        every = images.all_of(session, project.id)
        kept = searches.add(session, project.id, {every[1].id: 0.5, every[4].id: 0.9}, words="x")
        query = QueueQuery(statuses=IMAGE_STATUSES, search=kept.id)
        page = queue.page(session, project.id, query)
        assert sorted(page.image_ids) == [every[1].id, every[4].id]
        for number in range(SEARCHES_KEPT):
            searches.add(session, project.id, {}, words=str(number))
        with pytest.raises(NotFoundError, match="Search again"):
            searches.get(session, project.id, kept.id)
        assert queue.page(session, project.id, query).total == 0


def test_what_cannot_be_searched_for_is_refused(scored: Installation) -> None:
    project = project_of(scored)

    for words in ("", "   ", "x" * 121):
        with pytest.raises(InvalidInputError, match="1 to 120 characters"):
            search_words(scored, project, words, [1.0])
    with pytest.raises(InvalidInputError, match="not described yet"):
        search_like(scored, project, 10**6)
    with scored.database.begin() as session:
        projects.create(session, slug="new", name="New", classes=project.classes, origin="imported")
        new = projects.get(session, "new")
    with pytest.raises(InvalidInputError, match="Nothing was scored yet"):
        text_vector(scored, new.id, "water")

from __future__ import annotations

import datetime as dt

import pytest

from db import Database
from db.store import images, jobs, projects
from rsqa_core.errors import ConflictError, InvalidInputError, NotFoundError
from rsqa_core.records import ClassDef
from tests.db.filled import CLASSES, Filled, fill, new_image


def test_a_project_comes_back_as_it_was_made(database: Database) -> None:
    with database.begin() as session:
        made = projects.create(
            session,
            slug="dubai_hitl",
            name="Dubai",
            classes=CLASSES,
            class_map={"*": "roof"},
            ignored=("unlabelled",),
            origin="sample",
            description="Aerial",
        )
    with database.read() as session:
        assert projects.get(session, "dubai_hitl") == made
        assert projects.get_by_id(session, made.id) == made
    assert made.classes == CLASSES
    assert made.class_map == {"*": "roof"}
    assert made.ignored == ("unlabelled",)
    assert (made.active_head_id, made.version) == (None, 1)
    assert made.created_at.utcoffset() == dt.timedelta(0)


def test_projects_are_named_in_the_order_of_their_summaries(database: Database) -> None:
    with database.begin() as session:
        for slug, name in (("b", "Zagreb"), ("a", "Athens"), ("c", "Athens")):
            projects.create(session, slug=slug, name=name, classes=CLASSES, origin="imported")
        assert projects.names(session) == {"a": "Athens", "b": "Zagreb", "c": "Athens"}
        assert list(projects.names(session)) == [
            summary.project.slug for summary in projects.summaries(session)
        ]


def test_a_slug_is_taken_once(filled: Filled) -> None:
    with filled.database.begin() as session, pytest.raises(ConflictError, match="town"):
        projects.create(session, slug="town", name="", classes=CLASSES, origin="imported")


@pytest.mark.parametrize("slug", ["", "a b", "../x", "-x", "x" * 65, "a/b", "ä"])
def test_slugs_that_do_not_fit_into_an_address_are_refused(database: Database, slug: str) -> None:
    with database.begin() as session, pytest.raises(InvalidInputError):
        projects.create(session, slug=slug, name="x", classes=CLASSES, origin="imported")


@pytest.mark.parametrize(
    "classes",
    [
        (),
        (ClassDef(255, "void", (0, 0, 0)),),
        (ClassDef(-1, "below", (0, 0, 0)),),
        (ClassDef(0, "a", (0, 0, 256)),),
        (ClassDef(0, "a", (0, 0, 0)), ClassDef(0, "b", (0, 0, 0))),
        (ClassDef(0, "Low Vegetation", (0, 0, 0)), ClassDef(1, "low_vegetation", (0, 0, 0))),
    ],
)
def test_classes_without_sense_are_refused(
    database: Database, classes: tuple[ClassDef, ...]
) -> None:
    with database.begin() as session, pytest.raises(InvalidInputError):
        projects.create(session, slug="x", name="x", classes=classes, origin="imported")


def test_an_unknown_project_is_answered_with_the_closest_name(filled: Filled) -> None:
    with filled.database.read() as session:
        with pytest.raises(NotFoundError, match="Did you mean 'town'"):
            projects.get(session, "twon")
        with pytest.raises(NotFoundError, match="999"):
            projects.get_by_id(session, 999)


def test_summaries_count_what_each_project_has(filled: Filled) -> None:
    other = fill(filled.database, count=2, slug="a-village")
    with filled.database.begin() as session:
        images.add(session, other.project.id, [new_image(9, reference_mask_path="x.png")])
    filled.say("confirm", 0)
    filled.say("correct", 0, score=0.1)
    filled.say("confirm", 0, reviewer="bob")
    filled.undo(filled.say("confirm", 1))
    filled.say("skip", 2)
    with filled.database.read() as session:
        village, town = projects.summaries(session)
    assert (village.project.slug, town.project.slug) == ("a-village", "town")
    assert (town.images, town.open_images, town.candidates) == (12, 10, 24)
    assert (town.scored_candidates, town.labels, town.reviewers) == (24, 1, 2)
    assert town.images_with_reference == 0
    assert (village.images, village.open_images, village.candidates) == (3, 3, 4)
    assert (village.labels, village.reviewers, village.images_with_reference) == (0, 0, 1)


def test_deleting_a_project_names_the_files_that_nobody_uses_any_more(filled: Filled) -> None:
    other = fill(filled.database, count=2, slug="village")
    filled.say()
    with filled.database.begin() as session:
        names = projects.delete(session, "town")
        assert [s.project.slug for s in projects.summaries(session)] == ["village"]
        assert images.all_of(session, filled.project.id) == []
        assert len(images.all_of(session, other.project.id)) == 2
    tiles = {f"aa/{n}.{suffix}" for n in range(2, 12) for suffix in ("tif", "jpg")}
    masks = {c.mask_path for c in filled.candidates}
    assert names == sorted(tiles | masks)


def test_a_project_with_a_running_job_is_not_deleted(filled: Filled) -> None:
    with filled.database.begin() as session:
        job = jobs.create(session, "score", filled.project.id)
        with pytest.raises(ConflictError, match="score job"):
            projects.delete(session, "town")
        jobs.update(session, job.id, state="cancelled")
        projects.delete(session, "town")
        with pytest.raises(NotFoundError):
            jobs.get(session, job.id)


def test_a_job_reports_and_ends(filled: Filled) -> None:
    with filled.database.begin() as session:
        job = jobs.create(session, "retrain", filled.project.id)
        assert (job.state, job.result, job.finished_at) == ("queued", {}, None)
        jobs.update(session, job.id, state="running", pid=12, step="fit", done=1, total=3)
        jobs.request_cancel(session, job.id)
    with filled.database.read() as session:
        (job,) = jobs.running(session)
        assert (job.state, job.pid, job.step, job.done, job.total) == ("running", 12, "fit", 1, 3)
        assert job.cancel_requested
    with filled.database.begin() as session:
        ended = jobs.update(session, job.id, state="done", result={"head_id": "x"})
        late = jobs.update(session, job.id, state="failed", message="gone", pid=13)
        assert jobs.running(session) == []
    assert ended.finished_at is not None
    assert (late.state, late.message, late.result) == ("done", "", {"head_id": "x"})
    assert late.pid == 13


def test_the_latest_job_is_of_its_kind_and_project(filled: Filled) -> None:
    with filled.database.begin() as session:
        assert jobs.latest(session, "demo", None) is None
        jobs.create(session, "score", filled.project.id)
        newest = jobs.create(session, "score", filled.project.id)
        demo = jobs.create(session, "demo", None)
        assert jobs.latest(session, "score", filled.project.id) == newest
        assert jobs.latest(session, "demo", None) == demo
        with pytest.raises(InvalidInputError, match="done"):
            jobs.update(session, newest.id, done=-1)
        with pytest.raises(NotFoundError):
            jobs.update(session, 999, done=1)

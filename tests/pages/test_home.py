"""Home: empty, populated, and the step that each project needs next."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest

from db.store import images, jobs, projects
from pages.components.next_step import MINIMUM_LABELS, RECOMMENDED_LABELS, next_step
from pages.components.project_dialogs import classes_of, delete_project, slug_of
from pages.components.thumbnails import thumbnail
from rsqa_core.errors import ConflictError, InvalidInputError, NotFoundError
from rsqa_core.records import Project, ProjectSummary
from tests.pages.conftest import OpenPage, Started
from tests.pages.seeding import add_candidates, add_project, add_ready_project
from workflows.opening import Installation
from workflows.reports.files import kept_reports


def _summary(**counts: int) -> ProjectSummary:
    project = Project(
        id=1,
        slug="harbour",
        name="Harbour",
        description="",
        origin="imported",
        classes=(),
        class_map={},
        ignored=(),
        active_head_id=None,
        created_at=dt.datetime(2025, 6, 1, tzinfo=dt.UTC),
        version=1,
    )
    values = dict.fromkeys(
        (
            "images",
            "open_images",
            "candidates",
            "scored_candidates",
            "labels",
            "reviewers",
            "images_with_reference",
        ),
        0,
    )
    return ProjectSummary(project=project, **{**values, **counts})


_SCORED = {"images": 9, "candidates": 9, "scored_candidates": 9}


@pytest.mark.parametrize(
    ("counts", "in_head", "label"),
    [
        ({}, 0, "Import images"),
        ({"images": 9, "open_images": 9}, 0, "Make candidates"),
        ({"images": 9, "open_images": 9, "candidates": 9, "scored_candidates": 8}, 0, "Score"),
        ({**_SCORED, "open_images": 9}, 0, "Review"),
        ({**_SCORED, "open_images": 9, "labels": RECOMMENDED_LABELS}, 0, "Train"),
        ({**_SCORED, "open_images": 9, "labels": RECOMMENDED_LABELS}, 5, "Review"),
        ({**_SCORED, "open_images": 0, "labels": MINIMUM_LABELS}, 0, "Train"),
        ({**_SCORED, "open_images": 0, "labels": MINIMUM_LABELS - 1}, 0, "Open the queue"),
    ],
)
def test_the_next_step_follows_from_the_counts(
    counts: dict[str, int], in_head: int, label: str
) -> None:
    assert next_step(_summary(**counts), in_head).label.startswith(label)


def test_an_empty_home_offers_the_demo(open_page: OpenPage, started: Started) -> None:
    test = open_page()
    assert "Nothing here yet" in [found.value for found in test.subheader]
    button = next(found for found in test.button if found.label == "Prepare the demo")
    button.click().run()
    assert started == [("demo", None, {})]


def test_while_a_job_runs_what_is_scored_can_be_reviewed() -> None:
    begun = _summary(images=9, open_images=9, candidates=8, scored_candidates=4)
    assert next_step(begun).label == "Score candidates"
    assert next_step(begun, busy=True).label == "Review"
    unscored = _summary(images=9, open_images=9, candidates=8)
    assert next_step(unscored, busy=True).label == "Score candidates"


def test_a_card_shows_counts_previews_and_the_next_step(
    installation: Installation, open_page: OpenPage
) -> None:
    add_ready_project(installation, image_count=3)
    test = open_page()
    metrics = {found.label: found.value for found in test.metric}
    assert metrics["Images"] == "3"
    assert metrics["To review"] == "3"
    assert metrics["Candidates"] == "9"
    assert "Review" in [found.label for found in test.button if found.key == "next-harbour"]
    assert not test.exception


def test_the_card_starts_the_job_that_comes_next(
    installation: Installation, open_page: OpenPage, started: Started
) -> None:
    add_project(installation)
    test = open_page()
    test.button(key="next-harbour").click().run()
    assert started == [("segment", "harbour", {"score": True})]


def test_a_report_that_was_made_can_be_downloaded_until_its_project_goes(
    installation: Installation, open_page: OpenPage
) -> None:
    add_project(installation)
    assert not open_page().get("download_button")
    paths = kept_reports(installation.settings, "harbour")
    paths[0].parent.mkdir()
    for path in paths:
        path.write_bytes(b"report")

    test = open_page()

    assert [button.label for button in test.get("download_button")] == ["PDF", "HTML"]
    assert any("Report of" in caption.value for caption in test.caption)
    delete_project("harbour")
    assert not any(path.exists() for path in paths)


def test_a_refused_job_is_explained_on_the_page(
    installation: Installation, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_project(installation)

    def refuse(*args: object, **kwargs: object) -> None:
        raise ConflictError("A job of kind 'segment' already runs.")

    monkeypatch.setattr("workflows.jobs.start_job", refuse)
    test = open_page()
    test.button(key="next-harbour").click().run()
    assert "already runs" in test.warning[0].value
    assert not test.exception
    test.run()
    assert not test.warning  # told once


def test_generated_imagery_is_said_to_be_generated(
    installation: Installation, open_page: OpenPage
) -> None:
    with installation.database.begin() as session:
        from tests.pages.seeding import CLASSES

        projects.create(session, slug="demo", name="Demo", classes=CLASSES, origin="generated")
    test = open_page()
    texts = [found.value for found in (*test.markdown, *test.caption)]
    assert any("Generated imagery" in text for text in texts)
    assert any("not taken from the air" in text for text in texts)


def test_a_running_job_shows_its_progress_and_its_cancel_button(
    installation: Installation, open_page: OpenPage
) -> None:
    project = add_project(installation)
    with installation.database.begin() as session:
        job = jobs.create(session, "segment", project.id)
        jobs.update(session, job.id, step="unet", done=3, total=6)
    test = open_page()
    button = test.button(key=f"cancel-job-{job.id}")
    button.click().run()
    with installation.database.read() as session:
        assert jobs.get(session, job.id).cancel_requested
    assert test.button(key="next-harbour").disabled


def test_a_failed_job_says_why(installation: Installation, open_page: OpenPage) -> None:
    project = add_project(installation)
    with installation.database.begin() as session:
        job = jobs.create(session, "segment", project.id)
        jobs.update(session, job.id, state="failed", message="No weights are there.")
    assert "No weights are there." in open_page().error[0].value


def test_deleting_a_project_removes_its_files(installation: Installation) -> None:
    project = add_project(installation)
    with installation.database.read() as session:
        path = installation.files.path(images.all_of(session, project.id)[0].display_path)
    assert path.exists()
    delete_project("harbour")
    assert not path.exists()
    with installation.database.read() as session, pytest.raises(NotFoundError):
        projects.get(session, "harbour")


def test_a_project_is_not_deleted_under_a_running_job(installation: Installation) -> None:
    project = add_project(installation)
    add_candidates(installation, project)
    with installation.database.begin() as session:
        jobs.create(session, "score", project.id)
    with pytest.raises(ConflictError, match="is running"):
        delete_project("harbour")


def test_classes_come_from_the_rows_of_the_table() -> None:
    table = pd.DataFrame({"Class": ["Water", "Road", None], "Colour": ["#0000ff", "#808080", None]})
    classes = classes_of(table)
    assert [(c.id, c.name, c.color) for c in classes] == [
        (0, "Water", (0, 0, 255)),
        (1, "Road", (128, 128, 128)),
    ]


@pytest.mark.parametrize(
    ("names", "colors"),
    [
        (["Water", "water "], ["#0000ff", "#00ff00"]),
        (["Water"], ["blue"]),
        ([" "], ["#0000ff"]),
        ([], []),
    ],
)
def test_a_table_of_classes_with_a_fault_is_refused(names: list[str], colors: list[str]) -> None:
    with pytest.raises(InvalidInputError):
        classes_of(pd.DataFrame({"Class": names, "Colour": colors}))


def test_slugs_are_plain() -> None:
    assert slug_of("  Harbour survey 2024! ") == "harbour-survey-2024"
    assert slug_of("港") == ""


def test_a_missing_or_broken_picture_has_no_thumbnail(installation: Installation) -> None:
    broken = installation.files.put(b"not a picture", ".jpg")
    assert thumbnail(broken) is None
    assert thumbnail("ab/missing.jpg") is None

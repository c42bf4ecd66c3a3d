"""Import: the choices, the dry run, and the job that does it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from db.store import jobs, projects
from tests.pages.conftest import OpenPage, Started
from tests.pages.seeding import add_project, add_ready_project
from workflows.jobs import run_job, start_job, uploads_dir
from workflows.opening import Installation


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three images: two sound, one truncated."""
    root = tmp_path / "harbour"
    (root / "images").mkdir(parents=True)
    rng = np.random.default_rng(3)
    for name in ("quay", "pier", "broken"):
        pixels = rng.integers(0, 255, (48, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(root / "images" / f"{name}.png")
    broken = root / "images" / "broken.png"
    broken.write_bytes(broken.read_bytes()[:200])
    return root


def _click(test: object, label: str) -> None:
    next(found for found in test.button if found.label.startswith(label)).click().run()  # type: ignore[attr-defined]


def _metrics(test: object) -> dict[str, str]:
    return {found.label: found.value for found in test.metric}  # type: ignore[attr-defined]


def test_a_dry_run_lists_what_would_be_imported_and_what_not(
    installation: Installation, open_page: OpenPage, folder: Path, started: Started
) -> None:
    test = open_page("import_images")
    _field(test, "Name of the new project").set_value("Harbour 2024").run()
    _field(test, "Path").set_value(str(folder)).run()
    _click(test, "Check the files")
    assert not test.exception
    assert _metrics(test)["Images"] == "2"
    assert _metrics(test)["Files left out"] == "1"
    would, left_out = (found.value for found in test.dataframe)
    assert sorted(would["Image"]) == ["images/pier.png", "images/quay.png"]
    assert "broken.png" in left_out["File"][0]
    with installation.database.read() as session:
        assert projects.summaries(session) == []  # looking changes nothing
    _click(test, "Import 2 images")
    kind, slug, arguments = started[0]
    assert (kind, slug) == ("import", None)
    assert arguments["project"] == "harbour-2024"
    assert arguments["name"] == "Harbour 2024"
    assert arguments["source"] == str(folder)


def _field(test: object, label: str) -> object:
    return next(found for found in test.text_input if found.label == label)  # type: ignore[attr-defined]


def test_a_changed_choice_asks_for_another_dry_run(
    installation: Installation, open_page: OpenPage, folder: Path
) -> None:
    add_project(installation, slug="harbour")
    test = open_page("import_images")
    _field(test, "Path").set_value(str(folder)).run()
    _click(test, "Check the files")
    assert "Images" in _metrics(test)
    _field(test, "Ignore classes").set_value("Void").run()
    assert "Images" not in _metrics(test)


@pytest.mark.parametrize(
    ("label", "value", "words"),
    [
        ("Path", "/nowhere/at/all", "nothing at"),
        ("Path", "relative/folder", "nothing at"),
        ("Map classes", "Tree", "FROM=TO"),
    ],
)
def test_a_choice_without_meaning_is_told_where_it_is_made(
    installation: Installation, open_page: OpenPage, label: str, value: str, words: str
) -> None:
    add_project(installation)
    test = open_page("import_images")
    _field(test, label).set_value(value).run()
    assert words in test.error[0].value
    _click(test, "Check the files")
    assert not test.exception
    assert "Images" not in _metrics(test)


def test_checking_without_a_source_says_what_is_missing(
    installation: Installation, open_page: OpenPage
) -> None:
    add_project(installation)
    test = open_page("import_images")
    _click(test, "Check the files")
    assert "Name a folder" in test.error[0].value


def test_uploads_are_imported_from_a_folder_of_their_own(
    installation: Installation, open_page: OpenPage, folder: Path, started: Started
) -> None:
    add_project(installation)
    test = open_page("import_images")
    next(found for found in test.radio if found.label == "From").set_value("upload").run()
    sound = (folder / "images" / "quay.png").read_bytes()
    test.file_uploader[0].upload("../../quay.png", sound, "image/png").run()
    _click(test, "Check the files")
    assert _metrics(test)["Images"] == "1"
    _click(test, "Import 1 image")
    source = Path(str(started[0][2]["source"]))
    assert source.parent == uploads_dir(installation.settings)
    assert [path.name for path in source.iterdir()] == ["quay.png"]


def test_the_job_imports_and_the_page_goes_on_to_candidates(
    installation: Installation,
    open_page: OpenPage,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("workflows.jobs._spawn", lambda settings, job_id: os.getpid())
    arguments = {
        "source": str(folder),
        "options": {"palette": None, "ignored": [], "class_map": {}, "tile_px": 512},
        "project": "harbour",
        "name": "Harbour 2024",
    }
    job = start_job(installation, "import", None, arguments)
    done = run_job(installation, job.id)
    assert (done.state, done.message) == ("done", "")
    assert done.result["tiles"] == 2
    assert done.result["left_out_count"] == 1
    test = open_page("import_images", project="harbour")
    assert _field_of_picker(test) == "harbour"
    assert any(found.label == "Make candidates" for found in test.button)


def _field_of_picker(test: object) -> object:
    return test.sidebar.selectbox[0].value  # type: ignore[attr-defined]


def test_an_import_into_a_project_reports_what_it_did(
    installation: Installation, open_page: OpenPage
) -> None:
    project = add_ready_project(installation)
    result = {
        "images": 4,
        "tiles": 9,
        "masks": 9,
        "candidates": 0,
        "already_there": 1,
        "left_out_count": 1,
        "left_out": [{"name": "a.png", "reason": "is truncated"}],
    }
    with installation.database.begin() as session:
        job = jobs.create(session, "import", project.id)
        jobs.update(session, job.id, state="done", result=result)
    test = open_page("import_images")
    assert "4 images as 9 review tiles" in test.success[0].value
    assert "There already: 1 image" in test.success[0].value
    assert test.dataframe[0].value["Why"][0] == "is truncated"

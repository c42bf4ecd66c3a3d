"""The demo project: the sample when it can be had, generated scenes otherwise, never half of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from db.store import candidates, images, projects
from rsqa_core.errors import CancelledError, DownloadError
from rsqa_core.progress import Progress
from rsqa_core.records import ImageRecord, ProjectSummary
from rsqa_core.scenes import Scene, render_scene
from rsqa_core.settings import Settings
from tests.workflows.conftest import Models
from tests.workflows.harbour import add_project, add_tiles
from workflows import demo, generating, jobs, samples
from workflows.commands import demo as demo_command
from workflows.demo import GENERATED, SAMPLE, Demo, find_demo, prepare_demo
from workflows.opening import Installation, open_installation
from workflows.segmenting import SegmentReport

SEEDS = range(1, 4)


@pytest.fixture
def installation(
    models: Models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Installation]:
    """A fresh installation whose generated scenes are few and small."""

    def small(*, seed: int, size_px: int) -> Scene:
        return render_scene(seed=seed, size_px=64)

    monkeypatch.setattr(generating, "render_scene", small)
    monkeypatch.setattr(demo, "GENERATED_SEEDS", SEEDS)
    opened = open_installation(Settings(home=tmp_path / "home", offline=True))
    yield opened
    opened.database.close()


@pytest.fixture
def sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sample of two scenes that can be had."""

    def import_sample(installation: Installation, name: str, *, progress: Progress) -> str:
        with installation.database.read() as session:
            known = {summary.project.slug for summary in projects.summaries(session)}
        if name not in known:
            project = add_project(installation, name)
            add_tiles(installation, project, "tile2", range(2))
            add_tiles(installation, project, "tile6", range(10, 12))
        return name

    monkeypatch.setattr(samples, "import_sample", import_sample)


@pytest.fixture
def no_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    def import_sample(installation: Installation, name: str, *, progress: Progress) -> str:
        raise DownloadError("No route to the sample.")

    monkeypatch.setattr(samples, "import_sample", import_sample)


def summary_of(installation: Installation) -> ProjectSummary:
    with installation.database.read() as session:
        (summary,) = projects.summaries(session)
    return summary


def tiles_of(installation: Installation) -> list[ImageRecord]:
    with installation.database.read() as session:
        return images.all_of(session, summary_of(installation).project.id)


@pytest.mark.usefixtures("no_sample")
def test_generated_scenes_take_the_place_of_a_sample_that_cannot_be_had(
    installation: Installation,
) -> None:
    made = prepare_demo(installation)

    assert made == Demo(GENERATED, True, "No route to the sample.", reviewable=True, complete=True)
    summary = summary_of(installation)
    assert summary.project.slug == GENERATED
    assert summary.project.origin == "generated"
    assert (summary.images, summary.images_with_reference) == (len(SEEDS), len(SEEDS))
    assert summary.candidates == summary.scored_candidates == 3 * len(SEEDS)
    tiles = tiles_of(installation)
    assert all(tile.generated and tile.crs for tile in tiles)
    assert len({tile.scene for tile in tiles}) == len(SEEDS)


def test_the_offline_installation_of_this_test_has_no_sample(installation: Installation) -> None:
    # Without a stand-in: the real import asks for files that an offline installation lacks.
    made = prepare_demo(installation)

    assert made.generated
    assert "RSQA_OFFLINE=1" in made.reason


@pytest.mark.usefixtures("sample")
def test_the_sample_is_used_when_it_can_be_had(installation: Installation) -> None:
    made = prepare_demo(installation)

    assert made == Demo(SAMPLE, False, "", reviewable=True, complete=True)
    summary = summary_of(installation)
    assert (summary.project.slug, summary.scored_candidates) == (SAMPLE, 3 * 4)


@pytest.mark.usefixtures("sample")
def test_the_first_scene_is_enough_to_start(installation: Installation) -> None:
    prepare_demo(installation, whole=False)

    tiles = tiles_of(installation)
    with installation.database.read() as session:
        found = candidates.of_images(session, [tile.id for tile in tiles])
    assert {tile.scene for tile in tiles if found[tile.id]} == {"tile2"}
    assert summary_of(installation).scored_candidates == 3 * 2
    assert find_demo(installation) == Demo(SAMPLE, False, "", reviewable=True, complete=False)

    prepare_demo(installation)

    assert summary_of(installation).scored_candidates == 3 * 4


@pytest.mark.usefixtures("sample")
def test_generated_scenes_can_be_asked_for(installation: Installation) -> None:
    made = prepare_demo(installation, generated=True)

    assert (made.slug, made.generated) == (GENERATED, True)


@pytest.mark.usefixtures("no_sample")
@pytest.mark.parametrize(
    "step", ["rendering scenes", "making candidates", "describing and scoring"]
)
def test_a_stopped_preparation_is_finished_by_the_next(
    installation: Installation, step: str
) -> None:
    def stopping(name: str, done: int, total: int) -> None:
        if name == step and done == 1:
            raise CancelledError("stop")

    with pytest.raises(CancelledError):
        prepare_demo(installation, progress=stopping)
    begun = find_demo(installation)
    assert begun is not None
    assert not begun.complete

    prepare_demo(installation)

    summary = summary_of(installation)
    assert (summary.images, summary.scored_candidates) == (len(SEEDS), 3 * len(SEEDS))
    assert find_demo(installation) == Demo(GENERATED, True, "", reviewable=True, complete=True)


@pytest.mark.usefixtures("no_sample")
def test_a_demo_that_is_ready_stays_as_it_is(installation: Installation, models: Models) -> None:
    prepare_demo(installation)
    before = tiles_of(installation)
    calls = [segmenter.calls for segmenter in models.segmenters]

    prepare_demo(installation)

    assert tiles_of(installation) == before
    assert [segmenter.calls for segmenter in models.segmenters] == calls


def test_other_projects_are_no_demo(installation: Installation) -> None:
    assert find_demo(installation) is None
    add_project(installation, "mine")
    assert find_demo(installation) is None


@pytest.mark.usefixtures("no_sample")
def test_the_command_says_that_scenes_are_generated_and_why(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RSQA_HOME", str(installation.settings.home))

    first = CliRunner().invoke(demo_command.command)
    second = CliRunner().invoke(demo_command.command)

    assert first.exit_code == second.exit_code == 0, first.output
    assert "generated scenes were made. No route to the sample." in first.output
    assert f"The demo project '{GENERATED}' is ready. Next: rsqa serve" in first.output
    assert second.output == f"The demo project '{GENERATED}' is ready.\n"


@pytest.mark.usefixtures("sample")
def test_the_command_leaves_the_other_scenes_to_a_job(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[tuple[Any, ...]] = []
    monkeypatch.setattr(
        jobs, "start_job", lambda installation, *arguments: started.append(arguments)
    )
    monkeypatch.setenv("RSQA_HOME", str(installation.settings.home))

    result = CliRunner().invoke(demo_command.command)

    assert result.exit_code == 0, result.output
    assert started == [("segment", SAMPLE, {"score": True})]
    assert "in the background" in result.output
    assert summary_of(installation).scored_candidates == 3 * 2


@pytest.mark.usefixtures("sample")
def test_the_background_job_scores_in_between_and_leaves_nothing_unscored(
    installation: Installation, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare_demo(installation, whole=False)
    slug = summary_of(installation).project.slug
    monkeypatch.setattr(jobs, "_IMAGES_BETWEEN_SCORES", 1)
    scored: list[int] = []
    made: list[tuple[int, int]] = []

    def watch(step: str, done: int, total: int) -> None:
        scored.append(summary_of(installation).scored_candidates)
        if step == "making candidates":
            made.append((done, total))

    report = jobs.HANDLERS["segment"](installation, slug, {"score": True}, watch)

    assert report == SegmentReport(images=4, made=3 * 2, already_there=3 * 2)
    # Portions count on, so that the bar never goes back.
    assert made == sorted(made)
    assert {total for _, total in made} == {2}
    assert made[-1] == (2, 2)
    assert summary_of(installation).scored_candidates == 3 * 4
    assert 3 * 3 in scored  # after the third image and before the fourth

"""Jobs in processes of their own: they report, stop when asked, and are missed when they die."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from db.store import jobs, projects
from rsqa_core.errors import CancelledError, ConflictError, InvalidInputError, NotFoundError
from rsqa_core.progress import Progress
from rsqa_core.records import ClassDef, Job
from rsqa_core.settings import Settings
from workflows import jobs as running
from workflows.opening import Installation, open_installation


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    opened = open_installation(Settings(home=tmp_path / "home"))
    with opened.database.begin() as session:
        projects.create(
            session,
            slug="harbour",
            name="Harbour",
            classes=(ClassDef(0, "Water", (0, 0, 255)),),
            origin="imported",
        )
    yield opened
    opened.database.close()


@pytest.fixture
def unspawned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave jobs queued, with this process as theirs, so that a test can run them itself."""
    monkeypatch.setattr(running, "_spawn", lambda settings, job_id: os.getpid())


def _handle(monkeypatch: pytest.MonkeyPatch, handler: running.Handler) -> None:
    monkeypatch.setitem(running.HANDLERS, "score", handler)


def _get(installation: Installation, job_id: int) -> Job:
    with installation.database.read() as session:
        return jobs.get(session, job_id)


def _wait(installation: Installation, job_id: int, limit_s: float = 60.0) -> Job:
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        job = _get(installation, job_id)
        if job.state not in ("queued", "running"):
            return job
        time.sleep(0.05)
    raise AssertionError(f"job still {job.state} after {limit_s} s")


@pytest.mark.usefixtures("unspawned")
def test_a_job_keeps_its_arguments_beside_its_result(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def handler(
        opened: Installation, slug: str, arguments: running.Arguments, progress: Progress
    ) -> object:
        return {"scored": 3, "slug": slug, "head": arguments["head_id"]}

    _handle(monkeypatch, handler)
    job = running.start_job(installation, "score", "harbour", {"head_id": "h1"})
    done = running.run_job(installation, job.id)
    assert done.state == "done"
    assert done.finished_at is not None
    assert done.result == {
        "scored": 3,
        "slug": "harbour",
        "head": "h1",
        "arguments": {"head_id": "h1"},
    }


@pytest.mark.usefixtures("unspawned")
def test_one_kind_runs_once_a_project(installation: Installation) -> None:
    running.start_job(installation, "score", "harbour", {})
    with pytest.raises(ConflictError, match="already runs"):
        running.start_job(installation, "score", "harbour", {})
    running.start_job(installation, "segment", "harbour", {})  # another kind may


def test_unknown_kinds_and_projects_are_refused_by_name(installation: Installation) -> None:
    with pytest.raises(NotFoundError, match="Did you mean 'segment'"):
        running.start_job(installation, "segmnt", "harbour", {})
    with pytest.raises(NotFoundError, match="harbor"):
        running.start_job(installation, "score", "harbor", {})
    with installation.database.read() as session:
        assert jobs.running(session) == []


@pytest.mark.usefixtures("unspawned")
def test_progress_is_written_at_most_five_times_a_second(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = running.start_job(installation, "score", "harbour", {})
    now = [100.0]
    monkeypatch.setattr(running, "time", SimpleNamespace(monotonic=lambda: now[0]))
    progress = running.JobProgress(installation, job.id)
    seen = []
    for done in range(10):
        progress("scoring", done, 10)
        seen.append(_get(installation, job.id).done)
        now[0] += 0.11
    assert seen == [0, 0, 2, 2, 4, 4, 6, 6, 8, 8]


@pytest.mark.usefixtures("unspawned")
def test_a_cancelled_job_stops_at_its_next_report(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[int] = []

    def handler(
        opened: Installation, slug: str, arguments: running.Arguments, progress: Progress
    ) -> object:
        for step in range(100):
            steps.append(step)
            if step == 2:
                running.cancel_job(opened, job.id)
            time.sleep(0.06)
            progress("scoring", step, 100)
        return None

    _handle(monkeypatch, handler)
    job = running.start_job(installation, "score", "harbour", {})
    done = running.run_job(installation, job.id)
    assert done.state == "cancelled"
    assert 3 <= len(steps) <= 8


@pytest.mark.usefixtures("unspawned")
def test_a_job_cancelled_before_it_began_does_nothing(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[str] = []

    def handler(
        opened: Installation, slug: str, arguments: running.Arguments, progress: Progress
    ) -> object:
        called.append(slug)
        return None

    _handle(monkeypatch, handler)
    job = running.start_job(installation, "score", "harbour", {})
    running.cancel_job(installation, job.id)
    assert running.run_job(installation, job.id).state == "cancelled"
    assert called == []


@pytest.mark.usefixtures("unspawned")
@pytest.mark.parametrize(
    ("error", "message"),
    [
        (InvalidInputError("The file is empty."), "The file is empty."),
        (ZeroDivisionError("division by zero"), "ZeroDivisionError"),
    ],
)
def test_a_failing_job_says_why(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, error: Exception, message: str
) -> None:
    def handler(
        opened: Installation, slug: str, arguments: running.Arguments, progress: Progress
    ) -> object:
        raise error

    _handle(monkeypatch, handler)
    job = running.start_job(installation, "score", "harbour", {})
    failed = running.run_job(installation, job.id)
    assert failed.state == "failed"
    assert message in failed.message


@pytest.mark.usefixtures("unspawned")
def test_a_job_whose_process_is_gone_is_marked_failed_and_can_start_again(
    installation: Installation,
) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    job = running.start_job(installation, "score", "harbour", {})
    with installation.database.begin() as session:
        jobs.update(session, job.id, state="running", pid=ended.pid)
    assert [failed.id for failed in running.reap(installation)] == [job.id]
    assert "ended before" in _get(installation, job.id).message
    assert running.start_job(installation, "score", "harbour", {}).id != job.id


@pytest.mark.usefixtures("unspawned")
def test_a_process_number_given_to_another_program_counts_as_gone(
    installation: Installation,
) -> None:
    job = running.start_job(installation, "score", "harbour", {})
    with subprocess.Popen(["sleep", "30"]) as other:
        with installation.database.begin() as session:
            jobs.update(session, job.id, state="running", pid=other.pid)
        failed = running.reap(installation)
        other.terminate()
    if Path("/proc/self/cmdline").exists():
        assert [one.id for one in failed] == [job.id]


@pytest.mark.usefixtures("unspawned")
def test_a_queued_job_has_a_minute_to_get_its_process(installation: Installation) -> None:
    with installation.database.begin() as session:
        waiting = jobs.create(session, "demo", None)
    assert running.reap(installation) == []
    assert _get(installation, waiting.id).state == "queued"


def test_termination_is_a_cancellation() -> None:
    with pytest.raises(CancelledError):
        running._terminated(15, None)


def test_a_job_runs_in_a_process_of_its_own_with_the_lowest_priority(
    installation: Installation, tmp_path: Path
) -> None:
    # A real process; the import of a folder that is not there fails in it, which shows in the row.
    job = running.start_job(
        installation, "import", "harbour", {"source": str(tmp_path / "missing"), "options": {}}
    )
    assert job.pid not in (None, os.getpid())
    assert os.getsid(job.pid) == job.pid
    failed = _wait(installation, job.id)
    assert failed.state == "failed"
    log = running.log_path(installation.settings, job.id).read_text()
    assert f"job {job.id} (import): failed" in log

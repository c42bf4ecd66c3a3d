"""Long work in a process of its own: started from a screen, watched and stopped through its row.

``start_job`` writes a job row and starts ``python -m workflows.jobs ID`` with the lowest priority,
in a session of its own, so that review stays quick and neither a restart nor a crash of the app
takes the work with it. The process writes its progress into the row and looks there whether it is
to stop.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from db.store import jobs, projects
from rsqa_core.errors import CancelledError, ConflictError, NotFoundError, RsqaError
from rsqa_core.progress import Progress
from rsqa_core.records import Job, JobState
from rsqa_core.settings import Settings, environment_of
from workflows.opening import Installation, open_installation
from workflows.process_settings import keep_freed_memory, rest_while_waiting

_ROOT = Path(__file__).resolve().parents[1]
_START_GRACE_S = 60.0
"""How long a queued job may lack a process: the time between its row and its start."""
_WRITE_EVERY_S = 0.2
_IMAGES_BETWEEN_SCORES = 32
_LEFT_OUT_KEPT = 1000

Arguments = Mapping[str, Any]
Handler = Callable[[Installation, str, Arguments, Progress], object]


def start_job(
    installation: Installation,
    kind: str,
    project_slug: str | None,
    arguments: Arguments,
) -> Job:
    """Start a job of ``kind`` (one of HANDLERS) on a project and return its row.

    Args:
        project_slug: the project; None for a demo, which makes its own.
        arguments: JSON values for the job's handler; they stay in the row's result.

    Raises:
        NotFoundError: the kind or the project does not exist.
        ConflictError: a job of this kind already runs on this project.
    """
    _handler(kind)
    json.dumps(dict(arguments))  # fails here, in front of the caller, and not in the process
    reap(installation)
    with installation.database.begin() as session:
        project_id = None if project_slug is None else projects.get(session, project_slug).id
        for other in jobs.running(session):
            if (other.kind, other.project_id) == (kind, project_id):
                raise ConflictError(
                    f"A job of kind {kind!r} already runs on this project (job {other.id}, "
                    f"{other.done} of {other.total} done). Wait for it or cancel it."
                )
        job = jobs.create(session, kind, project_id)
        job = jobs.update(session, job.id, result={"arguments": dict(arguments)})
    try:
        pid = _spawn(installation.settings, job.id)
    except OSError as error:
        with installation.database.begin() as session:
            return jobs.update(
                session, job.id, state="failed", message=f"The process did not start: {error}."
            )
    with installation.database.begin() as session:
        return jobs.update(session, job.id, pid=pid)


def cancel_job(installation: Installation, job_id: int) -> Job:
    """Ask a job to stop at its next step; what it finished is kept."""
    with installation.database.begin() as session:
        jobs.request_cancel(session, job_id)
        return jobs.get(session, job_id)


def reap(installation: Installation) -> list[Job]:
    """Mark jobs failed whose process is gone without a last word, and return them."""
    failed: list[Job] = []
    with installation.database.read() as session:
        gone = [job for job in jobs.running(session) if not _is_alive(job)]
    for job in gone:
        with installation.database.begin() as session:
            if jobs.get(session, job.id).state not in ("queued", "running"):
                continue  # it had its last word in between
            message = (
                "The process ended before the work was done (stopped, out of memory, or the "
                "machine restarted). Start it again; finished parts are kept. "
                f"Log: {_log_name(job.id)}."
            )
            failed.append(jobs.update(session, job.id, state="failed", message=message))
    return failed


def log_path(settings: Settings, job_id: int) -> Path:
    """Return where the process of a job writes its output and traceback."""
    return settings.home / "logs" / _log_name(job_id)


def uploads_dir(settings: Settings) -> Path:
    """Return the folder of uploads that wait to be imported, each in a folder of its own."""
    return settings.home / "uploads"


class JobProgress:
    """A Progress that writes into a job row, at most five times a second.

    Raises CancelledError from a call when the row asks for it.
    """

    def __init__(self, installation: Installation, job_id: int) -> None:
        self._installation = installation
        self._job_id = job_id
        self._written_at = float("-inf")

    def __call__(self, step: str, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._written_at < _WRITE_EVERY_S:
            return
        self._written_at = now
        with self._installation.database.begin() as session:
            job = jobs.update(session, self._job_id, step=step, done=done, total=total)
        if job.cancel_requested:
            raise CancelledError(f"Cancelled at {step!r}, {done} of {total} done.")


def run_job(installation: Installation, job_id: int) -> Job:
    """Do the work of a queued job in this process and return its final row.

    A failure of the work is told in the row and in the log, and raised nowhere.
    """
    with installation.database.begin() as session:
        job = jobs.update(session, job_id, state="running", pid=os.getpid())
        slug = ""
        if job.project_id is not None:
            slug = projects.get_by_id(session, job.project_id).slug
    arguments: dict[str, Any] = job.result.get("arguments", {})
    state: JobState = "done"
    message = ""
    outcome: dict[str, Any] = {}
    try:
        progress = JobProgress(installation, job_id)
        progress("starting", 0, 1)  # a job cancelled before it began stops here
        outcome = _as_result(_handler(job.kind)(installation, slug, arguments, progress))
    except (CancelledError, KeyboardInterrupt) as error:
        state, message = "cancelled", str(error) or "Interrupted."
    except RsqaError as error:
        traceback.print_exc()
        state, message = "failed", str(error)
    except Exception as error:  # the row must get its last word whatever happens
        traceback.print_exc()
        state = "failed"
        message = f"{type(error).__name__}: {error} The log has the details: {_log_name(job_id)}."
    with installation.database.begin() as session:
        return jobs.update(
            session,
            job_id,
            state=state,
            message=message,
            result={**outcome, "arguments": arguments},
        )


def _import(
    installation: Installation, slug: str, arguments: Arguments, progress: Progress
) -> object:
    """Import ``arguments["source"]``; ``arguments["project"]`` names a project to be made."""
    from workflows.importing import ImportOptions, plan_import, run_import

    project = None
    if slug:
        with installation.database.read() as session:
            project = projects.get(session, slug)
    source = Path(arguments["source"])
    plan = plan_import(
        source,
        ImportOptions(**arguments.get("options", {})),
        project=project,
        progress=progress,
    )
    report = run_import(
        installation,
        plan,
        slug or str(arguments["project"]),
        name=arguments.get("name"),
        progress=progress,
    )
    plan.close()
    _remove_upload(installation.settings, source)
    outcome = dataclasses.asdict(report)
    # The row is for the screens; the command line prints every file that was left out.
    outcome["left_out"] = outcome["left_out"][:_LEFT_OUT_KEPT]
    return {**outcome, "left_out_count": len(report.left_out)}


def _remove_upload(settings: Settings, source: Path) -> None:
    """Remove an uploaded source once it is imported; a folder of the user's own stays."""
    uploads = uploads_dir(settings).resolve()
    if uploads in source.resolve().parents:
        name = source.resolve().relative_to(uploads).parts[0]
        shutil.rmtree(uploads / name, ignore_errors=True)


def _segment(
    installation: Installation, slug: str, arguments: Arguments, progress: Progress
) -> object:
    from rsqa_core.segmenters.network import shipped_segmenters
    from workflows.segmenting import SegmentReport, segment_project

    scene = arguments.get("scene")
    if not arguments.get("score", False):
        return segment_project(installation, slug, scene=scene, progress=progress)
    # Scored in between, so that review can begin long before the last image has its candidates.
    networks = shipped_segmenters()
    reports: list[SegmentReport] = []
    images_done = 0

    def of_all(step: str, done: int, total: int) -> None:
        progress(step, images_done + done, images_done + total)

    while not reports or reports[-1].images_left:
        report = segment_project(
            installation,
            slug,
            scene=scene,
            segmenters=networks,
            limit=_IMAGES_BETWEEN_SCORES,
            progress=of_all,
        )
        reports.append(report)
        images_done += _IMAGES_BETWEEN_SCORES
        _score(installation, slug, {}, progress)
    return dataclasses.replace(
        reports[-1],
        made=sum(report.made for report in reports),
        already_there=reports[0].already_there,
    )


def _score(
    installation: Installation, slug: str, arguments: Arguments, progress: Progress
) -> object:
    from workflows.scoring import score_project

    return score_project(installation, slug, progress=progress, head_id=arguments.get("head_id"))


def _retrain(
    installation: Installation, slug: str, arguments: Arguments, progress: Progress
) -> object:
    from workflows.retraining import retrain_project

    head = retrain_project(installation, slug, progress=progress)
    return {"head_id": head.id}


def _demo(
    installation: Installation, slug: str, arguments: Arguments, progress: Progress
) -> object:
    from workflows.demo import prepare_demo

    return prepare_demo(installation, progress=progress)


def _report(
    installation: Installation, slug: str, arguments: Arguments, progress: Progress
) -> object:
    from workflows.reports.files import kept_reports
    from workflows.reports.writing import write_report

    paths = kept_reports(installation.settings, slug)
    write_report(installation, slug, *paths, progress=progress)
    return {"files": [path.name for path in paths]}


HANDLERS: dict[str, Handler] = {
    "import": _import,
    "segment": _segment,
    "score": _score,
    "retrain": _retrain,
    "demo": _demo,
    "report": _report,
}
"""What a job of each kind does; every import of a workflow waits until it is needed."""


def _handler(kind: str) -> Handler:
    if kind not in HANDLERS:
        raise NotFoundError.named("kind of job", kind, HANDLERS)
    return HANDLERS[kind]


def _as_result(outcome: object) -> dict[str, Any]:
    """Return what a handler gave back as JSON values; anything without a form becomes text."""
    if dataclasses.is_dataclass(outcome) and not isinstance(outcome, type):
        value: Any = dataclasses.asdict(outcome)
    elif isinstance(outcome, Mapping):
        value = dict(outcome)
    else:
        value = {} if outcome is None else {"outcome": outcome}
    plain: dict[str, Any] = json.loads(json.dumps(value, default=str))
    return plain


def _spawn(settings: Settings, job_id: int) -> int:
    log = log_path(settings, job_id)
    log.parent.mkdir(parents=True, exist_ok=True)
    environment = environment_of(settings)
    rest_while_waiting(environment)
    with log.open("ab") as stream:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "workflows.jobs", str(job_id)],
            cwd=_ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    # Collects the exit status, or the ended process would look alive as a zombie.
    threading.Thread(target=process.wait, name=f"job-{job_id}", daemon=True).start()
    return process.pid


def _is_alive(job: Job) -> bool:
    if job.pid is None:
        if job.created_at is None:
            return False
        created = job.created_at
        if created.tzinfo is None:
            created = created.replace(tzinfo=dt.UTC)
        return (dt.datetime.now(dt.UTC) - created).total_seconds() < _START_GRACE_S
    try:
        os.kill(job.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it runs under another account; whether it is ours, its command line says
    command = Path(f"/proc/{job.pid}/cmdline")
    with contextlib.suppress(OSError):  # no /proc on macOS: the number is all there is
        words = command.read_bytes().split(b"\0")
        return job.pid == os.getpid() or str(job.id).encode() in words
    return True


def _log_name(job_id: int) -> str:
    return f"job-{job_id}.log"


def _terminated(number: int, frame: FrameType | None) -> None:
    raise CancelledError("The process was asked to end. Start the work again to go on.")


def main(arguments: list[str]) -> int:
    """Run the job whose id is the one argument; exit 0 when it is done, else 1."""
    from rsqa_core.settings import read_settings

    os.nice(19)  # review comes first: the same load at normal priority slows reruns sevenfold
    keep_freed_memory()
    signal.signal(signal.SIGTERM, _terminated)
    installation = open_installation(read_settings())
    job = run_job(installation, int(arguments[0]))
    print(f"job {job.id} ({job.kind}): {job.state} {job.message}", flush=True)
    return 0 if job.state == "done" else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from sqlalchemy import text

from db import open_database
from db.append_only import TRIGGERS
from db.store import projects, verdicts
from tests.db.filled import Filled

ROOT = Path(__file__).resolve().parents[2]


def start(*arguments: str | int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.db.process", *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def start_recording(filled: Filled, image: int, reviewer: str, count: int) -> subprocess.Popen[str]:
    return start(
        "record",
        str(filled.database.path),
        filled.project.id,
        filled.images[image].id,
        filled.of(image).id,
        reviewer,
        count,
    )


def require_success(process: subprocess.Popen[str]) -> str:
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    return output


def test_processes_may_open_the_same_fresh_database_at_once(tmp_path: Path) -> None:
    rounds, count = 3, 4
    processes = [start("open_fresh", str(tmp_path), rounds) for _ in range(count)]
    for number in range(rounds):
        while len(list(tmp_path.glob(f"ready-{number}-*"))) < count:
            assert all(process.poll() in (None, 0) for process in processes)
            time.sleep(0.01)
        (tmp_path / f"start-{number}").touch()
    for process in processes:
        require_success(process)
    for number in range(rounds):
        database = open_database(tmp_path / f"fresh-{number}" / "rsqa.sqlite3")
        with database.read() as session:
            assert projects.summaries(session) == []
            triggers = text("SELECT count(*) FROM sqlite_master WHERE type = 'trigger'")
            assert session.execute(triggers).scalar() == sum(map(len, TRIGGERS.values()))
        database.close()


def test_two_processes_lose_none_of_each_others_verdicts(filled: Filled) -> None:
    # The same image, so that both change its row as well.
    processes = [start_recording(filled, 0, reviewer, 200) for reviewer in ("ada", "bob")]
    said = [line for process in processes for line in require_success(process).split()]
    with filled.database.read() as session:
        rows = verdicts.history(session, filled.project.id, limit=None)
        labels = verdicts.labels(session, filled.project.id)
    assert sorted(row.id for row in rows) == sorted(said)
    assert len(rows) == 400
    assert len(filled.holding()) == 2
    assert labels == {filled.of(0).id: 199 % 101 / 100}


def test_threads_lose_none_of_each_others_verdicts(filled: Filled) -> None:
    def work(reviewer: str) -> None:
        for number in range(25):
            filled.say("correct", 0, reviewer=reviewer, score=number / 25)

    threads = [threading.Thread(target=work, args=(f"person-{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with filled.database.read() as session:
        assert len(verdicts.history(session, filled.project.id, limit=None)) == 200
    assert len(filled.holding()) == 8


def test_a_killed_process_loses_nothing_that_it_was_told_is_saved(filled: Filled) -> None:
    acknowledged: list[str] = []
    for round_number in range(3):
        process = start_recording(filled, round_number, "ada", 100_000)
        assert process.stdout is not None
        for _ in range(20 + round_number):
            acknowledged.append(process.stdout.readline().strip())
        process.send_signal(signal.SIGKILL)
        rest, _ = process.communicate(timeout=60)
        # A line that the kill cut short was not read by anybody.
        acknowledged += [line for line in rest.split() if len(line) == 36]
        assert process.returncode == -signal.SIGKILL
    with filled.database.read() as session:
        rows = verdicts.history(session, filled.project.id, limit=None)
        assert session.execute(text("PRAGMA integrity_check")).scalar() == "ok"
    assert len(acknowledged) >= 63
    assert set(acknowledged) <= {row.id for row in rows}

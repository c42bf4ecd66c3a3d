"""What the tests run in processes of their own: ``python -m tests.db.process TASK ARGUMENT...``."""

from __future__ import annotations

import sys
import time
import uuid
from pathlib import Path

from db import open_database
from db.store import verdicts
from rsqa_core.records import Verdict


def open_fresh(folder: str, rounds: str) -> None:
    """Open new databases, each at the moment when everybody else does."""
    for number in range(int(rounds)):
        start = Path(folder) / f"start-{number}"
        (Path(folder) / f"ready-{number}-{uuid.uuid4()}").touch()
        while not start.exists():
            time.sleep(0.001)
        open_database(Path(folder) / f"fresh-{number}" / "rsqa.sqlite3").close()


def record(path: str, project: str, image: str, candidate: str, reviewer: str, count: str) -> None:
    """Record verdicts, each replacing the one before, and print each id once it is committed."""
    database = open_database(Path(path))
    for number in range(int(count)):
        verdict = Verdict(
            id=str(uuid.uuid4()),
            project_id=int(project),
            image_id=int(image),
            candidate_id=int(candidate),
            reviewer=reviewer,
            kind="correct",
            score=(number % 101) / 100,
        )
        with database.begin() as session:
            verdicts.record(session, verdict)
        print(verdict.id, flush=True)


if __name__ == "__main__":
    {"open_fresh": open_fresh, "record": record}[sys.argv[1]](*sys.argv[2:])

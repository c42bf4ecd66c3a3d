"""One row of figures with all that is needed to read and repeat it."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import importlib.metadata
import io
import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from rsqa_core.files import write_atomically

ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path(__file__).with_name("results")
PACKAGES = ("torch", "numpy", "sqlalchemy", "streamlit")

Value = str | int | float


def append_row(
    path: Path, configuration: Mapping[str, Value], figures: Mapping[str, Value]
) -> None:
    """Append a row to the CSV file ``path``: circumstances, configuration, figures.

    Rows of before keep their values when columns are new; nothing is ever dropped.
    """
    append_rows(path, [{**configuration, **figures}])


def append_rows(path: Path, found: Sequence[Mapping[str, Value]]) -> None:
    """Append several rows of one run, each with the run's circumstances before it."""
    about = circumstances()
    rows: list[Mapping[str, Value | None]] = []
    if path.exists():
        with path.open(newline="") as stream:
            rows += csv.DictReader(stream)
    rows += [{**about, **row} for row in found]
    columns = list(dict.fromkeys(name for each in rows for name in each))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_atomically(path, text.getvalue().encode())


def put_sections(path: Path, found: Mapping[str, object]) -> None:
    """Write entries of a JSON document; those of other benchmarks stay."""
    document = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    text = json.dumps({**document, **found}, indent=2) + "\n"
    write_atomically(path, text.encode())


def circumstances() -> dict[str, Value]:
    """Return when, from which source and weights, with what, and on what machine this runs."""
    return {
        "date": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "weights": weights_digest(),
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in PACKAGES},
        "machine": f"{platform.system()} {platform.machine()} {_processor()}".strip(),
        "cores": os.cpu_count() or 0,
        "load_1min": round(os.getloadavg()[0], 1),
    }


def weights_digest(folder: Path = ROOT / "rsqa_core" / "weights") -> str:
    """Return 12 hex digits over names and contents of the shipped weights; ``none`` without any."""
    digest = hashlib.sha256()
    found = sorted(folder.rglob("*.safetensors"))
    for path in found:
        digest.update(f"{path.relative_to(folder)} {path.stat().st_size}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12] if found else "none"


def _commit() -> str:
    """The commit; a plus sign says that tracked files differ from it."""
    try:
        commit = _git("rev-parse", "--short=12", "HEAD")
        return commit + ("+" if _git("status", "--short", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*arguments: str) -> str:
    finished = subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return finished.stdout.strip()


def _processor() -> str:
    described = Path("/proc/cpuinfo")
    if described.exists():
        for line in described.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()

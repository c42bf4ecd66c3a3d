"""Locks between processes. (What the store does stands in its docstrings' examples.)"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rsqa_core.errors import CancelledError
from rsqa_core.files import trim_folder, turn

HOLDER = """
import sys
from pathlib import Path
from rsqa_core.files import turn
with turn(Path(sys.argv[1]), lambda: None):
    print("held", flush=True)
    sys.stdin.read()
"""


def hold(path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_turn_waits_until_the_other_process_is_done(tmp_path: Path) -> None:
    waits = []
    with hold(tmp_path / "lock") as holder:

        def waiting() -> None:
            waits.append(len(waits))
            if len(waits) == 3:
                holder.communicate("")

        with turn(tmp_path / "lock", waiting, every_s=0.01):
            assert holder.poll() == 0
    assert len(waits) >= 3


def test_a_killed_process_leaves_no_lock(tmp_path: Path) -> None:
    with hold(tmp_path / "lock") as holder:
        holder.kill()
        holder.wait()
    with turn(tmp_path / "lock", lambda: pytest.fail("still locked")):
        pass


def test_waiting_can_be_given_up(tmp_path: Path) -> None:
    def waiting() -> None:
        raise CancelledError("enough")

    with hold(tmp_path / "lock") as holder:
        with pytest.raises(CancelledError), turn(tmp_path / "lock", waiting):
            pass
        holder.communicate("")


def test_trimming_deletes_the_oldest_and_nothing_outside(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"x" * 100)
    folder = tmp_path / "remade"
    for age, name in enumerate(("new", "middle", "old")):
        path = folder / name[:2] / name
        path.parent.mkdir(parents=True)
        path.write_bytes(b"x" * 10)
        os.utime(path, (1000 - age, 1000 - age))
    (folder / "link").symlink_to(outside)

    assert trim_folder(folder, 20) == 1
    assert sorted(path.name for path in folder.glob("*/*")) == ["middle", "new"]
    assert trim_folder(folder, 20) == 0
    assert trim_folder(folder, 0) == 2
    assert outside.read_bytes() == b"x" * 100

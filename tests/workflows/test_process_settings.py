"""A process that keeps freed memory asks the system for it once."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

from workflows import process_settings
from workflows.process_settings import keep_freed_memory

_ROOT = Path(__file__).resolve().parents[2]
_SCRIPT = """
import resource, sys
import numpy as np
from workflows.process_settings import keep_freed_memory
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
if sys.argv[1] == "keep":
    assert keep_freed_memory()
np.ones(8 << 20)
before = faults()
for _ in range(20):
    np.ones(8 << 20)
print(faults() - before)
"""


def faults_of(way: str) -> int:
    """Return pages that 20 arrays of 64 MiB, one after another, got from the system."""
    command = [sys.executable, "-c", _SCRIPT, way]
    done = subprocess.run(command, cwd=_ROOT, check=True, capture_output=True, text=True)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only the GNU C library knows how")
def test_freed_memory_is_used_again():
    assert faults_of("keep") < faults_of("usual") / 10


def test_another_c_library_is_left_alone(monkeypatch):
    monkeypatch.setattr(process_settings.ctypes, "CDLL", lambda name: object())
    assert not keep_freed_memory()

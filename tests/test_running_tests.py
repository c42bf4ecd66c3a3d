"""The rules of tests/conftest.py, seen from outside: each test here runs pytest on a tiny file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[1]

_PLUGINS = ("-p", "tests.conftest", "-p", "no:cacheprovider")
_PASSES = "@pytest.mark.browser\ndef test_in_browser():\n    pass\n"
_SKIPS = "@pytest.mark.browser\ndef test_elsewhere():\n    pytest.skip('no Chromium')\n"
_PLAIN = "def test_plain():\n    pass\n"


def run_pytest(folder: Path, source: str, *options: str, **variables: str) -> tuple[int, str]:
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = browser: drives Chromium\n")
    (folder / "test_inner.py").write_text(f"import os\nimport pytest\n{source}")
    finished = subprocess.run(
        [sys.executable, "-m", "pytest", *_PLUGINS, "-rs", *options, str(folder)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(_ROOT), **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return finished.returncode, finished.stdout


@pytest.mark.parametrize(
    ("source", "code"),
    [
        (_PASSES, 0),
        (_PLAIN, 1),
        (_SKIPS, 1),
        (_PASSES + _SKIPS, 1),
    ],
    ids=["all ran", "there are none", "skipped", "some skipped"],
)
def test_a_run_that_requires_the_browser_fails_without_it(
    tmp_path: Path, source: str, code: int
) -> None:
    returned, output = run_pytest(tmp_path, source, "--require-browser")

    assert returned == code
    assert ("Browser tests must run here" in output) == (code == 1)
    assert output.rstrip().splitlines()[-1].startswith("====")


def test_browser_tests_may_be_skipped_where_nobody_requires_them(tmp_path: Path) -> None:
    returned, output = run_pytest(tmp_path, _SKIPS)

    assert returned == 0
    assert "no Chromium" in output


def test_settings_of_the_caller_do_not_reach_tests(tmp_path: Path) -> None:
    source = "def test_inner():\n    assert not [n for n in os.environ if n.startswith('RSQA_')]\n"

    returned, output = run_pytest(
        tmp_path, source, RSQA_HOME="elsewhere", RSQA_SAMPLE_MIRROR="mirror", RSQA_ODD="1"
    )

    assert returned == 0, output


def test_the_sample_mirror_of_the_caller_is_kept_for_tests_that_ask(tmp_path: Path) -> None:
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    source = f"def test_inner(sample_mirror):\n    assert str(sample_mirror) == {str(mirror)!r}\n"

    returned, output = run_pytest(tmp_path, source, RSQA_SAMPLE_MIRROR=str(mirror))

    assert returned == 0, output


def test_without_a_mirror_tests_of_real_data_are_skipped_by_name(tmp_path: Path) -> None:
    source = "def test_inner(sample_mirror):\n    raise AssertionError\n"

    returned, output = run_pytest(tmp_path, source)

    assert returned == 0
    assert "NO REAL SAMPLE DATA: set RSQA_SAMPLE_MIRROR" in output

"""What holds for every test: no settings from outside, and browser tests that CI insists on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_MIRROR = pytest.StashKey[Path | None]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--require-browser",
        action="store_true",
        help="Fail unless tests marked `browser` ran and none of them was skipped.",
    )


def pytest_configure(config: pytest.Config) -> None:
    # Before any fixture of any scope: RSQA_HOME of a developer must never be what a test writes to.
    removed = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("RSQA_")}
    config.add_cleanup(lambda: os.environ.update(removed))
    mirror = removed.get("RSQA_SAMPLE_MIRROR")
    config.stash[_MIRROR] = Path(mirror).resolve() if mirror else None
    if config.getoption("--require-browser"):
        config.pluginmanager.register(BrowserTestsMustRun())


class BrowserTestsMustRun:
    """Turns a run without browser tests into a failure, and says so above the closing line."""

    def __init__(self) -> None:
        self.ran: set[str] = set()
        self.skipped: set[str] = set()

    @property
    def is_satisfied(self) -> bool:
        return bool(self.ran) and not self.skipped

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if "browser" not in report.keywords:
            return
        if report.skipped:
            self.skipped.add(report.nodeid)
        elif report.when == "call":
            self.ran.add(report.nodeid)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if not self.is_satisfied and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self.is_satisfied:
            terminalreporter.write_line(
                f"Browser tests must run here, but {len(self.ran)} ran and "
                f"{len(self.skipped)} were skipped.",
                red=True,
            )


@pytest.fixture(scope="session")
def sample_mirror(pytestconfig: pytest.Config) -> Path:
    """The folder of real sample data that RSQA_SAMPLE_MIRROR named when the tests started."""
    mirror = pytestconfig.stash[_MIRROR]
    if mirror is None or not mirror.is_dir():
        pytest.skip(
            "NO REAL SAMPLE DATA: set RSQA_SAMPLE_MIRROR to a folder that holds dubai_hitl/ "
            f"(it is {mirror if mirror else 'not set'})."
        )
    return mirror

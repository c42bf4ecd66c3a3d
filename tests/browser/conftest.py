"""The app as a real server process, Chromium, and the database that both end in."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, Page, Playwright, expect, sync_playwright

from db.store import verdicts
from rsqa_core.records import Verdict
from rsqa_core.settings import Settings
from tests.browser.seeding import Seeded, seed_project
from workflows.opening import Installation, open_installation

APP = Path(__file__).resolve().parents[2] / "app.py"
VIEWPORT = {"width": 1366, "height": 768}
CHROMIUM_ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

_START_LIMIT_S = 60

# A busy machine is slow, not wrong.
expect.set_options(timeout=20_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    folder = Path(__file__).parent
    for item in items:
        if folder in item.path.parents:
            item.add_marker(pytest.mark.browser)


@dataclass
class Server:
    """The app on a port of its own; it can be killed and started again on the same port."""

    home: Path
    port: int
    script: Path = APP
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("RSQA_")}
        environment |= {"RSQA_HOME": str(self.home), "RSQA_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "streamlit", "run", str(self.script)]
        command += ["--server.port", str(self.port), "--server.address", "127.0.0.1"]
        with (self.home / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=APP.parent, env=environment, stdout=log, stderr=log
            )
        self._wait()

    def _wait(self) -> None:
        assert self.process is not None
        end = time.monotonic() + _START_LIMIT_S
        while time.monotonic() < end and self.process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2) as answer:
                    if answer.status == 200:
                        return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        log = (self.home / "server.log").read_text(errors="replace")
        pytest.fail(f"The app did not start. Its log ends with:\n{log[-3000:]}")

    def kill(self) -> None:
        """End the process as a crash would: without a chance to tidy up."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def server_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def installation(server_home: Path) -> Iterator[Installation]:
    opened = open_installation(Settings(home=server_home))
    yield opened
    opened.database.close()


@pytest.fixture(scope="session")
def server(server_home: Path, installation: Installation) -> Iterator[Server]:
    running = Server(server_home, free_port())
    running.start()
    yield running
    running.kill()


def launch_chromium(playwright: Playwright) -> Browser:
    """Start the system's Chromium, or Playwright's own."""
    found = next((path for name in CHROMIUM_NAMES if (path := shutil.which(name))), None)
    try:
        return playwright.chromium.launch(executable_path=found, args=CHROMIUM_ARGS)
    except Error as error:
        pytest.skip(
            "No Chromium: install it with the system's package manager or run "
            f"`playwright install chromium` ({error.message.splitlines()[0]})"
        )


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = launch_chromium(playwright)
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a browser that has never been here; its errors fail the test."""
    context = browser.new_context(viewport=VIEWPORT)  # type: ignore[arg-type]
    context.set_default_timeout(60_000)
    opened = context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    context.close()
    assert errors == []


def eventually(page: Page, holds: Callable[[], bool]) -> None:
    """Wait until the server has done what the page cannot tell."""
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end, "It did not come true within 20 s."
        page.wait_for_timeout(50)


_numbers = itertools.count(1)


@pytest.fixture
def make_project(installation: Installation) -> Callable[..., Seeded]:
    """Seed a project under a name that no other test uses."""

    def make(**options: object) -> Seeded:
        number = next(_numbers)
        options = {"slug": f"project-{number}", "name": f"Project {number}", **options}
        return seed_project(installation, **options)  # type: ignore[arg-type]

    return make


class Review:
    """The review page as a reviewer meets it, and the rows that come of it."""

    def __init__(self, page: Page, url: str, installation: Installation, seeded: Seeded) -> None:
        self.page = page
        self.url = url
        self.installation = installation
        self.seeded = seeded

    def open(self, **parameters: str | int) -> None:
        query = "".join(f"&{name}={value}" for name, value in parameters.items())
        self.page.goto(f"{self.url}/review?project={self.seeded.project.slug}{query}")
        self.wait_painted()

    def wait_painted(self, image_id: int | None = None) -> None:
        """Wait until an image (this one, when named) is drawn with its mask."""
        self.page.wait_for_function(
            "id => window.__rsqa?.painted?.maskShown && (id === null || __rsqa.imageId === id)",
            arg=image_id,
            timeout=60_000,
        )

    def wait_ready(self, count: int) -> None:
        """Wait until the next ``count`` images are loaded ahead."""
        self.page.wait_for_function("n => window.__rsqa?.ready >= n", arg=count, timeout=60_000)

    def wait_saved(self) -> None:
        """Wait until the server has acknowledged everything."""
        self.page.wait_for_function("() => window.__rsqa?.outbox === 0", timeout=60_000)

    def press(self, *keys: str, pause_s: float = 0.0) -> None:
        for key in keys:
            self.page.keyboard.press(key)
            if pause_s:
                time.sleep(pause_s)

    def read(self, name: str) -> object:
        return self.page.evaluate(f"() => window.__rsqa.{name}")

    @property
    def image_id(self) -> int:
        shown = self.read("imageId")
        assert isinstance(shown, int)
        return shown

    def rows(self) -> list[Verdict]:
        """Every row of the project's verdicts, oldest first."""
        with self.installation.database.read() as session:
            return verdicts.history(session, self.seeded.project.id, limit=None)[::-1]

    def holding(self) -> list[Verdict]:
        with self.installation.database.read() as session:
            return verdicts.effective(session, self.seeded.project.id)


@pytest.fixture
def review(
    page: Page, server: Server, installation: Installation, make_project: Callable[..., Seeded]
) -> Review:
    """A review session on a fresh project of 16 images, painted, with what follows at hand.

    A decision on an image that is not on the canvas yet is refused, so a test that presses keys
    one after another starts with the next images loaded, as a reviewer's second look finds them.
    """
    session = Review(page, server.url, installation, make_project())
    session.open()
    session.wait_ready(4)
    return session

"""The pages in a real browser: deep links on fresh servers, shared links, nothing from outside."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from db.store import jobs, projects
from rsqa_core.settings import Settings
from tests.browser.conftest import VIEWPORT, free_port
from tests.pages.seeding import add_project, add_ready_project
from workflows.opening import Installation, open_installation

_ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    *("Home", "Import", "Queue", "Review", "Map", "Progress", "Disagreements", "Areas"),
    *("Present", "Train", "Admin"),
]
_PATIENCE_MS = 90_000
"""Generous, because other work may share the machine; nothing here measures time with it."""
_RSQA = "from workflows.cli import main; main()"
_COMMANDS = {
    "rsqa serve": ["-c", _RSQA, "serve", "--no-browser", "--port", "{port}"],
    "streamlit run": ["-m", "streamlit", "run", "app.py", "--server.port", "{port}"],
    "uvicorn": ["-m", "uvicorn", "app:app", "--port", "{port}", "--log-level", "warning"],
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages") / "home"
    opened = open_installation(Settings(home=folder))
    add_ready_project(opened, image_count=8)
    opened.database.close()
    return folder


@contextlib.contextmanager
def _server(command: str, home: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    port = free_port()
    words = [word.format(port=port) for word in _COMMANDS[command]]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("RSQA_")}
    environment |= {"RSQA_HOME": str(home), "PYTHONPATH": str(_ROOT)}
    process = subprocess.Popen(
        [sys.executable, *words], cwd=_ROOT, env=environment, stdout=subprocess.DEVNULL
    )
    try:
        end = time.monotonic() + 120
        while not _answers(port):
            assert process.poll() is None, "the server ended"
            assert time.monotonic() < end, "the server does not answer"
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}", process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/_stcore/health")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


@pytest.fixture(scope="module")
def shell(home: Path) -> Iterator[str]:
    """The address of a running app."""
    with _server("rsqa serve", home) as (url, _):
        yield url


@pytest.fixture(autouse=True)
def _patient(page: Page) -> None:
    page.set_default_timeout(_PATIENCE_MS)


def _navigation(page: Page) -> list[str]:
    links = page.get_by_test_id("stSidebarNavLink").all_inner_texts()
    return [text.splitlines()[-1].strip() for text in links]


@pytest.mark.parametrize("command", list(_COMMANDS))
def test_the_first_request_of_a_fresh_server_may_be_a_deep_link(
    command: str, home: Path, page: Page
) -> None:
    with _server(command, home) as (url, _):
        page.goto(f"{url}/review?project=harbour&order=name&item=3")
        expect(page.get_by_text("tile_002").first).to_be_visible(timeout=_PATIENCE_MS)
        assert _navigation(page) == PAGES
        assert page.title() == "Review · RSQA"
        page.goto(f"{url}/queue?project=harbour&scene=scene+2")
        expect(page.get_by_role("heading", name="Queue")).to_be_visible(timeout=_PATIENCE_MS)
        assert "scene=scene+2" in page.url


def test_a_second_start_is_usable_within_ten_seconds_and_loads_no_torch(
    home: Path, page: Page
) -> None:
    started = time.monotonic()
    with _server("rsqa serve", home) as (url, process):
        page.goto(url)
        expect(page.get_by_role("button", name="Review", exact=True)).to_be_visible(
            timeout=_PATIENCE_MS
        )
        elapsed = time.monotonic() - started
        if Path("/proc/self/maps").exists():
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            for pid in (str(process.pid), *children):
                assert "libtorch" not in Path(f"/proc/{pid}/maps").read_text()
    # Twice the target: other work may share the machine. `make bench` reports the figure itself.
    assert elapsed < 20


def test_a_row_of_the_queue_opens_that_image(shell: str, page: Page) -> None:
    page.goto(f"{shell}/queue?project=harbour&order=name")
    table = page.get_by_test_id("stDataFrame").first
    expect(table).to_be_visible(timeout=_PATIENCE_MS)
    box = table.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 16, box["y"] + 35 + 26)  # the first row's box
    page.wait_for_url("**/review?**", timeout=_PATIENCE_MS)
    assert "order=name" in page.url
    assert "project=harbour" in page.url
    assert "item=1" in page.url
    expect(page.get_by_text("tile_000").first).to_be_visible(timeout=_PATIENCE_MS)


def test_the_reviewers_name_survives_a_reload_and_stays_out_of_links(
    shell: str, page: Page
) -> None:
    page.goto(shell)
    field = page.locator("input[aria-label='Reviewing as']")
    expect(field).to_have_value("Reviewer", timeout=_PATIENCE_MS)
    field.fill("Ada Lövelace")
    field.press("Enter")
    page.wait_for_function("document.cookie.includes('rsqa_reviewer')")
    page.reload()
    expect(field).to_have_value("Ada Lövelace", timeout=_PATIENCE_MS)
    assert "Ada" not in page.url


@pytest.mark.parametrize("path", ["", "import", "queue", "progress", "train", "admin"])
def test_nothing_comes_from_outside_and_nothing_overflows(
    shell: str, page: Page, path: str
) -> None:
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(f"{shell}/{path}?project=harbour")
    expect(page.locator("h1")).to_be_visible(timeout=_PATIENCE_MS)
    page.wait_for_timeout(1000)
    outside = [url for url in asked if not url.startswith((shell, "data:", "blob:"))]
    assert outside == []
    assert [text for text in complaints if "Content Security Policy" in text] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= VIEWPORT["width"]


def test_an_unknown_host_name_is_refused(shell: str) -> None:
    connection = http.client.HTTPConnection(shell.removeprefix("http://"), timeout=5)
    connection.request("GET", "/_stcore/health", headers={"Host": "evil.example:80"})
    answer = connection.getresponse()
    assert answer.status == 421
    assert b"--allow-host" in answer.read()
    connection.close()


def test_a_taken_port_is_one_clear_line(home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = subprocess.run(
            [sys.executable, "-c", _RSQA, "serve", "--no-browser", "--port", str(port)],
            cwd=_ROOT,
            env={**os.environ, "RSQA_HOME": str(home)},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert result.returncode == 1
    assert result.stderr.startswith(f"Error: The app cannot listen on 127.0.0.1:{port}")
    assert "Traceback" not in result.stderr


def test_progress_moves_without_a_click_and_the_page_follows_the_end(
    home: Path, shell: str, page: Page
) -> None:
    opened = open_installation(Settings(home=home))
    with opened.database.begin() as session:
        project = projects.get(session, "harbour")
        job = jobs.create(session, "segment", project.id)
    # Stands in for the job's process: alive, and with the job's id on its command line.
    sleeper = [sys.executable, "-c", "import time; time.sleep(60)", str(job.id)]
    with subprocess.Popen(sleeper) as process:
        try:
            _report(opened, job.id, state="running", pid=process.pid, done=1, total=4)
            page.goto(f"{shell}/?project=harbour")
            expect(page.get_by_text("1 of 4")).to_be_visible(timeout=_PATIENCE_MS)
            _report(opened, job.id, done=3)
            expect(page.get_by_text("3 of 4")).to_be_visible(timeout=_PATIENCE_MS)
            page.get_by_role("button", name="Cancel").click()
            expect(page.get_by_text("stopping after")).to_be_visible(timeout=_PATIENCE_MS)
            _report(opened, job.id, state="cancelled", message="Cancelled.")
            expect(page.get_by_text("was cancelled")).to_be_visible(timeout=_PATIENCE_MS)
        finally:
            process.terminate()
    opened.database.close()


def _report(opened: Installation, job_id: int, **changes: Any) -> None:
    with opened.database.begin() as session:
        jobs.update(session, job_id, step="unet", **changes)


def test_names_from_people_stay_text(home: Path, shell: str, page: Page) -> None:
    opened = open_installation(Settings(home=home))
    name = "[click](http://evil.example) <img src=x onerror=alert(1)> **b** :red[r] $x$"
    add_project(opened, slug="odd", name=name, image_count=1, seed=9)
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    page.goto(f"{shell}/?project=odd")
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible(timeout=_PATIENCE_MS)
    # A bare address becomes a link that shows where it leads; none may hide it behind a word.
    links = page.locator("a[href*='evil.example']").all_inner_texts()
    assert all(text.startswith("http://evil.example") for text in links)
    assert dialogs == []
    with opened.database.begin() as session:
        projects.delete(session, "odd")
    opened.database.close()

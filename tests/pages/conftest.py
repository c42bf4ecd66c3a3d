"""A home folder of its own for every test of a page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pages.components import opening
from workflows.opening import Installation

APP = Path(__file__).resolve().parents[2] / "app.py"
OpenPage = Callable[..., AppTest]
Started = list[tuple[str, str | None, dict[str, object]]]


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    for name in ("RSQA_SAMPLE_MIRROR", "RSQA_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RSQA_HOME", str(tmp_path / "home"))
    opened = opening.installation()
    yield opened
    opened.database.close()
    opening.forget()


@pytest.fixture
def open_page(installation: Installation) -> OpenPage:
    """Open a page of app.py the way a browser does: first Home, then the page."""

    def open_(page: str = "home", **parameters: str) -> AppTest:
        test = AppTest.from_file(str(APP), default_timeout=30)
        test.query_params.update(parameters)
        test.run()
        if page != "home":
            test.switch_page(f"pages/{page}.py")
            test.query_params.update(parameters)
            test.run()
        return test

    return open_


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    """Record the jobs that a page starts instead of starting them."""
    calls: Started = []

    def start(installation: object, kind: str, slug: str | None, arguments: object) -> None:
        calls.append((kind, slug, dict(arguments)))  # type: ignore[call-overload]

    monkeypatch.setattr("workflows.jobs.start_job", start)
    return calls

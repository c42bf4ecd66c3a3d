"""`rsqa serve`: which command it starts, and what it refuses."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from rsqa_core.errors import InvalidInputError
from workflows.commands import demo, serve
from workflows.opening import open_installation


def _hosts(words: list[str]) -> list[str]:
    return [words[i + 1] for i, word in enumerate(words) if word == "--server.allowedHosts"]


def test_the_server_answers_to_this_machine_alone_unless_told_otherwise() -> None:
    words = serve.server_command(9000, "127.0.0.1")
    assert words[words.index("--server.port") + 1] == "9000"
    assert words[words.index("--server.address") + 1] == "127.0.0.1"
    assert _hosts(words) == ["localhost", "127.0.0.1"]


def test_other_host_names_are_allowed_by_name() -> None:
    assert _hosts(serve.server_command(80, "0.0.0.0", ("rsqa.example",))) == [
        "localhost",
        "127.0.0.1",
        "rsqa.example",
    ]
    assert "10.0.0.7" in _hosts(serve.server_command(80, "10.0.0.7"))


def test_a_taken_port_and_a_foreign_address_are_explained() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(InvalidInputError, match="--port"):
            serve.require_free_port("127.0.0.1", taken.getsockname()[1])
    with pytest.raises(InvalidInputError, match="cannot listen on 203"):
        serve.require_free_port("203.0.113.9", 8501)


@pytest.mark.parametrize(
    ("environment", "shown"),
    [({}, False), ({"DISPLAY": ":0"}, True), ({"WAYLAND_DISPLAY": "w"}, True)],
)
def test_a_browser_opens_only_where_there_is_a_display(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], shown: bool
) -> None:
    monkeypatch.setattr(serve.sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert serve.has_display() is shown


class Ended:
    """A server that has stopped by itself."""

    def __init__(self, order: list[str]) -> None:
        order.append("server")

    def poll(self) -> int:
        return 0

    def wait(self) -> int:
        return 0


@pytest.mark.parametrize("known", [False, True])
def test_the_demo_is_there_before_a_first_start_and_checked_beside_later_ones(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, known: bool
) -> None:
    order: list[str] = []
    monkeypatch.setenv("RSQA_HOME", str(tmp_path / "home"))
    if known:
        open_installation().database.close()
    monkeypatch.setattr(serve.subprocess, "Popen", lambda *_, **__: Ended(order))
    monkeypatch.setattr(demo, "prepare", lambda: order.append("demo"))

    result = CliRunner().invoke(serve.command, ["--port", "18501", "--no-browser", "--demo"])

    assert result.exit_code == 0, result.output
    assert order == (["server", "demo"] if known else ["demo", "server"])


def test_the_app_opens_without_a_demo_that_cannot_be_had(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    order: list[str] = []
    monkeypatch.setenv("RSQA_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(serve.subprocess, "Popen", lambda *_, **__: Ended(order))

    def fail() -> None:
        raise InvalidInputError("Expected imagery, but got none.")

    monkeypatch.setattr(demo, "prepare", fail)

    result = CliRunner().invoke(serve.command, ["--port", "18501", "--no-browser", "--demo"])

    assert result.exit_code == 0, result.output
    assert "Expected imagery" in result.output
    assert "opens without it" in result.output
    assert order == ["server"]


def test_a_port_out_of_range_is_wrong_usage() -> None:
    result = CliRunner().invoke(serve.command, ["--port", "99999"])
    assert result.exit_code == 2
    assert "not in the range" in result.output

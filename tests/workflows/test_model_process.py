"""The process that holds models: it answers, says why not, and is replaced when it is gone."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from rsqa_core.errors import InvalidInputError
from rsqa_core.settings import Settings
from workflows import model_process
from workflows.model_process import ModelProcess, ModelsUnavailableError, serve
from workflows.opening import Installation, open_installation


@pytest.fixture
def process(tmp_path: Path) -> Iterator[ModelProcess]:
    started = ModelProcess(Settings(home=tmp_path / "home", offline=True))
    yield started
    started.close()


def test_what_is_asked_for_wrongly_is_refused_with_the_reason(process: ModelProcess) -> None:
    with pytest.raises(InvalidInputError, match="image"):
        process.ask("error_images", image_id=7)


def test_a_process_that_was_killed_is_replaced(process: ModelProcess) -> None:
    for _ in range(2):
        with pytest.raises(InvalidInputError):
            process.ask("error_images", image_id=7)
        running = process._process
        assert running is not None
        os.kill(running.pid, 9)


def test_a_failure_inside_leaves_the_process_there(process: ModelProcess) -> None:
    with pytest.raises(ModelsUnavailableError, match="KeyError"):
        process.ask("no such operation")
    running = process._process
    assert running is not None
    with pytest.raises(ModelsUnavailableError):
        process.ask("no such operation")
    assert process._process is running


def test_an_answer_that_takes_too_long_ends_the_process(
    process: ModelProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_process, "TIMEOUT_S", 0.01)  # less than Python takes to start

    with pytest.raises(ModelsUnavailableError, match="did not answer 'error_images'"):
        process.ask("error_images", image_id=7)
    assert process._process is None


def answers(installation: Installation, *lines: bytes, close: bool = True) -> list[object]:
    reading, writing = os.pipe()
    os.write(writing, b"".join(line + b"\n" for line in lines))
    if close:
        os.close(writing)
    replies = io.BytesIO()
    with os.fdopen(reading, "rb", buffering=0) as requests:
        serve(installation, requests, replies)
    if not close:
        os.close(writing)
    return [json.loads(line) for line in replies.getvalue().splitlines()]


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    opened = open_installation(Settings(home=tmp_path / "home"))
    yield opened
    opened.database.close()


def test_each_line_has_one_answer(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(model_process._OPERATIONS, "double", lambda _, value: 2 * value)
    asked = [json.dumps({"op": "double", "args": {"value": n}}).encode() for n in (1, 2, 3)]

    found = answers(installation, *asked, b"not json")

    assert found[:3] == [{"value": 2}, {"value": 4}, {"value": 6}]
    assert found[3]["kind"] == "failed"  # type: ignore[index]


def test_it_ends_when_nobody_asks(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_process, "IDLE_S", 0.05)

    assert answers(installation, close=False) == []

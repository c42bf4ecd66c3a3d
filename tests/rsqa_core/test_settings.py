"""The runtime is chosen in one place."""

from __future__ import annotations

from pathlib import Path

import pytest

from rsqa_core.errors import InvalidInputError
from rsqa_core.settings import Settings, environment_of, read_settings


@pytest.mark.parametrize(
    ("environ", "runtime"), [({}, "auto"), ({"RSQA_RUNTIME": "torch"}, "torch")]
)
def test_the_runtime_is_read(environ: dict[str, str], runtime: str) -> None:
    assert read_settings(environ).runtime == runtime


def test_an_unknown_runtime_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"auto, torch, openvino, but got 'onnx'"):
        read_settings({"RSQA_RUNTIME": "onnx"})


@pytest.mark.parametrize("mirror", [None, Path("/mirror")])
def test_another_process_reads_the_same_settings(mirror: Path | None) -> None:
    settings = Settings(Path("/home/rsqa"), mirror, True, "https://hub.example", "openvino")

    environ = environment_of(settings, {"PATH": "/bin", "RSQA_SAMPLE_MIRROR": "/old"})

    assert read_settings(environ) == settings
    assert environ["PATH"] == "/bin"

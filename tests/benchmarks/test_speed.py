"""The benchmark runs, on a size at which its figures mean nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from benchmarks import speed


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def test_a_smoke_run_gives_every_figure_and_records_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(speed, "RESULTS", tmp_path / "results")

    speed.main(["--smoke"])

    printed = dict(line.rsplit(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert {name.strip() for name in printed} == {
        "candidates_per_s_nothing_cached",
        "candidates_per_s_image_features_cached",
        "candidates_per_s_all_cached",
        "retrain_s",
    }
    assert all(float(value) > 0 for value in printed.values())
    assert not (tmp_path / "results").exists()

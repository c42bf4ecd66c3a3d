"""The benchmark of costs runs, on a size at which its figures mean nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.costs import __main__ as costs


def test_a_smoke_run_gives_every_figure_and_records_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(costs, "RESULTS", tmp_path / "results")

    costs.main(["--smoke"])

    printed = dict(line.split() for line in capsys.readouterr().out.splitlines())
    assert set(printed) == {
        f"retrain_48_{run}_{unit}" for run in ("first", "again") for unit in ("s", "peak_mb")
    }
    assert all(float(value) > 0 for value in printed.values())
    assert not (tmp_path / "results").exists()

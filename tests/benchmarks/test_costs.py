"""The benchmark of costs runs, on a size at which its figures mean nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.costs import __main__ as costs

UNITS = ("s", "peak_mb")
PEAKS = {"peak_float32_gflops", "peak_bfloat16_gflops"}
ENCODING = ("runtime", "plain_images_per_s", "rsqa_images_per_s", "ratio", "share_of_peak")
SCORING = {
    "score_8_candidates_s",
    "encode_one_image_s",
    "pass_over_8_maps_s",
    "scoring_ratio",
}


def test_a_smoke_run_gives_every_figure_and_records_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(costs, "RESULTS", tmp_path / "results")

    costs.main(["--smoke"])

    printed = dict(line.split() for line in capsys.readouterr().out.splitlines())
    retraining = {f"retrain_48_{run}_{unit}" for run in ("first", "again") for unit in UNITS}
    encoding = {f"rsqa_compact_{name}" for name in ENCODING} | PEAKS
    assert set(printed) == retraining | encoding | SCORING
    assert printed.pop("rsqa_compact_runtime") in ("openvino", "torch")
    figures = {name: float(value) for name, value in printed.items()}
    assert all(value >= 0 for value in figures.values())
    assert all(figures[name] > 0 for name in retraining | PEAKS)
    plain, ours = (figures[f"rsqa_compact_{who}_images_per_s"] for who in ("plain", "rsqa"))
    assert figures["rsqa_compact_ratio"] == pytest.approx(ours / plain, abs=0.02, rel=0.02)
    assert not (tmp_path / "results").exists()

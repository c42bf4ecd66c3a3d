"""The whole benchmark runs, on scenes at which its figures mean nothing."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
import torch

from benchmarks.quality import __main__ as quality
from benchmarks.quality.report import FIGURES

PROTOCOLS = (
    "leave_one_scene_out",
    "leave_one_segmenter_out",
    "leave_one_dataset_out",
    "leave_one_dataset_out_20_labels",
)


def test_a_smoke_run_writes_every_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.set_num_threads(1)

    quality.main(["--smoke", "--results", str(tmp_path)])

    content = json.loads((tmp_path / "quality.json").read_text())
    assert set(content) == {
        *PROTOCOLS,
        *("intervals", "error_map", "cost", "commit", "seeds", "versions"),
        *("ablations", "sanity", "learning_curve", "alarms"),
    }
    for protocol in PROTOCOLS:
        assert {"head", "ac", "metaseg", "constant_best", "oracle"} <= content[protocol].keys()
        for figures in content[protocol].values():
            assert tuple(figures) == FIGURES
            value, low, high = figures["mae"]
            assert low <= value <= high
    assert content["leave_one_scene_out"]["oracle"]["mae"] == [0.0, 0.0, 0.0]
    assert set(content["intervals"]) == {"coverage", "worst_group", "width"}
    assert content["error_map"]["1-max_prob"]["auprc"][0] > 0
    with (tmp_path / "quality.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["protocol"] for row in rows} == set(PROTOCOLS)
    assert all(row["commit"] and row["seeds"] == "2" for row in rows)
    text = (tmp_path / "quality.md").read_text()
    for path in tmp_path.glob("*.png"):
        assert f"({path.name})" in text
    assert len(list(tmp_path.glob("*.png"))) == 4
    assert "| metaseg |" in text
    assert "| metaseg |" in capsys.readouterr().out


def test_a_home_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        quality.main(["--projects", "here"])

    assert "expected --home DIR" in capsys.readouterr().err

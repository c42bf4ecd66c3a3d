"""The benchmark of distorted imagery: what is done to images, and that a run gives every figure."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import distortions
from rsqa_core.datasets.classes import DEFAULT_CLASSES
from rsqa_core.raster import encode_mask
from rsqa_core.scenes import render_scene


def test_every_distortion_changes_the_picture_in_its_own_way() -> None:
    rgb = np.random.default_rng(1).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    changed = [one.values(rgb) for one in distortions.DISTORTIONS.values() if one.scale == 1]
    assert all(one.shape == rgb.shape and one.dtype == np.uint8 for one in changed)
    assert len({one.tobytes() for one in changed}) == len(changed)


def test_a_run_appends_a_row_for_each(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    data = tmp_path / "data"
    scene = render_scene(seed=61_000, size_px=128)
    for part in ("images", "masks"):
        (data / part).mkdir(parents=True)
    Image.fromarray(scene.rgb.transpose(1, 2, 0)).save(data / "images" / "a.png")
    (data / "masks" / "a.png").write_bytes(encode_mask(scene.reference_mask))
    palette = {one.name: one.id for one in DEFAULT_CLASSES}
    (data / "palette.json").write_text(json.dumps(palette))
    tried = {n: distortions.DISTORTIONS[n] for n in ("as it is", "coarser, 4 times")}
    monkeypatch.setattr(distortions, "DISTORTIONS", tried)

    distortions.main(["--data", str(data), "--side", "128", "--results", str(tmp_path)])

    with (tmp_path / "distortions.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["distortion"] for row in rows] == list(tried)
    assert len(capsys.readouterr().out.splitlines()) == len(tried)
    for row in rows:
        assert int(row["candidates"]) >= 4
        assert row["images"] == "1"
        shares = [float(row[name]) for name in ("accuracy", "predicted", "coverage", "alarms")]
        assert all(0 <= share <= 1 for share in shares)
        assert float(row["mae"]) <= 1
        assert float(row["width"]) > 0
    assert rows[0]["accuracy"] != rows[1]["accuracy"]

"""The parts beside the protocols, on drawn candidates."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.quality import __main__ as quality
from benchmarks.quality.ablations import (
    CHANGES,
    ablation_lines,
    ablations,
    pooled_inputs,
    without_map,
)
from benchmarks.quality.curve import ORDERS, Scene, curve_lines, learning_curve
from benchmarks.quality.keeping import Keeper
from benchmarks.quality.methods import head_method
from benchmarks.quality.parts import clustered_mean, write_part
from benchmarks.quality.plots import draw_curve
from benchmarks.quality.protocol import run
from benchmarks.quality.shift import alarm_lines, alarms
from rsqa_core.heads.alarms import UNKNOWN_CLASS
from rsqa_core.heads.head import Prediction
from rsqa_core.heads.residual import Points
from rsqa_core.training.adaptation import BaseView, Labels
from rsqa_core.training.head import HeadTraining
from tests.benchmarks.quality.drawn import draw_candidates

QUICK = HeadTraining(epochs=1, seeds=1, width=4)


def test_a_smoke_run_puts_every_part_into_both_files(tmp_path: Path) -> None:
    torch.set_num_threads(1)

    quality.main(["--smoke", "--parts", "sanity", "alarms", "--results", str(tmp_path)])

    content = json.loads((tmp_path / "quality.json").read_text())
    assert set(content) == {"sanity", "alarms"}
    sanity = content["sanity"]
    assert sanity["pairs"] == sum(own["pairs"] for own in sanity["by_segmenter"].values()) > 0
    assert sanity["own_higher"][0] > 0.5  # the full head's guess alone tells most of them apart
    assert {"held_out_scene", "other_dataset"} <= content["alarms"].keys()
    assert "## Masks of another image" in (tmp_path / "quality.md").read_text()


def test_every_ablation_is_compared_with_the_full_head() -> None:
    found = draw_candidates(("here/east", "here/north", "there/south"), images=4)

    content = ablations(found, QUICK, 1, 10, names=("no gate", "no anchor", "pooled only"))

    assert content["scenes"] == 2  # those of the other data set are not predicted
    assert content["candidates"] == int((found.dataset == "here").sum())
    assert list(content["gains"]) == ["no gate", "no anchor", "pooled only"]
    full, other = (content["figures"][name]["mae"][0] for name in ("full", "no anchor"))
    assert full != other
    assert content["gains"]["no anchor"]["mae"][0] == pytest.approx(other - full, abs=2e-5)
    assert "| no gate |" in "\n".join(ablation_lines(content))


def test_ablations_take_the_full_head_that_a_protocol_kept(tmp_path: Path) -> None:
    found = draw_candidates(("here/east", "here/north"), images=4)
    keeper = Keeper.of(tmp_path, found)
    run("leave_one_scene_out", found, [without_map(head_method(QUICK))], 1, keeper=keeper)
    assert len(list(tmp_path.iterdir())) == 1

    ablations(found, QUICK, 1, 10, names=("pooled only", "no gate"), keeper=keeper)

    assert len(list(tmp_path.iterdir())) == 3


def test_ablations_change_what_training_knows() -> None:
    for changes in CHANGES.values():
        replace(QUICK, **changes)  # type: ignore[arg-type]


def test_pooled_inputs_say_the_mean_and_leave_missing_numbers_missing() -> None:
    inputs = draw_candidates(("here/east",), images=1).labelled.inputs
    cells = inputs.cells.copy()
    cells[0, :, 0] = np.nan
    cells[1, 0, 1] = np.nan

    pooled = pooled_inputs(replace(inputs, cells=cells))

    assert np.isnan(pooled.cells[0, :, 0]).all()
    assert pooled.cells[1, 0, 1] == pytest.approx(np.nanmean(cells[1, :, 1]), rel=1e-5)
    assert np.ptp(pooled.cells[1, :, 1]) == 0
    assert np.ptp(pooled.tokens, axis=1).max() == 0


def test_orders_choose_each_allowed_candidate_once() -> None:
    found = draw_candidates(("here/east",), images=6)
    data = found.labelled
    labels = Labels(data.inputs, data.places, found.target, np.zeros(len(found)))
    half = np.full(len(found), 0.1)
    prediction = Prediction(
        found.target,
        found.target - half,
        found.target + half,
        half,
        np.zeros((len(found), 1)),
        found.target,
    )
    points = Points(data.inputs.rows, data.places, found.target, np.linspace(0.8, 1.2, len(found)))
    view = BaseView(labels, prediction, points, 1.0)
    scene = Scene(view, found.image, np.linspace(0.1, 0.2, len(found)))
    allowed = found.image != 2

    for name, order in ORDERS.items():
        chosen = order(scene, allowed, 12, np.random.default_rng(0))
        assert len(set(chosen.tolist())) == len(chosen) == 12, name
        assert allowed[chosen].all(), name
        if name != "free":
            assert len(set(found.image[chosen[:5]].tolist())) == 5, name


def test_labels_of_a_scene_lower_its_error(tmp_path: Path) -> None:
    found = draw_candidates(("here/east", "here/north"), images=8)

    content = learning_curve(found, QUICK, 2)

    east = content["scenes"]["here/east"]
    assert east["labels"] == [0, 5, 10]
    assert set(east["orders"]) == set(ORDERS)
    assert all(curve["fall"][0] == 0 for curve in east["orders"].values())
    assert content["wins"]["queue"]["10"][1] == 2
    name = draw_curve(tmp_path, content)
    assert name is not None
    assert (tmp_path / name).stat().st_size > 0
    assert name in "\n".join(curve_lines(content, name))


def test_a_class_of_another_data_set_alone_raises_the_alarm() -> None:
    found = draw_candidates()
    classes = {"here": ["water", "road"], "there": ["water", "snow"]}

    content = alarms(found, QUICK, 10, classes)

    assert content["held_out_scene"]["all"]["fired"][UNKNOWN_CLASS][0] == 0
    assert content["other_dataset"]["all"]["fired"][UNKNOWN_CLASS][0] == 1
    other = content["other_dataset"]["all"]
    assert other["width_widened"][0] > other["width"][0]
    assert other["coverage_widened"][0] >= other["coverage"][0]
    assert "Other dataset:" in alarm_lines(content)


def test_a_part_replaces_itself_and_leaves_the_others(tmp_path: Path) -> None:
    write_part(tmp_path, "a", {"value": 1}, ["first"])
    write_part(tmp_path, "b", {"value": 2}, ["second"])

    write_part(tmp_path, "a", {"value": 3}, ["third"])

    content = json.loads((tmp_path / "quality.json").read_text())
    assert (content["a"]["value"], content["b"]["value"]) == (3, 2)
    text = (tmp_path / "quality.md").read_text()
    assert "first" not in text
    assert text.count("third") == text.count("second") == 1


def test_a_clustered_mean_lies_in_its_interval() -> None:
    found = clustered_mean(np.array([0, 1, 1, 1]), np.array(["a", "a", "b", "b"]), 50)

    assert found is not None
    value, low, high = found
    assert value == 0.75
    assert low < value < high
    assert clustered_mean(np.zeros(0), np.zeros(0), 5) is None

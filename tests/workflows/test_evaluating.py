"""Figures of predicted quality on a project, beside every baseline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from db.store import candidates, images, projects, scores
from rsqa_core.errors import InvalidInputError, NotFoundError
from rsqa_core.evaluation.agreement import pooled
from rsqa_core.raster import encode_mask, pixel_sha256
from rsqa_core.records import NewCandidate
from tests.rsqa_core.standins import CLASSES, BandSegmenter
from tests.workflows.conftest import Models
from tests.workflows.harbour import SCENES, SLUG, TILES_A_SCENE, add_project, add_tiles, draw_tile
from workflows.commands import evaluate as evaluate_command
from workflows.evaluating import evaluate_project
from workflows.opening import Installation
from workflows.segmenting import segment_project

TILES = len(SCENES) * TILES_A_SCENE
METHODS = ("rsqa", "ac", "entropy", "margin", "agreement", "constant_best", "oracle")
POOLED = ("srcc", "krcc", "plcc", "mae", "rmse")
WITHIN = ("top1", "regret_mean", "regret_p95", "gap_closed")


def figures_of(installation: Installation, **options: Any) -> dict[str, Any]:
    return evaluate_project(installation, SLUG, **options).to_json()


def test_every_method_has_every_figure(scored: Installation) -> None:
    figures = figures_of(scored)

    assert figures["n_images"] == TILES
    assert figures["n_candidates"] == 3 * TILES
    assert tuple(figures["pooled"]) == METHODS
    assert tuple(figures["within_image"]) == METHODS
    for method in METHODS:
        assert set(POOLED) <= figures["pooled"][method].keys()
        assert set(WITHIN) <= figures["within_image"][method].keys()
        # constant_best and oracle may have no correlation, but everything has an error here.
        assert isinstance(figures["pooled"][method]["mae"], float)
        assert 0 <= figures["within_image"][method]["top1"] <= 1


def test_the_figures_are_plain_json_without_nan(scored: Installation) -> None:
    figures = figures_of(scored)

    assert json.loads(json.dumps(figures, allow_nan=False)) == figures


def test_figures_of_rsqa_are_those_of_its_published_scores(scored: Installation) -> None:
    with scored.database.read() as session:
        project = projects.get(session, SLUG)
        found = scores.of_head(session, project.id, str(project.active_head_id))
        every = candidates.all_of(session, project.id)
    expected = pooled(
        np.array([found[c.id].score for c in every]),
        np.array([c.overall_accuracy for c in every], dtype=np.float64),
    )
    assert expected is not None

    figures = figures_of(scored)["pooled"]["rsqa"]

    for name in POOLED:
        assert figures[name] == pytest.approx(getattr(expected, name), abs=1e-6)
    assert figures["srcc"] > 0.5


def test_the_oracle_is_never_wrong_and_the_constant_closes_no_gap(scored: Installation) -> None:
    figures = figures_of(scored)

    oracle, usual = figures["within_image"]["oracle"], figures["within_image"]["constant_best"]
    assert (oracle["top1"], oracle["regret_mean"], oracle["regret_p95"]) == (1.0, 0.0, 0.0)
    assert figures["pooled"]["oracle"]["mae"] == 0.0
    assert figures["pooled"]["oracle"]["srcc"] == pytest.approx(1.0)
    assert usual["gap_closed"] in (0.0, None)
    assert usual["regret_mean"] >= 0.0


def test_the_gain_over_the_strongest_baseline_comes_with_its_interval(
    scored: Installation,
) -> None:
    figures = figures_of(scored)

    baselines = [m for m in METHODS if m not in ("rsqa", "oracle")]
    strongest = max(baselines, key=lambda m: figures["pooled"][m]["srcc"] or -2.0)
    assert figures["strongest_baseline"] == strongest
    for name in ("srcc", "mae"):
        low, high = figures["gain_over_strongest"][name]
        own, rival = (figures["pooled"][m][name] for m in ("rsqa", strongest))
        assert low <= own - rival <= high


def test_one_scene_alone_can_be_asked_for(scored: Installation) -> None:
    figures = figures_of(scored, scene="south")

    assert figures["n_images"] == TILES_A_SCENE
    assert figures["n_candidates"] == 3 * TILES_A_SCENE
    with pytest.raises(InvalidInputError, match="in scene 'east'"):
        evaluate_project(scored, SLUG, scene="east")


def test_scenes_of_the_training_are_named(scored: Installation) -> None:
    assert figures_of(scored)["seen_scenes"] == ["north"]
    assert figures_of(scored, scene="west")["seen_scenes"] == []


def test_images_without_a_reference_do_not_count(scored: Installation) -> None:
    with scored.database.read() as session:
        project = projects.get(session, SLUG)
    add_tiles(scored, project, "bare", range(50, 53), with_reference=False)
    segment_project(scored, SLUG)

    figures = figures_of(scored)

    assert (figures["n_images"], figures["n_candidates"]) == (TILES, 3 * TILES)


def test_a_project_without_any_reference_is_refused(scored: Installation) -> None:
    project = add_project(scored, "bare")
    add_tiles(scored, project, "north", range(2), with_reference=False)
    segment_project(scored, "bare")

    with pytest.raises(InvalidInputError, match=r"'bare' has no candidates with a reference mask"):
        evaluate_project(scored, "bare")
    with pytest.raises(NotFoundError):
        evaluate_project(scored, "nowhere")


def test_what_a_method_cannot_say_is_null(imported: Installation) -> None:
    """A lone imported mask an image: no probabilities, no peers, nothing to recommend."""
    with imported.database.begin() as session:
        project = projects.get(session, SLUG)
        tiles = images.all_of(session, project.id)
        for number, tile in enumerate(tiles):
            mask = BandSegmenter("theirs", 0.2).predict(draw_tile(number)[0]).mask
            new = NewCandidate(
                image_id=tile.id,
                segmenter="theirs",
                mask_path=imported.files.put(encode_mask(mask), ".png"),
                mask_sha256=pixel_sha256(mask),
                area_shares=(0.2,) * len(CLASSES),
                overall_accuracy=0.5 + number / 100,
                valid_px=64,
            )
            candidates.put(session, [new])

    figures = figures_of(imported)

    for method in ("ac", "entropy", "margin", "agreement"):
        assert [figures["pooled"][method][name] for name in POOLED] == [None] * 5
    assert isinstance(figures["pooled"]["rsqa"]["mae"], float)
    assert figures["strongest_baseline"] in ("constant_best", None)
    for method in METHODS:
        assert [figures["within_image"][method][name] for name in WITHIN] == [None] * 4
    json.dumps(figures, allow_nan=False)


def test_features_come_from_the_cache(scored: Installation, models: Models) -> None:
    figures_of(scored)

    assert models.loads == 0


def test_the_command_prints_a_table_and_writes_the_file(
    scored: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RSQA_HOME", str(scored.settings.home))
    target = tmp_path / "figures.json"

    result = CliRunner().invoke(
        evaluate_command.command, ["--project", SLUG, "--json", str(target)]
    )

    assert result.exit_code == 0, result.output
    figures = json.loads(target.read_text())
    assert figures == figures_of(scored)
    rows = {line.split()[0]: line.split()[1:] for line in result.output.splitlines() if line}
    for method in METHODS:
        numbers = [figures["pooled"][method][name] for name in POOLED]
        numbers += [figures["within_image"][method][name] for name in WITHIN]
        assert rows[method] == ["-" if n is None else f"{n:.3f}" for n in numbers]
    assert f"{TILES} images, {3 * TILES} candidates" in result.output
    assert "north" in result.output
    assert f"Gain over {figures['strongest_baseline']}" in result.output

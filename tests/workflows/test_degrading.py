"""Degraded masks as candidates: what is recorded, by which seed, and where they do not count."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import pytest
from click.testing import CliRunner

from db.store import candidates, images, items, projects, reviewers, scores, verdicts
from rsqa_core.errors import CancelledError, InvalidInputError, NotFoundError
from rsqa_core.metrics import overall_accuracy
from rsqa_core.raster import area_shares, read_mask
from rsqa_core.records import VOID, Candidate, ImageRecord, Verdict, is_synthetic
from tests.workflows.harbour import SCENES, SLUG, TILES_A_SCENE, add_tiles
from workflows.commands import degrade as degrade_command
from workflows.degrading import MOST_WRONG, degrade_project, remove_degraded
from workflows.evaluating import evaluate_project
from workflows.opening import Installation
from workflows.retraining import retrain_project
from workflows.scoring import score_project

TILES = len(SCENES) * TILES_A_SCENE


def recorded(installation: Installation) -> tuple[list[ImageRecord], list[Candidate]]:
    with installation.database.read() as session:
        project = projects.get(session, SLUG)
        return images.all_of(session, project.id), candidates.all_of(session, project.id)


def degraded(installation: Installation) -> list[Candidate]:
    return [c for c in recorded(installation)[1] if is_synthetic(c.segmenter)]


def masks_of(found: Sequence[Candidate]) -> dict[tuple[int, str], str]:
    return {(c.image_id, c.segmenter): c.mask_sha256 for c in found}


def test_every_image_gets_masks_whose_accuracy_is_exact(imported: Installation) -> None:
    report = degrade_project(imported, SLUG, count=4)

    tiles, found = recorded(imported)
    assert (report.images, report.made, report.unchanged) == (TILES, 4 * TILES, 0)
    assert masks_of(found).keys() == {
        (tile.id, f"synthetic-{n}") for tile in tiles for n in (1, 2, 3, 4)
    }
    by_id = {tile.id: tile for tile in tiles}
    for candidate in found:
        mask = read_mask(imported.files.path(candidate.mask_path))
        path = by_id[candidate.image_id].reference_mask_path
        clean = read_mask(imported.files.path(str(path)))
        accuracy = overall_accuracy(mask, clean)
        assert accuracy is not None
        assert (candidate.overall_accuracy, candidate.valid_px) == (
            accuracy.overall_accuracy,
            accuracy.valid_px,
        )
        assert ((mask == VOID) == (clean == VOID)).all()
        assert candidate.area_shares == area_shares(mask, 5)
        assert candidate.segmenter_fingerprint is None
    assert sorted(report.accuracies) == sorted(c.overall_accuracy for c in found)  # type: ignore[type-var]


def test_qualities_spread_and_no_name_stands_for_one(imported: Installation) -> None:
    report = degrade_project(imported, SLUG, count=4)

    assert min(report.accuracies) < 1 - 0.6 * MOST_WRONG
    assert max(report.accuracies) > 1 - 0.25 * MOST_WRONG
    by_name = [
        [c.overall_accuracy for c in degraded(imported) if c.segmenter == f"synthetic-{n}"]
        for n in (1, 2, 3, 4)
    ]
    assert all(np.ptp(np.array(own, dtype=float)) > 0.25 * MOST_WRONG for own in by_name)


def test_the_same_seed_changes_nothing_and_another_replaces(imported: Installation) -> None:
    degrade_project(imported, SLUG, count=2, seed=5)
    first = degraded(imported)

    degrade_project(imported, SLUG, count=2, seed=5)
    assert degraded(imported) == first

    degrade_project(imported, SLUG, count=2, seed=6)
    second = degraded(imported)
    assert masks_of(second).keys() == masks_of(first).keys()
    assert all(c.version == 2 for c in second)


def test_a_stopped_run_is_completed_by_the_same_call(imported: Installation) -> None:
    def stop(step: str, done: int, total: int) -> None:
        if done == 9:
            raise CancelledError("stop")

    with pytest.raises(CancelledError):
        degrade_project(imported, SLUG, count=2, progress=stop)
    assert len(degraded(imported)) == 2 * 8
    begun = masks_of(degraded(imported))

    degrade_project(imported, SLUG, count=2)

    assert begun.items() <= masks_of(degraded(imported)).items()
    assert len(degraded(imported)) == 2 * TILES


def test_from_a_segmenter_the_accuracy_is_relative_and_the_name_says_so(
    segmented: Installation,
) -> None:
    with segmented.database.read() as session:
        project = projects.get(session, SLUG)
    add_tiles(segmented, project, "bare", range(50, 52), with_reference=False)

    report = degrade_project(segmented, SLUG, count=2, clean_segmenter="off")

    assert report.images == TILES
    clean = {c.image_id: c for c in recorded(segmented)[1] if c.segmenter == "off"}
    assert {c.segmenter for c in degraded(segmented)} == {
        "synthetic-1-of-off",
        "synthetic-2-of-off",
    }
    for candidate in degraded(segmented):
        accuracy = overall_accuracy(
            read_mask(segmented.files.path(candidate.mask_path)),
            read_mask(segmented.files.path(clean[candidate.image_id].mask_path)),
        )
        assert accuracy is not None
        assert candidate.overall_accuracy == accuracy.overall_accuracy


def test_what_cannot_be_degraded_is_refused(segmented: Installation) -> None:
    with pytest.raises(NotFoundError, match=r"segmenter is called 'of'.*far, near, off"):
        degrade_project(segmented, SLUG, count=1, clean_segmenter="of")
    with pytest.raises(InvalidInputError, match="degraded masks themselves"):
        degrade_project(segmented, SLUG, count=1, clean_segmenter="synthetic-1")
    with pytest.raises(InvalidInputError, match=r"`count` to be at least 1, but got 0"):
        degrade_project(segmented, SLUG, count=0)
    with segmented.database.begin() as session:
        project = projects.get(session, SLUG)
        bare = projects.create(
            session, slug="bare", name="", classes=project.classes, class_map={}, origin="imported"
        )
    add_tiles(segmented, bare, "north", range(1), with_reference=False)
    with pytest.raises(InvalidInputError, match=r"no reference masks to degrade.*--from"):
        degrade_project(segmented, "bare", count=1)


def test_evaluation_counts_them_neither_as_candidates_nor_as_peers(scored: Installation) -> None:
    before = evaluate_project(scored, SLUG)

    degrade_project(scored, SLUG, count=3)
    degrade_project(scored, SLUG, count=1, clean_segmenter="near")
    score_project(scored, SLUG)

    assert asdict(evaluate_project(scored, SLUG)) == asdict(before)


def test_a_project_of_degraded_masks_alone_has_nothing_to_evaluate(imported: Installation) -> None:
    degrade_project(imported, SLUG, count=2)

    with pytest.raises(InvalidInputError, match="no candidates with a reference mask"):
        evaluate_project(imported, SLUG)


def test_they_are_shown_last_and_do_not_rank_their_image(scored: Installation) -> None:
    degrade_project(scored, SLUG, count=3)
    score_project(scored, SLUG)

    with scored.database.read() as session:
        project = projects.get(session, SLUG)
        found = scores.of_head(session, project.id, str(project.active_head_id))
        tiles = images.all_of(session, project.id)
        shown = items.items(session, [tile.id for tile in tiles])
    assert len(found) == 6 * TILES
    for item in shown:
        kinds = [is_synthetic(c.candidate.segmenter) for c in item.candidates]
        assert kinds == [False] * 3 + [True] * 3
        real = [c.score.score for c in item.candidates[:3] if c.score is not None]
        assert real == sorted(real, reverse=True)
        assert (item.image.best_score, item.image.worst_score) == (real[0], real[-1])


def judge(installation: Installation, found: Sequence[Candidate]) -> None:
    project_id = recorded(installation)[0][0].project_id
    with installation.database.begin() as session:
        reviewers.ensure(session, "ada")
        for candidate in found:
            verdict = Verdict(
                id=str(uuid.uuid4()),
                project_id=project_id,
                image_id=candidate.image_id,
                reviewer="ada",
                kind="correct",
                candidate_id=candidate.id,
                score=0.5,
            )
            verdicts.record(session, verdict)


def test_verdicts_on_them_are_no_labels_of_a_retraining(scored: Installation) -> None:
    degrade_project(scored, SLUG, count=1)
    judge(scored, [c for c in recorded(scored)[1] if c.segmenter in ("near", "synthetic-1")])

    record = retrain_project(scored, SLUG)

    assert record.label_count == TILES
    assert len(record.metrics["held_out_points"]) == TILES


def test_removing_them_leaves_all_others_and_those_with_a_verdict(segmented: Installation) -> None:
    before = recorded(segmented)[1]
    degrade_project(segmented, SLUG, count=2)
    judged = degraded(segmented)[3]
    judge(segmented, [judged])

    assert remove_degraded(segmented, SLUG) == (2 * TILES - 1, 1)

    assert {c.id for c in recorded(segmented)[1]} == {c.id for c in (*before, judged)}
    assert remove_degraded(segmented, SLUG) == (0, 1)


def test_the_command_says_what_it_made(
    imported: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RSQA_HOME", str(imported.settings.home))

    result = CliRunner().invoke(
        degrade_command.command, ["--project", SLUG, "--count", "2", "--seed", "3"]
    )

    assert result.exit_code == 0, result.output
    assert f"Made {2 * TILES} degraded masks of the reference masks of {TILES}" in result.output
    assert "Overall accuracy against them: 0." in result.output
    assert len(degraded(imported)) == 2 * TILES

    result = CliRunner().invoke(degrade_command.command, ["--project", SLUG, "--remove"])
    assert f"Removed {2 * TILES} degraded masks." in result.output
    assert degraded(imported) == []
    result = CliRunner().invoke(degrade_command.command, ["--project", SLUG])
    assert (result.exit_code, "either --count N or --remove" in result.output) == (2, True)

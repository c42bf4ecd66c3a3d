"""Retraining from verdicts: the new head, its figures, and what stays as it was."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from db.store import candidates, heads, images, projects, reviewers, scores, verdicts
from rsqa_core.errors import CancelledError, ConflictError, InvalidInputError
from rsqa_core.heads.head import QualityHead, load_head
from rsqa_core.records import Candidate, HeadRecord, Project, Score, Verdict
from tests.workflows.conftest import Models
from tests.workflows.harbour import SCENES, SLUG, TILES_A_SCENE
from workflows.commands import retrain as retrain_command
from workflows.opening import Installation
from workflows.retraining import retrain_project
from workflows.scoring import score_project

TILES = len(SCENES) * TILES_A_SCENE
REVIEWER = "ada"


def project_of(installation: Installation) -> Project:
    with installation.database.read() as session:
        return projects.get(session, SLUG)


def candidates_of(installation: Installation) -> list[Candidate]:
    with installation.database.read() as session:
        return candidates.all_of(session, projects.get(session, SLUG).id)


def scores_by(installation: Installation, head_id: str) -> dict[int, Score]:
    with installation.database.read() as session:
        return scores.of_head(session, projects.get(session, SLUG).id, head_id)


def judge(
    installation: Installation, found: Iterable[Candidate], below: float = 0.3
) -> dict[int, float]:
    """Record corrections: every candidate is ``below`` its measured accuracy worth."""
    given = {}
    project = project_of(installation)
    with installation.database.begin() as session:
        reviewers.ensure(session, REVIEWER)
        for candidate in found:
            value = max(0.0, float(candidate.overall_accuracy or 0.0) - below)
            verdicts.record(session, correction(project, candidate, value))
            given[candidate.id] = value
    return given


def correction(project: Project, candidate: Candidate, value: float, **more: Any) -> Verdict:
    fields: dict[str, Any] = {
        "id": str(uuid.uuid4()),
        "project_id": project.id,
        "image_id": candidate.image_id,
        "reviewer": REVIEWER,
        "kind": "correct",
        "candidate_id": candidate.id,
        "score": value,
    }
    return Verdict(**fields | more)


def first_of_each_image(found: list[Candidate]) -> list[Candidate]:
    return list({candidate.image_id: candidate for candidate in reversed(found)}.values())


def test_a_new_head_is_recorded_and_scored_but_not_promoted(scored: Installation) -> None:
    before = project_of(scored)
    labels = judge(scored, first_of_each_image(candidates_of(scored)))
    base = scores_by(scored, str(before.active_head_id))

    record = retrain_project(scored, SLUG)

    assert record.id == f"{SLUG}-1"
    assert (record.project_id, record.parent_id) == (before.id, before.active_head_id)
    assert record.label_count == len(labels) == TILES
    content = (scored.settings.heads_dir / record.path).read_bytes()
    assert hashlib.sha256(content).hexdigest() == record.sha256
    assert project_of(scored).active_head_id == before.active_head_id
    with scored.database.read() as session:
        assert heads.get(session, record.id).metrics == record.metrics
        tiles = images.all_of(session, before.id)
    new = scores_by(scored, record.id)
    assert len(new) == 3 * TILES
    assert scores_by(scored, str(before.active_head_id)) == base
    for tile in tiles:  # the queue still goes by the current head
        own = [base[c.id].score for c in candidates_of(scored) if c.image_id == tile.id]
        assert tile.best_score == pytest.approx(max(own))


def test_labels_move_scores_towards_them(scored: Installation) -> None:
    found = candidates_of(scored)
    labels = judge(scored, first_of_each_image(found))
    base = scores_by(scored, str(project_of(scored).active_head_id))

    record = retrain_project(scored, SLUG)

    new = scores_by(scored, record.id)

    def error(by: dict[int, Score], ids: Iterable[int], truth: dict[int, float]) -> float:
        return float(np.mean([abs(by[i].score - truth[i]) for i in ids]))

    assert error(new, labels, labels) < 0.5 * error(base, labels, labels)
    rest = {
        c.id: max(0.0, float(c.overall_accuracy or 0) - 0.3) for c in found if c.id not in labels
    }
    assert error(new, rest, rest) < 0.75 * error(base, rest, rest)


def test_metrics_compare_before_and_after_on_held_out_labels(scored: Installation) -> None:
    labels = judge(scored, candidates_of(scored))

    metrics = retrain_project(scored, SLUG).metrics

    held_out = metrics["held_out"]
    for side in ("before", "after"):
        assert {"mae", "srcc", "n"} <= held_out[side].keys()
        assert held_out[side]["n"] == len(labels)
    low, high = held_out["interval"]
    change = held_out["after"]["mae"] - held_out["before"]["mae"]
    assert low < change < high
    assert change < 0
    points = np.array(metrics["held_out_points"])
    assert points.shape == (len(labels), 3)
    assert sorted(points[:, 0]) == pytest.approx(sorted(labels.values()), abs=1e-4)
    assert np.abs(points[:, 1] - points[:, 0]).mean() == pytest.approx(
        held_out["before"]["mae"], abs=1e-3
    )
    assert np.abs(points[:, 2] - points[:, 0]).mean() == pytest.approx(
        held_out["after"]["mae"], abs=1e-3
    )
    assert metrics["seconds"] >= 0
    json.dumps(metrics, allow_nan=False)


def test_only_verdicts_that_hold_are_labels(scored: Installation) -> None:
    found = first_of_each_image(candidates_of(scored))
    judge(scored, found)
    project = project_of(scored)
    with scored.database.begin() as session:
        held = {v.candidate_id: v for v in verdicts.effective(session, project.id)}
        undo = correction(
            project,
            found[0],
            0.0,
            kind="undo",
            candidate_id=None,
            score=None,
            supersedes_id=held[found[0].id].id,
        )
        verdicts.record(session, undo)
        verdicts.record(session, correction(project, found[1], 0.77))  # replaces the first

    record = retrain_project(scored, SLUG)

    assert record.label_count == TILES - 1
    targets = [point[0] for point in record.metrics["held_out_points"]]
    assert 0.77 in targets


def test_heads_count_up_and_know_their_parent(scored: Installation) -> None:
    judge(scored, candidates_of(scored)[:18])
    first = retrain_project(scored, SLUG)
    with scored.database.begin() as session:
        heads.promote(session, project_of(scored).id, first.id, reviewer=REVIEWER)
    judge(scored, candidates_of(scored)[18:])

    second = retrain_project(scored, SLUG)

    assert (second.id, second.parent_id) == (f"{SLUG}-2", first.id)
    assert second.label_count == 3 * TILES
    assert (scored.settings.heads_dir / f"{SLUG}-1.safetensors").exists()


def test_a_promoted_head_scores_what_comes_later(scored: Installation) -> None:
    judge(scored, candidates_of(scored))
    record = retrain_project(scored, SLUG)
    with scored.database.begin() as session:
        project = heads.promote(session, project_of(scored).id, record.id, reviewer=REVIEWER)
        scored_now = scores.of_head(session, project.id, record.id)

    report = score_project(scored, SLUG)

    assert (report.head_id, report.scored) == (record.id, 0)
    assert scores_by(scored, record.id) == scored_now


def test_too_few_labels_are_refused_and_nothing_is_recorded(scored: Installation) -> None:
    with pytest.raises(InvalidInputError, match="but got 0 on 0"):
        retrain_project(scored, SLUG)
    judge(scored, candidates_of(scored)[:6])  # three candidates of two images

    with pytest.raises(InvalidInputError, match=r"but got 6 on 2\. Review more images"):
        retrain_project(scored, SLUG)

    with scored.database.read() as session:
        known = heads.of_project(session, projects.get(session, SLUG).id)
    assert [head.project_id for head in known] == [None]


def test_a_cancelled_retraining_leaves_no_head(scored: Installation) -> None:
    judge(scored, candidates_of(scored))

    def stopping(step: str, done: int, total: int) -> None:
        if step.startswith("checking") and done == 1:
            raise CancelledError("stop")

    with pytest.raises(CancelledError):
        retrain_project(scored, SLUG, progress=stopping)

    assert not (scored.settings.heads_dir / f"{SLUG}-1.safetensors").exists()
    assert retrain_project(scored, SLUG).id == f"{SLUG}-1"


def test_a_current_head_of_another_encoder_is_refused(scored: Installation, models: Models) -> None:
    judge(scored, candidates_of(scored))
    path = models.weights / "base.safetensors"
    base = load_head(path)
    card = replace(base.card, encoder_fingerprint="f" * 64)
    QualityHead(base.network, base.preparation, card).save(path)

    with pytest.raises(ConflictError, match=r"another encoder.*rsqa train-head --encoder"):
        retrain_project(scored, SLUG)


def test_retraining_takes_features_from_the_cache(scored: Installation, models: Models) -> None:
    judge(scored, candidates_of(scored))

    retrain_project(scored, SLUG)

    assert models.loads == 0


@pytest.mark.parametrize("promote", [False, True])
def test_the_command_says_how_it_went_and_promotes_only_when_asked(
    scored: Installation, monkeypatch: pytest.MonkeyPatch, promote: bool
) -> None:
    judge(scored, candidates_of(scored))
    before = project_of(scored).active_head_id
    monkeypatch.setenv("RSQA_HOME", str(scored.settings.home))

    result = CliRunner().invoke(
        retrain_command.command, ["--project", SLUG, *(["--promote"] if promote else [])]
    )

    assert result.exit_code == 0, result.output
    record = head_of(scored, f"{SLUG}-1")
    held_out = record.metrics["held_out"]
    assert f"Trained {record.id} on {3 * TILES} labels" in result.output
    assert f"{held_out['before']['mae']:.4f} -> {held_out['after']['mae']:.4f}" in result.output
    assert project_of(scored).active_head_id == (record.id if promote else before)
    assert ("is unchanged" in result.output) != promote


def head_of(installation: Installation, head_id: str) -> HeadRecord:
    with installation.database.read() as session:
        return heads.get(session, head_id)


def test_labels_on_which_reviewers_differ_count_for_less(scored: Installation) -> None:
    chosen = first_of_each_image(candidates_of(scored))
    judge(scored, chosen)
    firm = scores_by(scored, retrain_project(scored, SLUG).id)
    project = project_of(scored)
    with scored.database.begin() as session:  # two more reviewers, whose mean is the first's label
        for reviewer in ("bob", "eve"):
            reviewers.ensure(session, reviewer)
        for candidate in chosen:
            value = max(0.0, float(candidate.overall_accuracy or 0.0) - 0.3)
            off = min(0.3, value, 1 - value)
            for reviewer, given in (("bob", value + off), ("eve", value - off)):
                verdicts.record(session, correction(project, candidate, given, reviewer=reviewer))

    doubtful = scores_by(scored, retrain_project(scored, SLUG).id)

    base = scores_by(scored, str(project.active_head_id))
    moved, hardly = (
        np.mean([abs(by[c.id].score - base[c.id].score) for c in chosen]) for by in (firm, doubtful)
    )
    assert 0 < hardly < 0.95 * moved

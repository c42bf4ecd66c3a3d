"""Scores of a project: what is published, what is computed again, and what is not."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from db.store import candidates, heads, images, projects, scores
from rsqa_core.encoders.preprocessing import Encoder
from rsqa_core.errors import (
    CancelledError,
    FingerprintError,
    InvalidInputError,
    NotFoundError,
    UnreadableFileError,
)
from rsqa_core.features.names import FEATURE_NAMES, VERSION, names_of
from rsqa_core.features.store import FeatureStore
from rsqa_core.heads.alarms import raise_alarms
from rsqa_core.heads.head import QualityHead, load_head
from rsqa_core.records import Project, Score
from rsqa_core.settings import Settings
from tests.rsqa_core.standins import CLASSES, BandSegmenter, ColourEncoder
from tests.workflows.conftest import Models
from tests.workflows.harbour import SCENES, SLUG, TILES_A_SCENE, add_project
from workflows import describing, scoring
from workflows.commands import score as score_command
from workflows.describing import DescribedCandidates, describe_candidates
from workflows.looking_ahead import Picture, Task
from workflows.opening import Installation, open_installation
from workflows.scoring import current_head, groups_of, load_project_head, score_project
from workflows.segmenting import segment_project

TILES = len(SCENES) * TILES_A_SCENE


def project_of(installation: Installation) -> Project:
    with installation.database.read() as session:
        return projects.get(session, SLUG)


def published(installation: Installation) -> dict[int, Score]:
    with installation.database.read() as session:
        project = projects.get(session, SLUG)
        return scores.of_head(session, project.id, str(project.active_head_id))


def described(installation: Installation) -> DescribedCandidates:
    project, record = current_head(installation, SLUG)
    card = load_project_head(installation, record).card
    with installation.database.read() as session:
        groups = groups_of(
            images.all_of(session, project.id), candidates.all_of(session, project.id)
        )
    return describe_candidates(
        installation, project, groups, (card.encoder_name, card.encoder_fingerprint)
    )


def test_every_candidate_gets_the_score_that_the_head_predicts(
    segmented: Installation, models: Models
) -> None:
    report = score_project(segmented, SLUG)

    project = project_of(segmented)
    assert report.head_id == project.active_head_id
    assert (report.scored, report.already_scored) == (3 * TILES, 0)
    rows = described(segmented)
    head = load_head(models.weights / "base.safetensors")
    expected = head.predict(rows.inputs, rows.places, head.card.encoder_fingerprint)
    _, wider = raise_alarms(head, rows.inputs, rows.places, CLASSES)
    found = published(segmented)
    assert len(found) == 3 * TILES
    for i, candidate in enumerate(rows.candidates):
        score = found[candidate.id]
        assert score.score == pytest.approx(expected.score[i])
        below, above = expected.score[i] - expected.low[i], expected.high[i] - expected.score[i]
        bounds = (expected.score[i] - wider[i] * below, expected.score[i] + wider[i] * above)
        assert (score.low, score.high) == pytest.approx((max(bounds[0], 0), min(bounds[1], 1)))
        assert score.mean_iou is not None
        assert score.boundary_f1 is not None
        assert len(score.class_iou) == len(CLASSES)


def test_scores_order_the_queue_and_tell_good_from_bad(scored: Installation) -> None:
    found = published(scored)
    project = project_of(scored)
    with scored.database.read() as session:
        tiles = images.all_of(session, project.id)
        every = candidates.of_images(session, [tile.id for tile in tiles])
    for tile in tiles:
        own = [found[c.id] for c in every[tile.id]]
        assert tile.best_score == pytest.approx(max(s.score for s in own))
        assert tile.worst_score == pytest.approx(min(s.score for s in own))
        assert tile.uncertainty == pytest.approx(max(s.high - s.low for s in own))
    means = {
        name: np.mean(
            [found[c.id].score for own in every.values() for c in own if c.segmenter == name]
        )
        for name in ("near", "far")
    }
    assert means["near"] > means["far"] + 0.1


def test_disagreement_is_the_entropy_of_the_votes(scored: Installation) -> None:
    rows = described(scored)
    votes = rows.column("vote_entropy")
    expected = {rows.images[i].id: votes[row] for row, i in enumerate(rows.image_of_row)}

    with scored.database.read() as session:
        tiles = images.all_of(session, projects.get(session, SLUG).id)

    assert all(tile.disagreement == pytest.approx(expected[tile.id], abs=1e-6) for tile in tiles)
    assert max(expected.values()) > min(expected.values())


def test_a_second_call_scores_nothing_and_loads_no_encoder(
    segmented: Installation, models: Models
) -> None:
    score_project(segmented, SLUG)
    assert models.loads == 1
    assert models.encoder.images_seen == TILES
    before = published(segmented)

    report = score_project(segmented, SLUG)

    assert (report.scored, report.already_scored) == (0, 3 * TILES)
    assert models.loads == 1
    assert models.encoder.images_seen == TILES
    assert published(segmented) == before


def test_another_head_is_scored_from_the_cache(scored: Installation, models: Models) -> None:
    project = project_of(scored)
    other = scored.settings.heads_dir / "other.safetensors"
    other.write_bytes((models.weights / "base.safetensors").read_bytes())
    with scored.database.begin() as session:
        base = heads.get(session, str(project.active_head_id))
        heads.add(session, replace(base, id="other", sha256="other", path="other.safetensors"))

    report = score_project(scored, SLUG, head_id="other")

    assert (report.head_id, report.scored) == ("other", 3 * TILES)
    assert models.loads == 0
    assert project_of(scored).active_head_id == project.active_head_id
    with scored.database.read() as session:
        again = scores.of_head(session, project.id, "other")
    for candidate, score in published(scored).items():
        assert again[candidate].score == pytest.approx(score.score)


def test_a_new_candidate_has_its_whole_image_scored_again(
    scored: Installation, models: Models
) -> None:
    before = published(scored)
    extra = BandSegmenter("extra", 1.5)
    segment_project(scored, SLUG, scene="south", segmenters=[extra])

    report = score_project(scored, SLUG)

    assert report.scored == 4 * TILES_A_SCENE
    assert report.already_scored == 3 * (TILES - TILES_A_SCENE)
    assert models.encoder.images_seen == 0  # the pictures were seen before
    after = published(scored)
    with scored.database.read() as session:
        project = projects.get(session, SLUG)
        tiles = {tile.id: tile for tile in images.all_of(session, project.id)}
        every = candidates.all_of(session, project.id)
    for candidate in every:
        if candidate.segmenter == "extra":
            continue
        moved = after[candidate.id].score != before[candidate.id].score
        assert moved == (tiles[candidate.image_id].scene == "south")


def one_at_its_turn(encoder: Encoder | None, tasks: Sequence[Task]) -> Iterator[Picture]:
    for task in tasks:
        rgb = task.read()
        seen = encoder.encode_images([rgb])[0] if encoder is not None and task.encode else None
        yield Picture(rgb, seen)


def test_scores_after_a_stop_are_those_of_an_unbroken_run(
    segmented: Installation,
    scored_home: Path,
    models: Models,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scoring, "IMAGES_PER_PUBLISH", 4)
    monkeypatch.setattr(describing, "IMAGES_PER_SHARD", 2)
    # How many are worked on ahead of a stop is a matter of threads; here one is, at its turn.
    monkeypatch.setattr(describing, "seen_in_order", one_at_its_turn)
    monkeypatch.setattr(describing, "in_order", lambda tasks, *_: (task() for task in tasks))

    def stopping(step: str, done: int, total: int) -> None:
        assert total == TILES
        if done == 7:
            raise CancelledError("stop")

    with pytest.raises(CancelledError):
        score_project(segmented, SLUG, progress=stopping)
    assert len(published(segmented)) == 4 * 3
    seen = models.encoder.images_seen
    assert seen == 7

    report = score_project(segmented, SLUG)

    assert (report.scored, report.already_scored) == (3 * (TILES - 4), 12)
    assert models.encoder.images_seen == seen + TILES - 6  # the seventh was not yet cached
    resumed = published(segmented)
    shutil.copytree(scored_home, tmp_path / "unbroken")
    unbroken = open_installation(Settings(home=tmp_path / "unbroken"))
    for candidate, score in published(unbroken).items():
        assert resumed[candidate].score == pytest.approx(score.score, abs=1e-4)
    unbroken.database.close()


def test_tokens_survive_a_stop_between_the_two_shards_of_an_image(
    segmented: Installation, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = FeatureStore.append
    written: list[int] = []

    def killed(self: FeatureStore, rows: Any, *dtype: Any) -> None:
        if len(written) == 1:  # after the first of the two
            raise KeyboardInterrupt
        written.append(len(rows))
        append(self, rows, *dtype)

    monkeypatch.setattr(FeatureStore, "append", killed)
    with pytest.raises(KeyboardInterrupt):
        score_project(segmented, SLUG)
    monkeypatch.setattr(FeatureStore, "append", append)

    score_project(segmented, SLUG)

    rows = described(segmented)
    assert np.isfinite(rows.column("region_agreement")).all()


def test_cached_tokens_give_the_same_rows_as_fresh_ones(
    scored: Installation, models: Models
) -> None:
    before = described(scored)
    for folder in scored.settings.features_dir.glob("context-*/*"):
        for shard in folder.iterdir():
            shard.unlink()

    after = described(scored)

    assert models.encoder.images_seen == 0
    np.testing.assert_allclose(after.rows, before.rows, atol=5e-3)
    names = names_of(("mask", "picture", "agreement"))
    columns = [FEATURE_NAMES.index(name) for name in names]
    np.testing.assert_array_equal(after.rows[:, columns], before.rows[:, columns])


def test_candidates_of_an_image_stand_side_by_side_with_its_rows(scored: Installation) -> None:
    rows = described(scored)

    assert len(rows.images) == TILES
    assert len(rows.candidates) == len(rows.rows) == len(rows.image_of_row) == 3 * TILES
    assert rows.image_of_row.tolist() == sorted(rows.image_of_row.tolist())
    for row, candidate in enumerate(rows.candidates):
        image = rows.images[rows.image_of_row[row]]
        assert candidate.image_id == image.id
        assert rows.sources[row] == image.source_sha256
        assert rows.image_names[row] == image.sha256
    assert np.isfinite(rows.semantic).all()


def test_an_unknown_head_is_refused_with_the_known_ones(scored: Installation) -> None:
    base = str(project_of(scored).active_head_id)

    with pytest.raises(NotFoundError, match=rf"head is called 'base-0'.*{base}"):
        score_project(scored, SLUG, head_id="base-0")


def test_a_project_without_candidates_says_what_to_do(imported: Installation) -> None:
    with pytest.raises(InvalidInputError, match=r"no candidates.*rsqa segment --project harbour"):
        score_project(imported, SLUG)
    add_project(imported, "empty")
    with pytest.raises(InvalidInputError, match="no candidates"):
        score_project(imported, "empty")
    with pytest.raises(NotFoundError, match="'harbor'"):
        score_project(imported, "harbor")


def test_a_head_is_not_used_with_another_encoder_of_that_name(
    segmented: Installation, models: Models
) -> None:
    models.encoder = ColourEncoder("other colours")

    with pytest.raises(FingerprintError, match="Retrain the head, or restore that encoder"):
        score_project(segmented, SLUG)
    assert published(segmented) == {}


def test_the_shipped_head_is_known_once_and_kept_as_a_copy(
    segmented: Installation, models: Models
) -> None:
    content = (models.weights / "base.safetensors").read_bytes()
    digest = hashlib.sha256(content).hexdigest()

    first, second = (scoring.register_shipped_head(segmented) for _ in range(2))

    assert first.id == second.id == f"base-{digest[:8]}"
    assert first.sha256 == digest
    assert first.project_id is None
    assert first.encoder_fingerprint == models.encoder.fingerprint
    assert first.metrics["held_out_folds"]["all"]["candidates"] > 0
    assert (segmented.settings.heads_dir / first.path).read_bytes() == content
    with segmented.database.read() as session:
        assert [head.id for head in heads.of_project(session, 0)] == [first.id]


def test_a_shipped_head_whose_file_is_gone_is_put_back(scored: Installation) -> None:
    record = scoring.register_shipped_head(scored)
    kept = scored.settings.heads_dir / record.path
    content = kept.read_bytes()
    kept.unlink()

    score_project(scored, SLUG)

    assert kept.read_bytes() == content


def test_an_update_of_the_shipped_head_leaves_a_project_its_own(
    scored: Installation, models: Models
) -> None:
    old = str(project_of(scored).active_head_id)
    path = models.weights / "base.safetensors"
    head = load_head(path)
    card = replace(head.card, trained_on=("more",))
    QualityHead(head.network, head.preparation, card).save(path)

    report = score_project(scored, SLUG)

    assert (report.head_id, report.scored) == (old, 0)
    with scored.database.read() as session:
        known = {head.id for head in heads.of_project(session, 0)}
    assert len(known) == 2
    add_project(scored, "second")
    assert current_head(scored, "second")[1].id in known - {old}


def test_a_head_of_older_features_gives_way_to_the_shipped_one(scored: Installation) -> None:
    project = project_of(scored)
    old = load_head(scored.settings.heads_dir / f"{project.active_head_id}.safetensors")
    path = scored.settings.heads_dir / "old.safetensors"
    digest = old.with_card(features_version=VERSION - 1).save(path)
    with scored.database.begin() as session:
        base = heads.get(session, str(project.active_head_id))
        heads.add(session, replace(base, id="old", sha256=digest, path=path.name))
        heads.promote(session, project.id, "old", reviewer=scoring.SYSTEM_REVIEWER)

    report = score_project(scored, SLUG)

    assert report.head_id == project_of(scored).active_head_id == project.active_head_id
    assert len(published(scored)) == 3 * TILES


def test_a_broken_head_is_not_replaced_but_named(scored: Installation) -> None:
    head_id = str(project_of(scored).active_head_id)
    (scored.settings.heads_dir / f"{head_id}.safetensors").write_bytes(b"broken")

    with pytest.raises(UnreadableFileError, match="Cannot read the head"):
        score_project(scored, SLUG)
    assert project_of(scored).active_head_id == head_id


def test_a_missing_shipped_head_is_named(segmented: Installation, models: Models) -> None:
    (models.weights / "base.safetensors").unlink()

    with pytest.raises(NotFoundError, match=r"base\.safetensors is missing.*rsqa train-head"):
        score_project(segmented, SLUG)


def test_the_command_says_what_it_scored(
    segmented: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RSQA_HOME", str(segmented.settings.home))

    result = CliRunner().invoke(score_command.command, ["--project", SLUG])

    assert result.exit_code == 0, result.output
    assert f"Scored {3 * TILES} candidates with base-" in result.output
    assert len(published(segmented)) == 3 * TILES

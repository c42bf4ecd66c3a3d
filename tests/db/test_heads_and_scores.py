from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from db.store import candidates, heads, images, queue, scores
from rsqa_core.errors import ConflictError, InvalidInputError, NotFoundError
from rsqa_core.records import QueueQuery, Score
from tests.db.filled import Filled, fill, head, new_candidate, scores_by


def add_head(filled: Filled, name: str, seed: int) -> None:
    with filled.database.begin() as session:
        heads.add(session, head(name, filled.project.id, parent_id="base"))
        made = scores_by(name, filled.candidates, seed)
        assert scores.publish(session, filled.project.id, name, made) == len(made)


def require_ranking_by(filled: Filled, name: str) -> None:
    """Compare the ranking columns with those computed here from the head's scores."""
    with filled.database.read() as session:
        found = images.all_of(session, filled.project.id)
        by_candidate = scores.of_head(session, filled.project.id, name)
        masks = candidates.of_images(session, [image.id for image in found])
    for image in found:
        own = [by_candidate[c.id] for c in masks[image.id] if c.id in by_candidate]
        assert image.best_score == max((s.score for s in own), default=None)
        assert image.worst_score == min((s.score for s in own), default=None)
        assert image.uncertainty == max((s.high - s.low for s in own), default=None)


def test_promoting_and_rolling_back_refresh_the_ranking(filled: Filled) -> None:
    require_ranking_by(filled, "base")
    add_head(filled, "second", seed=2)
    require_ranking_by(filled, "base")

    def order() -> tuple[int, ...]:
        with filled.database.read() as session:
            return queue.page(session, filled.project.id, QueueQuery(order="best")).image_ids

    before = order()
    with filled.database.begin() as session:
        project = heads.promote(session, filled.project.id, "second", reviewer="bob")
    assert project.active_head_id == "second"
    require_ranking_by(filled, "second")
    assert order() != before
    with filled.database.begin() as session:
        heads.roll_back(session, filled.project.id, reviewer="bob")
    require_ranking_by(filled, "base")
    assert order() == before


def test_a_head_with_fewer_scores_leaves_no_stale_rank(filled: Filled) -> None:
    with filled.database.begin() as session:
        heads.add(session, head("sparse"))
        one = Score(filled.of(0).id, "sparse", 0.5, 0.4, 0.6)
        scores.publish(session, filled.project.id, "sparse", [one])
        heads.promote(session, filled.project.id, "sparse", reviewer="ada")
        found = images.all_of(session, filled.project.id)
        assert scores.unscored(session, filled.project.id, "sparse") == [
            c.id for c in filled.candidates[1:]
        ]
    assert [i.best_score for i in found] == [0.5] + [None] * 11
    require_ranking_by(filled, "sparse")


def test_two_steps_back_lead_two_heads_back(filled: Filled) -> None:
    for number, name in enumerate(("second", "third")):
        add_head(filled, name, seed=number)
        with filled.database.begin() as session:
            heads.promote(session, filled.project.id, name, reviewer="ada")
    for expected in ("second", "base"):
        with filled.database.begin() as session:
            project = heads.roll_back(session, filled.project.id, reviewer="ada")
        assert project.active_head_id == expected
    with pytest.raises(ConflictError, match="no head before"), filled.database.begin() as session:
        heads.roll_back(session, filled.project.id, reviewer="ada")
    with filled.database.read() as session:
        history = heads.history(session, filled.project.id)
    assert [(p.previous_head_id, p.head_id) for p in history] == [
        ("second", "base"),
        ("third", "second"),
        ("second", "third"),
        ("base", "second"),
        (None, "base"),
    ]


def test_promoting_an_older_head_counts_as_a_step_forward(filled: Filled) -> None:
    add_head(filled, "second", seed=2)
    with filled.database.begin() as session:
        heads.promote(session, filled.project.id, "second", reviewer="ada")
        heads.promote(session, filled.project.id, "base", reviewer="ada")
        project = heads.roll_back(session, filled.project.id, reviewer="ada")
    assert project.active_head_id == "second"


def test_promoting_on_a_stale_version_is_a_conflict(filled: Filled) -> None:
    add_head(filled, "second", seed=2)
    seen = filled.project.version
    with filled.database.begin() as session:
        heads.promote(session, filled.project.id, "second", reviewer="ada", expected_version=seen)
    with (
        pytest.raises(ConflictError, match="changed in between"),
        filled.database.begin() as session,
    ):
        heads.promote(session, filled.project.id, "base", reviewer="bob", expected_version=seen)
    with filled.database.read() as session:
        assert heads.history(session, filled.project.id)[0].head_id == "second"


def test_promoting_the_current_head_changes_nothing(filled: Filled) -> None:
    with filled.database.begin() as session:
        project = heads.promote(session, filled.project.id, "base", reviewer="ada")
        assert project == filled.project
        assert len(heads.history(session, filled.project.id)) == 1


def test_heads_of_another_project_cannot_be_used(filled: Filled) -> None:
    other = fill(filled.database, count=1, slug="village")
    add_head(other, "theirs", seed=1)
    with filled.database.begin() as session:
        with pytest.raises(NotFoundError, match="theirs"):
            heads.promote(session, filled.project.id, "theirs", reviewer="ada")
        with pytest.raises(NotFoundError, match="theirs"):
            scores.publish(session, filled.project.id, "theirs", [])
        assert [h.id for h in heads.of_project(session, filled.project.id)] == ["base"]
        assert {h.id for h in heads.of_project(session, other.project.id)} == {"base", "theirs"}


def test_adding_a_head_again_changes_nothing_unless_it_differs(filled: Filled) -> None:
    with filled.database.begin() as session:
        heads.add(session, head("base", label_count=9))
        assert heads.get(session, "base").label_count == 0
        with pytest.raises(ConflictError, match="another content"):
            heads.add(session, head("base", sha256="other"))
        with pytest.raises(NotFoundError):
            heads.add(session, head("orphan", parent_id="unheard"))
        with pytest.raises(NotFoundError):
            heads.add(session, head("orphan", 999))
        with pytest.raises(InvalidInputError, match="mae"):
            heads.add(session, head("broken", metrics={"mae": float("nan")}))


@pytest.mark.parametrize(
    "change",
    [
        {"score": float("nan")},
        {"high": float("inf")},
        {"low": -0.1},
        {"score": 1.1, "high": 1.2},
        {"low": 0.9},
        {"head_id": "another"},
        {"mean_iou": float("nan")},
        {"mean_iou": 1.5},
        {"boundary_f1": float("inf")},
        {"boundary_f1": -0.1},
        {"class_iou": (0.5, float("nan"))},
        {"class_iou": (0.5,)},
        {"alarms": ("tired",)},
    ],
)
def test_scores_without_sense_are_refused_and_nothing_is_written(
    filled: Filled, change: dict[str, Any]
) -> None:
    good = Score(filled.of(0).id, "base", 0.5, 0.4, 0.6)
    with filled.database.read() as session:
        before = scores.of_head(session, filled.project.id, "base")
    bad = replace(good, candidate_id=filled.of(1).id, **change)
    with filled.database.begin() as session, pytest.raises(InvalidInputError):
        scores.publish(session, filled.project.id, "base", [good, bad])
    with filled.database.read() as session:
        assert scores.of_head(session, filled.project.id, "base") == before


def test_publishing_again_replaces_and_ranks(filled: Filled) -> None:
    with filled.database.begin() as session:
        new = [Score(c.id, "base", 0.75, 0.5, 1.0) for c in filled.candidates[:2]]
        scores.publish(session, filled.project.id, "base", new)
        image = images.get(session, filled.images[0].id)
    assert (image.best_score, image.worst_score, image.uncertainty) == (0.75, 0.75, 0.5)
    require_ranking_by(filled, "base")


def test_scores_of_candidates_elsewhere_are_refused(filled: Filled) -> None:
    other = fill(filled.database, count=1, slug="village")
    theirs = Score(other.of(0).id, "base", 0.5, 0.4, 0.6)
    with filled.database.begin() as session, pytest.raises(NotFoundError):
        scores.publish(session, filled.project.id, "base", [theirs])


def test_a_replaced_mask_loses_its_scores_and_its_rank(filled: Filled) -> None:
    image = filled.images[0]
    with filled.database.begin() as session:
        (kept,) = candidates.put(session, [new_candidate(image.id, "alpha")])
        assert kept == filled.of(0, 0)
        masks = [
            new_candidate(image.id, "alpha", mask_sha256="new"),
            new_candidate(image.id, "beta", segmenter_fingerprint="new"),
        ]
        changed = candidates.put(session, masks)
        assert [(c.id, c.version) for c in changed] == [
            (filled.of(0, 0).id, 2),
            (filled.of(0, 1).id, 2),
        ]
        gone = scores.unscored(session, filled.project.id, "base")
        assert images.get(session, image.id).best_score is None
    assert gone == [c.id for c in changed]
    require_ranking_by(filled, "base")


def test_every_field_of_a_score_comes_back_and_a_second_one_replaces_it(filled: Filled) -> None:
    candidate = filled.of(0)
    plain = Score(candidate.id, "base", 0.5, 0.4, 0.6)
    full = replace(
        plain,
        alarms=("unlike_training", "unknown_segmenter"),
        mean_iou=0.5,
        boundary_f1=0.25,
        class_iou=(0.75, None),
    )
    for score in (full, plain, full):
        with filled.database.begin() as session:
            scores.publish(session, filled.project.id, "base", [score])
        with filled.database.read() as session:
            assert scores.of_head(session, filled.project.id, "base")[candidate.id] == score
            (shown,) = (
                entry.score
                for entry in queue.item(session, candidate.image_id).candidates
                if entry.candidate.id == candidate.id
            )
            assert shown == score


def test_scores_of_some_candidates_are_those_of_one_head(filled: Filled) -> None:
    add_head(filled, "second", seed=2)
    wanted = [filled.of(3).id, filled.of(0).id]
    with filled.database.begin() as session:
        heads.add(session, head("sparse"))
        one = Score(filled.of(0).id, "sparse", 0.5, 0.4, 0.6)
        scores.publish(session, filled.project.id, "sparse", [one])
        by_second = scores.of_head(session, filled.project.id, "second")

        assert scores.of_candidates(session, "second", wanted) == {
            candidate_id: by_second[candidate_id] for candidate_id in wanted
        }
        assert scores.of_candidates(session, "sparse", wanted) == {filled.of(0).id: one}
        assert scores.of_candidates(session, "second", []) == {}


def test_the_tables_themselves_refuse_quality_out_of_range(filled: Filled) -> None:
    for column in ("mean_iou", "boundary_f1"):
        with (
            pytest.raises(IntegrityError, match=f"ck_score_{column}_unit"),
            filled.database.begin() as session,
        ):
            session.execute(text(f"UPDATE score SET {column} = 1.5"))


def test_informative_values_belong_to_a_head_and_follow_the_promotion(filled: Filled) -> None:
    add_head(filled, "second", seed=2)
    first, second = filled.images[:2]

    def informative() -> list[float | None]:
        with filled.database.read() as session:
            return [images.get(session, image.id).informative for image in (first, second)]

    with filled.database.begin() as session:
        images.set_informative(session, {first.id: 0.5, second.id: 0.25})
        images.set_informative(session, {first.id: 1.0}, head_id="second")
    assert informative() == [0.5, 0.25]
    with filled.database.begin() as session:
        images.set_informative(session, {first.id: 0.75}, head_id="base")
        heads.promote(session, filled.project.id, "second", reviewer="bob")
    assert informative() == [1.0, None]
    with filled.database.begin() as session:
        heads.roll_back(session, filled.project.id, reviewer="bob")
    assert informative() == [0.75, 0.25]
    masks = [new_candidate(first.id, name, mask_sha256=f"new {name}") for name in ("alpha", "beta")]
    with filled.database.begin() as session:
        candidates.put(session, masks)
    assert informative() == [None, 0.25]  # without a score there is nothing to go by


def test_the_best_of_each_image_is_its_first_of_the_highest_score(filled: Filled) -> None:
    fill(filled.database, slug="village")
    with filled.database.begin() as session:
        made = candidates.put(
            session, [new_candidate(image.id, "synthetic-1") for image in filled.images]
        )
        tops = [Score(one.id, "base", 1.0, 1.0, 1.0) for one in made]
        scores.publish(session, filled.project.id, "base", tops)
        found = scores.best_of_images(session, filled.project.id)
        every = scores.of_head(session, filled.project.id, "base")

    assert list(found) == [image.id for image in filled.images]
    for place, image in enumerate(filled.images):
        own = [every[filled.of(place, segmenter).id] for segmenter in (0, 1)]
        best = max(own, key=lambda score: (score.score, -score.candidate_id))
        assert found[image.id] == best


def test_an_image_without_a_score_of_the_current_head_has_no_best(filled: Filled) -> None:
    with filled.database.begin() as session:
        heads.add(session, head("sparse"))
        one = Score(filled.of(3).id, "sparse", 0.5, 0.4, 0.6)
        scores.publish(session, filled.project.id, "sparse", [one])
        heads.promote(session, filled.project.id, "sparse", reviewer="bob")
        found = scores.best_of_images(session, filled.project.id)

    assert found == {filled.images[3].id: one}

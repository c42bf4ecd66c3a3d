"""Accepting unseen: which images, which rows, that they are no labels, and taking them back."""

from __future__ import annotations

import pytest

from db import Database
from db.store import (
    acceptances,
    candidates,
    heads,
    images,
    overlap,
    people,
    projects,
    queue,
    scores,
    slices,
    verdicts,
)
from rsqa_core.acceptances import SpotCheck
from rsqa_core.errors import ConflictError, InvalidInputError, NotAllowedError, NotFoundError
from rsqa_core.records import QueueQuery, Score, is_synthetic
from rsqa_core.teamwork import Overlap
from tests.db.filled import Filled, fill, head, new_candidate, new_image


@pytest.fixture
def sure(database: Database) -> Filled:
    """Twelve images; the best candidate of the first eight is predicted 0.9 or better."""
    filled = fill(database)
    with database.begin() as session:
        synthetic = candidates.put(
            session, [new_candidate(i.id, "synthetic-1") for i in filled.images]
        )
        rows = [
            Score(filled.of(n, s).id, "base", value - 0.3 * s, value - 0.3 * s, value)
            for n in range(12)
            for s in range(2)
            for value in [0.95 if n < 8 else 0.7]
        ]
        rows += [Score(one.id, "base", 0.99, 0.9, 1.0) for one in synthetic]
        scores.publish(session, filled.project.id, "base", rows)
    return filled


def drawn(filled: Filled, size: int = 3, **changes: object) -> SpotCheck:
    wanted = {"name": "sure", "above": 0.9, "seed": 4, "drawn_by": "ada"} | changes
    with filled.database.begin() as session:
        return acceptances.draw_spot_check(
            session,
            filled.project.id,
            size=size,
            **wanted,  # type: ignore[arg-type]
        )


def checked_images(filled: Filled, check: SpotCheck) -> list[int]:
    with filled.database.read() as session:
        ids = {one.image_id for one in slices.images_of(session, check.slice.id)}
    return [n for n, image in enumerate(filled.images) if image.id in ids]


def test_a_check_is_drawn_of_those_that_could_be_accepted_by_a_stored_seed(sure: Filled) -> None:
    check = drawn(sure)
    assert (check.slice.population, check.slice.size, check.slice.seed) == (8, 3, 4)
    assert (check.above, check.head_id) == (0.9, "base")
    chosen = checked_images(sure, check)
    assert len(chosen) == 3
    assert max(chosen) < 8
    with sure.database.read() as session:
        assert acceptances.spot_checks(session, sure.project.id) == [check]
        page = queue.page(session, sure.project.id, QueueQuery(order="random", slice="sure"))
    assert sorted(page.image_ids) == [sure.images[n].id for n in chosen]
    with sure.database.begin() as session:
        slices.remove(session, sure.project.id, "sure")
        assert acceptances.spot_checks(session, sure.project.id) == []
    assert checked_images(sure, drawn(sure)) == chosen


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"size": 8}, InvalidInputError),  # nothing would be left to accept
        ({"size": 0}, InvalidInputError),
        ({"above": 1.5}, InvalidInputError),
        ({"name": " "}, InvalidInputError),
        ({"above": 0.99}, InvalidInputError),
    ],
)
def test_a_check_without_sense_is_refused(
    sure: Filled, changes: dict[str, object], error: type[Exception]
) -> None:
    with pytest.raises(error):
        drawn(sure, **({"size": 3} | changes))  # type: ignore[arg-type]


def test_the_best_candidate_of_each_is_accepted_and_none_is_a_label(sure: Filled) -> None:
    check = drawn(sure)
    chosen = checked_images(sure, check)
    for n in chosen:
        sure.say("confirm", n)
    said: list[tuple[int, int]] = []
    with sure.database.begin() as session:
        images.add(session, sure.project.id, [new_image(50)])  # came after the drawing
        made = acceptances.accept(
            session,
            check,
            accepted_by="ada",
            progress=lambda step, done, total: said.append((done, total)),
        )
    assert (made.accepted, made.holding, made.spot_check) == (5, 5, "sure")
    assert said == [(0, 5), (5, 5)]
    with sure.database.read() as session:
        held = [v for v in verdicts.effective(session, sure.project.id) if v.kind == "accept"]
        labels = verdicts.labels(session, sure.project.id)
        (summary,) = projects.summaries(session)
        assert verdicts.counts(session, sure.project.id)["accept"] == 5
        assert acceptances.all_of(session, sure.project.id) == [made]
        assert len(verdicts.history(session, sure.project.id, "ada", looked_at=True)) == 3
        assert len(verdicts.history(session, sure.project.id, "ada")) == 8
    accepted = [n for n in range(8) if n not in chosen]
    assert [v.candidate_id for v in held] == [sure.of(n).id for n in accepted]
    assert {(v.score, v.score_shown, v.score_visible, v.acceptance_id) for v in held} == {
        (None, 0.95, False, made.id)
    }
    assert set(labels) == {sure.of(n).id for n in chosen}
    assert summary.labels == 3
    assert [sure.status(n) for n in accepted] == ["accepted"] * 5
    assert [sure.status(n) for n in range(8, 12)] == ["open"] * 4
    assert not is_synthetic("alpha")


def test_all_of_it_is_taken_back_by_rows_and_later_decisions_stay(sure: Filled) -> None:
    check = drawn(sure)
    chosen = checked_images(sure, check)
    accepted = [n for n in range(8) if n not in chosen]
    with sure.database.begin() as session:
        made = acceptances.accept(session, check, accepted_by="ada")
    sure.say("flag", accepted[0], reviewer="bob", candidate_id=None)
    sure.say("correct", accepted[1])  # by ada herself: replaces her acceptance
    assert sure.status(accepted[0]) == "flagged"
    assert sure.status(accepted[1]) == "reviewed"
    with sure.database.read() as session:
        before = len(verdicts.history(session, sure.project.id, limit=None))
    with sure.database.begin() as session:
        assert acceptances.take_back(session, made.id, by="ada") == 4
    assert sure.status(accepted[0]) == "flagged"
    assert sure.status(accepted[1]) == "reviewed"
    assert [sure.status(n) for n in accepted[2:]] == ["open"] * 3
    with sure.database.read() as session:
        assert len(verdicts.history(session, sure.project.id, limit=None)) == before + 4
        (after,) = acceptances.all_of(session, sure.project.id)
        assert (after.accepted, after.holding) == (5, 0)
    with sure.database.begin() as session, pytest.raises(ConflictError, match="taken back"):
        acceptances.take_back(session, made.id, by="ada")
    with sure.database.begin() as session:
        again = acceptances.accept(session, check, accepted_by="ada")
    assert again.accepted == 3


def test_nobody_takes_back_what_somebody_else_accepted(sure: Filled) -> None:
    check = drawn(sure)
    with sure.database.begin() as session:
        made = acceptances.accept(session, check, accepted_by="ada")
        people.give_role(session, "eve", "observer", given_by="ada")
    with sure.database.begin() as session, pytest.raises(ConflictError, match="only their own"):
        acceptances.take_back(session, made.id, by="bob")
    with sure.database.begin() as session, pytest.raises(NotFoundError):
        acceptances.take_back(session, 99, by="ada")
    with sure.database.begin() as session, pytest.raises(NotAllowedError):
        acceptances.accept(session, check, accepted_by="eve")


def test_a_check_by_another_head_accepts_nothing(sure: Filled) -> None:
    check = drawn(sure)
    with sure.database.begin() as session:
        heads.add(session, head("next", sure.project.id))
        rows = [Score(c.id, "next", 0.95, 0.9, 1.0) for c in sure.candidates]
        scores.publish(session, sure.project.id, "next", rows)
        heads.promote(session, sure.project.id, "next", reviewer="ada")
    with sure.database.begin() as session, pytest.raises(ConflictError, match="another head"):
        acceptances.accept(session, check, accepted_by="ada")
    with sure.database.read() as session:
        assert acceptances.all_of(session, sure.project.id) == []


def test_what_was_accepted_unseen_does_not_wait_for_a_second_opinion(sure: Filled) -> None:
    check = drawn(sure)
    chosen = checked_images(sure, check)
    sure.say("confirm", chosen[0])
    with sure.database.begin() as session:
        overlap.put(session, sure.project.id, Overlap(share=1.0))
        acceptances.accept(session, check, accepted_by="zoe")
        waiting = overlap.waiting_for(session, sure.project.id, "bob", 50)
    assert waiting == [sure.images[chosen[0]].id]
    later = next(n for n in range(8) if n not in chosen)
    sure.say("confirm", later)  # the first who looks at it
    with sure.database.read() as session:
        waiting = overlap.waiting_for(session, sure.project.id, "bob", 50)
    assert sure.images[later].id in waiting


def test_images_of_random_slices_stay_for_people(sure: Filled) -> None:
    with sure.database.begin() as session:
        slices.draw(session, sure.project.id, name="audit", size=12, drawn_by="ada")
        assert acceptances.acceptable_images(session, sure.project.id, 0.9) == []


def test_a_single_verdict_cannot_pose_as_an_acceptance(sure: Filled) -> None:
    with pytest.raises(InvalidInputError, match="somebody who looked"):
        sure.say("accept", 0, candidate_id=sure.of(0).id)
    with pytest.raises(InvalidInputError, match="somebody who looked"):
        sure.say("skip", 0, acceptance_id=1)


def test_a_project_goes_with_its_acceptances(sure: Filled) -> None:
    check = drawn(sure)
    with sure.database.begin() as session:
        acceptances.accept(session, check, accepted_by="ada")
    with sure.database.begin() as session:
        projects.delete(session, "town")
    with sure.database.read() as session:
        assert acceptances.all_of(session, sure.project.id) == []

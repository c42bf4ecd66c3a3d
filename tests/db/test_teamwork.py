"""Several people on one project: roles, decided disputes, images that are kept for somebody."""

from __future__ import annotations

import datetime as dt
import threading
import uuid

import pytest

from db.store import adjudications, leases, overlap, people, projects, queue, verdicts
from db.tables import LeaseRow
from db.tables.base import now
from rsqa_core.errors import ConflictError, InvalidInputError, NotAllowedError, NotFoundError
from rsqa_core.records import QueueQuery
from rsqa_core.teamwork import LEASE_S, Adjudication, Overlap, Person
from tests.db.filled import Filled, fill


def decide(
    filled: Filled, score: float | None, by: str = "cleo", image: int = 0, **changes: object
) -> bool:
    candidate = filled.of(image)
    fields: dict[str, object] = {
        "id": str(uuid.uuid4()),
        "project_id": filled.project.id,
        "image_id": candidate.image_id,
        "candidate_id": candidate.id,
        "adjudicator": by,
        "score": score,
    }
    with filled.database.begin() as session:
        return adjudications.decide(session, Adjudication(**{**fields, **changes}))  # type: ignore[arg-type]


def labels(filled: Filled) -> dict[int, float]:
    with filled.database.read() as session:
        return verdicts.labels(session, filled.project.id)


def test_a_decided_score_is_the_label_and_opinions_stay(filled: Filled) -> None:
    filled.say("correct", score=0.2, reviewer="ada")
    filled.say("correct", score=0.8, reviewer="bob")
    assert labels(filled) == {filled.of(0).id: pytest.approx(0.5)}
    with filled.database.read() as session:
        assert verdicts.label_doubts(session, filled.project.id)[filled.of(0).id] > 0.1

    assert decide(filled, 0.7)

    assert labels(filled) == {filled.of(0).id: 0.7}
    assert len(filled.holding()) == 2
    with filled.database.read() as session:
        assert verdicts.label_doubts(session, filled.project.id) == {}
        (held,) = adjudications.gold(session, filled.project.id).values()
    assert (held.adjudicator, held.score) == ("cleo", 0.7)


def test_a_decision_can_be_changed_and_taken_back(filled: Filled) -> None:
    filled.say("correct", score=0.2)
    decide(filled, 0.7)
    decide(filled, 0.6, by="dora")
    assert labels(filled) == {filled.of(0).id: 0.6}

    decide(filled, None)

    assert labels(filled) == {filled.of(0).id: 0.2}
    with filled.database.read() as session:
        assert [a.score for a in adjudications.history(session, filled.project.id)] == [
            None,
            0.6,
            0.7,
        ]


def test_the_same_row_twice_is_one(filled: Filled) -> None:
    filled.say("correct", score=0.2)
    known = str(uuid.uuid4())
    assert decide(filled, 0.7, id=known)
    assert not decide(filled, 0.7, id=known)
    with pytest.raises(ConflictError, match="another decision"):
        decide(filled, 0.5, id=known)


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"by": "ada"}, NotAllowedError, "their own opinion"),
        ({"image": 1}, ConflictError, "Nobody scored"),
        ({"score": 1.2}, InvalidInputError, "between 0 and 1"),
        ({"id": "7"}, InvalidInputError, "UUID"),
        ({"note": "x" * 4001}, InvalidInputError, "4,000"),
        ({"candidate_id": 999}, NotFoundError, "candidate"),
        ({"project_id": 999}, NotFoundError, "candidate"),
    ],
)
def test_what_makes_no_sense_is_refused(
    filled: Filled, changes: dict[str, object], error: type[Exception], words: str
) -> None:
    filled.say("correct", score=0.2, reviewer="ada")
    with pytest.raises(error, match=words):
        decide(filled, **{"score": 0.7, **changes})  # type: ignore[arg-type]
    assert labels(filled) == {filled.of(0).id: 0.2}


def test_only_adjudicators_decide_once_there_is_one(filled: Filled) -> None:
    filled.say("correct", score=0.2, reviewer="ada")
    with filled.database.begin() as session:
        people.give_role(session, "dora", "adjudicator", given_by="ada")
    with pytest.raises(NotAllowedError, match="no adjudicator"):
        decide(filled, 0.7, by="cleo")
    assert decide(filled, 0.7, by="dora")


def test_an_observer_decides_nothing(filled: Filled) -> None:
    with filled.database.begin() as session:
        people.give_role(session, "eve", "observer", given_by="ada")
        assert Person("eve", "observer") in people.all_people(session)
    with pytest.raises(NotAllowedError, match="observer"):
        filled.say("skip", reviewer="eve")
    with filled.database.begin() as session:
        people.give_role(session, "eve", "reviewer", given_by="ada")
        with pytest.raises(InvalidInputError, match="role among"):
            people.give_role(session, "eve", "king", given_by="ada")  # type: ignore[arg-type]
    filled.say("skip", reviewer="eve")


def test_gold_is_unseen_by_those_who_said_nothing(filled: Filled) -> None:
    filled.say("correct", score=0.2, reviewer="ada")
    decide(filled, 0.7, by="cleo")

    def unseen(name: str) -> list[int]:
        with filled.database.read() as session:
            return adjudications.unseen_gold(session, filled.project.id, name)

    assert unseen("bob") == [filled.images[0].id]
    assert unseen("ada") == unseen("cleo") == []


def test_decisions_are_of_the_mask_that_was_seen(filled: Filled) -> None:
    from db.store import candidates
    from rsqa_core.records import NewCandidate

    filled.say("correct", score=0.2)
    decide(filled, 0.7)
    old = filled.of(0)
    with filled.database.begin() as session:
        candidates.put(
            session,
            [
                NewCandidate(
                    image_id=old.image_id,
                    segmenter=old.segmenter,
                    mask_path=old.mask_path,
                    mask_sha256="e" * 64,
                    area_shares=old.area_shares,
                )
            ],
        )
    assert labels(filled) == {}


def take(filled: Filled, reviewer: str, *places: int) -> list[int]:
    ids = [filled.images[place].id for place in places]
    with filled.database.begin() as session:
        return leases.take(session, filled.project.id, reviewer, ids)


def queued(filled: Filled, reviewer: str, **query: object) -> set[int]:
    with filled.database.read() as session:
        others = leases.held_by_others(session, filled.project.id, reviewer)
        page = queue.page(
            session,
            filled.project.id,
            QueueQuery(**query),  # type: ignore[arg-type]
            without=others,
        )
        assert page.total == len(filled.images)  # they are counted all the same
    return set(page.image_ids)


def test_what_one_has_the_other_is_not_given(filled: Filled) -> None:
    first, second = filled.images[0].id, filled.images[1].id
    assert take(filled, "ada", 0, 1) == [first, second]
    assert take(filled, "bob", 0, 2) == [filled.images[2].id]
    assert not queued(filled, "bob") & {first, second}
    assert {first, second} <= queued(filled, "ada")
    with filled.database.read() as session:
        assert leases.count_of_others(session, filled.project.id, "bob") == 2

    with filled.database.begin() as session:
        leases.give_back(session, filled.project.id, "bob", [first])  # it is not his to give
        leases.give_back(session, filled.project.id, "ada", [second])
    assert first not in queued(filled, "bob")
    assert second in queued(filled, "bob")


def test_a_lease_runs_out_by_itself(filled: Filled) -> None:
    take(filled, "ada", 0)
    with filled.database.begin() as session:
        row = session.get_one(LeaseRow, filled.images[0].id)
        assert abs((row.until - now()).total_seconds() - LEASE_S) < 30
        row.until = now() - dt.timedelta(seconds=1)
    assert take(filled, "bob", 0) == [filled.images[0].id]


def test_decided_images_and_other_projects_are_not_kept_from_anyone(filled: Filled) -> None:
    other = fill(filled.database, slug="village")
    take(filled, "ada", 0)
    filled.say("skip", reviewer="ada")
    assert filled.images[0].id in queued(filled, "bob", statuses=("open", "skipped"))
    with filled.database.begin() as session:
        assert leases.take(session, other.project.id, "ada", [filled.images[1].id]) == []
        projects.delete(session, filled.project.slug)  # leases go along


def test_ten_reviewers_at_once_are_given_no_image_twice(filled: Filled) -> None:
    given: dict[str, list[int]] = {}
    start = threading.Barrier(10)

    def claim(name: str) -> None:
        start.wait()
        with filled.database.begin() as session:
            others = leases.held_by_others(session, filled.project.id, name)
            page = queue.page(session, filled.project.id, QueueQuery(), limit=1, without=others)
            given[name] = leases.take(session, filled.project.id, name, page.image_ids)

    threads = [threading.Thread(target=claim, args=(f"r{n}",)) for n in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ids = [image for images in given.values() for image in images]
    assert len(ids) == len(set(ids)) == min(10, len(filled.images))


def waiting(filled: Filled, reviewer: str, rule: Overlap) -> set[int]:
    with filled.database.begin() as session:
        overlap.put(session, filled.project.id, rule)
        assert overlap.get(session, filled.project.id) == rule
        return set(overlap.waiting_for(session, filled.project.id, reviewer, 100))


def test_a_decided_image_waits_for_one_more_who_has_not_seen_it(filled: Filled) -> None:
    ids = [image.id for image in filled.images]
    filled.say("skip", 0, reviewer="ada")
    filled.say("confirm", 1, reviewer="ada")
    filled.say("flag", 2, reviewer="ada")
    everything = Overlap(share=1.0)

    assert waiting(filled, "bob", everything) == {ids[0], ids[1]}
    assert waiting(filled, "ada", everything) == set()
    assert waiting(filled, "bob", Overlap()) == set()
    said = filled.say("confirm", 1, reviewer="bob")
    assert waiting(filled, "cleo", everything) == {ids[0]}
    filled.undo(said)
    assert waiting(filled, "cleo", everything) == {ids[0], ids[1]}


def test_the_share_is_of_the_images_and_wide_intervals_come_on_top(filled: Filled) -> None:
    for place in range(len(filled.images)):
        filled.say("skip", place, reviewer="ada")
    half = waiting(filled, "bob", Overlap(share=0.5))
    assert 0 < len(half) < len(filled.images)
    assert half < waiting(filled, "bob", Overlap(share=0.9)) | half
    with filled.database.read() as session:
        found = [queue.item(session, image.id).image for image in filled.images]
    widths = sorted(image.uncertainty or 0.0 for image in found)
    middle = widths[len(widths) // 2]
    wide = {image.id for image in found if (image.uncertainty or 0.0) > middle}
    assert wide
    assert waiting(filled, "bob", Overlap(wider_than=middle)) == wide
    assert waiting(filled, "bob", Overlap(0.5, middle)) == wide | half


def test_a_share_that_is_none_is_refused(filled: Filled) -> None:
    with pytest.raises(InvalidInputError, match="`share`"):
        waiting(filled, "bob", Overlap(share=1.5))

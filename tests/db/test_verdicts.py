from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from db.store import candidates, projects, queue, verdicts
from rsqa_core.errors import ConflictError, InvalidInputError, NotFoundError
from rsqa_core.records import MAX_MARK_CHARACTERS, ErrorMarks, PointCheck
from tests.db.filled import Filled, fill, new_candidate


def test_a_verdict_sets_the_status_of_its_image(filled: Filled) -> None:
    for image, (kind, status) in enumerate(
        {
            "confirm": "reviewed",
            "correct": "reviewed",
            "skip": "skipped",
            "flag": "flagged",
            "none_acceptable": "none_acceptable",
        }.items()
    ):
        filled.say(kind, image)
        assert filled.status(image) == status
    filled.say("note", 6, note="clouds")
    assert filled.status(6) == "open"


def test_the_same_verdict_sent_twice_is_one_row(filled: Filled) -> None:
    verdict = filled.verdict(time_spent_s=1.25, score_shown=0.1 + 0.2)
    with filled.database.begin() as session:
        stored, was_new = verdicts.record(session, verdict)
    with filled.database.begin() as session:
        again, was_new_again = verdicts.record(session, verdict)
    assert (was_new, was_new_again) == (True, False)
    assert again == stored
    assert stored.created_at is not None
    assert stored.created_at.utcoffset() == dt.timedelta(0)
    assert filled.holding() == [verdict.id]


def test_a_repeated_undo_is_a_duplicate_though_its_row_does_not_hold_any_more(
    filled: Filled,
) -> None:
    undo = filled.undo_of(filled.say())
    for expected in (True, False):
        with filled.database.begin() as session:
            assert verdicts.record(session, undo)[1] is expected


@pytest.mark.parametrize(
    "change", [{"score": 0.6}, {"note": "x"}, {"score_visible": False}, {"reviewer": "bob"}]
)
def test_an_id_with_another_content_is_a_conflict(
    filled: Filled, change: dict[str, object]
) -> None:
    verdict = filled.say()
    with (
        pytest.raises(ConflictError, match=next(iter(change))),
        filled.database.begin() as session,
    ):
        verdicts.record(session, replace(verdict, **change))  # type: ignore[arg-type]
    assert filled.holding() == [verdict.id]


def test_a_correction_supersedes_the_same_reviewers_verdict_on_the_candidate(
    filled: Filled,
) -> None:
    first = filled.say("confirm")
    other_candidate = filled.say("confirm", candidate_id=filled.of(0, 1).id)
    other_person = filled.say("confirm", reviewer="bob", score=0.1)
    second = filled.say("correct", score=0.9)
    assert second.supersedes_id == first.id
    assert other_candidate.supersedes_id is None
    assert other_person.supersedes_id is None
    assert filled.holding() == [other_candidate.id, other_person.id, second.id]
    with filled.database.read() as session:
        labels = verdicts.labels(session, filled.project.id)
        counts = verdicts.counts(session, filled.project.id)
        history = verdicts.history(session, filled.project.id)
    assert labels == pytest.approx({filled.of(0).id: 0.5, filled.of(0, 1).id: 0.5})
    assert counts["confirm"] == 2
    assert counts["correct"] == 1
    assert [v.id for v in history] == [second.id, other_person.id, other_candidate.id, first.id]


def test_notes_neither_supersede_nor_are_superseded(filled: Filled) -> None:
    decision = filled.say()
    note = filled.say("note", note="shadow", candidate_id=filled.of(0).id)
    correction = filled.say("correct", score=0.3)
    assert note.supersedes_id is None
    assert correction.supersedes_id == decision.id
    assert filled.holding() == [note.id, correction.id]


def test_undo_restores_what_held_before_step_by_step(filled: Filled) -> None:
    chain = [filled.say("confirm"), filled.say("correct", score=0.2), filled.say("confirm")]
    assert [v.supersedes_id for v in chain] == [None, chain[0].id, chain[1].id]
    skip = filled.say("skip")
    assert filled.status() == "skipped"
    filled.undo(skip)
    assert filled.status() == "reviewed"
    for step in (2, 1, 0):
        assert filled.holding() == [chain[step].id]
        filled.undo(chain[step])
    assert filled.holding() == []
    assert filled.status() == "open"


def test_a_new_decision_after_an_undo_supersedes_what_holds_again(filled: Filled) -> None:
    first = filled.say("confirm")
    filled.undo(filled.say("correct", score=0.2))
    third = filled.say("correct", score=0.7)
    assert third.supersedes_id == first.id
    assert filled.holding() == [third.id]


def test_undo_reaches_fifty_decisions_back(filled: Filled) -> None:
    said = [filled.say("correct", score=n / 50) for n in range(50)]
    for verdict in reversed(said):
        filled.undo(verdict)
    assert filled.status() == "open"


def test_what_does_not_hold_cannot_be_undone(filled: Filled) -> None:
    first = filled.say("confirm")
    second = filled.say("correct", score=0.2)
    undo = filled.undo(second)
    for target in (second, undo):
        with pytest.raises(ConflictError):
            filled.undo(target)
    third = filled.say("correct", score=0.4)
    with pytest.raises(ConflictError, match="does not hold"):
        filled.undo(first)
    assert filled.holding() == [third.id]


def test_reviewers_undo_only_their_own_verdicts(filled: Filled) -> None:
    verdict = filled.say()
    with pytest.raises(ConflictError, match="bob"), filled.database.begin() as session:
        verdicts.record(session, replace(filled.undo_of(verdict), reviewer="bob"))
    assert filled.status() == "reviewed"


def test_a_verdict_that_names_the_wrong_row_to_replace_is_a_conflict(filled: Filled) -> None:
    first = filled.say("confirm")
    second = filled.say("correct", score=0.2, supersedes_id=first.id)
    with pytest.raises(ConflictError, match=second.id):
        filled.say("correct", score=0.3, supersedes_id=first.id)


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("confirm", {"id": "not-a-uuid"}),
        ("confirm", {"id": str(uuid.uuid4()).upper()}),
        ("approve", {}),
        ("confirm", {"score": None}),
        ("confirm", {"score": 1.01}),
        ("confirm", {"score": float("nan")}),
        ("confirm", {"candidate_id": None}),
        ("skip", {"score": 0.5}),
        ("confirm", {"score_shown": float("inf")}),
        ("confirm", {"time_spent_s": float("nan")}),
        ("confirm", {"time_spent_s": -1.0}),
        ("note", {}),
        ("note", {"note": "\ud800"}),
        ("note", {"note": "x" * 4001}),
        ("undo", {}),
        ("confirm", {"reviewer": ""}),
        ("confirm", {"reviewer": "a\x00b"}),
        ("confirm", {"reviewer": "x" * 81}),
        ("confirm", {"created_at": dt.datetime(2026, 1, 1)}),
    ],
)
def test_verdicts_without_sense_are_refused(
    filled: Filled, kind: str, changes: dict[str, object]
) -> None:
    with pytest.raises(InvalidInputError):
        filled.say(kind, **changes)
    assert filled.holding() == []
    assert filled.status() == "open"


def test_parts_that_do_not_belong_together_are_refused(filled: Filled) -> None:
    other = fill(filled.database, count=1, slug="village")
    for changes in (
        {"project_id": other.project.id},
        {"project_id": 999},
        {"image_id": 999},
        {"candidate_id": filled.of(1).id},
        {"candidate_id": 999},
        {"head_id": "unheard"},
    ):
        with pytest.raises(NotFoundError):
            filled.say(**changes)
    with pytest.raises(ConflictError):
        filled.say("undo", supersedes_id=str(uuid.uuid4()))


def test_rows_can_be_neither_changed_nor_deleted_nor_replaced(filled: Filled) -> None:
    verdict = filled.say()
    for statement in (
        "UPDATE verdict SET score = 0.9",
        "DELETE FROM verdict",
        "INSERT OR REPLACE INTO verdict SELECT * FROM verdict",
        f"DELETE FROM image WHERE id = {verdict.image_id}",
    ):
        with pytest.raises(IntegrityError), filled.database.begin() as session:
            session.execute(text(statement))
    assert filled.holding() == [verdict.id]


def test_verdicts_go_with_their_project_and_only_theirs(filled: Filled) -> None:
    other = fill(filled.database, count=2, slug="village")
    kept = other.say()
    filled.undo(filled.say())
    with filled.database.begin() as session:
        projects.delete(session, "town")
    with filled.database.read() as session:
        assert session.execute(text("SELECT id FROM verdict")).scalars().all() == [kept.id]
        assert session.execute(text("PRAGMA foreign_key_check")).all() == []


def test_sqlite_itself_refuses_a_score_out_of_range(filled: Filled) -> None:
    filled.say()
    copy = (
        "INSERT INTO verdict SELECT NULL, '{0}', project_id, image_id, candidate_id, "
        "candidate_version, reviewer, kind, {1}, note, head_id, score_shown, score_visible, "
        "time_spent_s, NULL, created_at, NULL, NULL, NULL, NULL, NULL FROM verdict"
    )
    for score in ("1.5", "NULL"):
        with pytest.raises(IntegrityError), filled.database.begin() as session:
            session.execute(text(copy.format(uuid.uuid4(), score)))
    with filled.database.begin() as session:
        session.execute(text(copy.format(uuid.uuid4(), "0.5")))


def test_a_replaced_mask_takes_its_labels_out_of_training_but_keeps_the_rows(
    filled: Filled,
) -> None:
    verdict = filled.say()
    with filled.database.begin() as session:
        new = new_candidate(filled.images[0].id, "alpha", mask_sha256="another")
        (changed,) = candidates.put(session, [new])
        labels = verdicts.labels(session, filled.project.id)
    assert changed.id == filled.of(0).id
    assert changed.version == 2
    assert labels == {}
    assert filled.holding() == [verdict.id]
    filled.say("correct", score=0.9)
    with filled.database.read() as session:
        assert verdicts.labels(session, filled.project.id) == {changed.id: 0.9}


def test_items_show_only_the_verdicts_that_hold_and_of_whom(filled: Filled) -> None:
    filled.say()
    mine = filled.say("correct", score=0.8)
    theirs = filled.say(reviewer="bob")
    with filled.database.read() as session:
        everyone = queue.item(session, filled.images[0].id)
        own = queue.item(session, filled.images[0].id, "ada")
    assert [v.id for v in everyone.verdicts] == [mine.id, theirs.id]
    assert [v.id for v in own.verdicts] == [mine.id]


def test_history_is_limited_and_of_one_person_when_asked(filled: Filled) -> None:
    said = [filled.say("correct", n, reviewer=("ada", "bob")[n % 2]) for n in range(6)]
    with filled.database.read() as session:
        newest = verdicts.history(session, filled.project.id, limit=2)
        own = verdicts.history(session, filled.project.id, "ada")
    assert [v.id for v in newest] == [said[5].id, said[4].id]
    assert [v.id for v in own] == [said[4].id, said[2].id, said[0].id]


def test_a_label_is_doubtful_where_reviewers_differ(filled: Filled) -> None:
    for reviewer, score in (("ada", 0.9), ("bob", 0.5), ("eve", 0.7)):
        filled.say("correct", reviewer=reviewer, score=score)
    alone, agreed = filled.of(0, 1), filled.of(1)
    filled.say("correct", candidate_id=alone.id, score=0.4)
    for reviewer in ("ada", "bob"):
        filled.say("correct", 1, reviewer=reviewer, score=0.6)

    with filled.database.read() as session:
        doubts = verdicts.label_doubts(session, filled.project.id)

    # Sample deviation 0.2 of three labels.
    assert doubts == pytest.approx({filled.of(0).id: 0.2 / 3**0.5, agreed.id: 0.0}, abs=1e-8)


def test_marks_are_kept_with_their_verdict_and_only_with_a_score_of_their_own(
    filled: Filled,
) -> None:
    marks = ErrorMarks((64, 64), "0abc")
    kept = filled.say("correct", marks=marks)
    assert kept.marks == marks
    with filled.database.read() as session:
        assert verdicts.marks(session, filled.project.id, "ada", kept.id) == marks
        for reviewer, verdict_id in (("bob", kept.id), ("ada", "nothing")):
            with pytest.raises(NotFoundError, match="no verdict"):
                verdicts.marks(session, filled.project.id, reviewer, verdict_id)
    check = PointCheck("random", 1, (True,))
    for kind, changes in (
        ("confirm", {}),
        ("correct", {"low": 0.4, "high": 0.6, "point_check": check}),
        ("flag", {}),
    ):
        with pytest.raises(InvalidInputError, match="Expected marks only with a correct"):
            filled.say(kind, marks=marks, **changes)
    long = ErrorMarks((64, 64), "0" * (MAX_MARK_CHARACTERS + 1))
    with pytest.raises(InvalidInputError, match="larger brush"):
        filled.say("correct", marks=long)


def test_a_verdict_sent_again_with_other_marks_is_a_conflict(filled: Filled) -> None:
    kept = filled.say("correct", marks=ErrorMarks((64, 64), "0a"))
    with pytest.raises(ConflictError, match="another marks"):
        filled.say("correct", id=kept.id, marks=ErrorMarks((64, 64), "0b"))

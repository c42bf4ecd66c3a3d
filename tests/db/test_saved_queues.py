"""Queues that somebody gave a name."""

from __future__ import annotations

import pytest

from db.store import saved_queues
from rsqa_core.errors import InvalidInputError, NotFoundError
from rsqa_core.saved_queues import MOST_QUEUES, SavedQueue
from tests.db.filled import Filled, fill


def put(filled: Filled, name: str, **parameters: str) -> SavedQueue:
    with filled.database.begin() as session:
        return saved_queues.put(
            session, filled.project.id, name=name, parameters=parameters, saved_by="ada"
        )


def kept(filled: Filled) -> list[SavedQueue]:
    with filled.database.read() as session:
        return saved_queues.all_of(session, filled.project.id)


def test_queues_are_kept_by_name_and_replaced(filled: Filled) -> None:
    other = fill(filled.database, slug="village")
    put(filled, " worst roofs ", order="worst", scene="north")
    put(filled, "audit", slice="audit")
    last = put(filled, "worst roofs", order="worst", below="0.5")

    assert [one.name for one in kept(filled)] == ["audit", "worst roofs"]
    assert kept(filled)[1] == last
    assert last.parameters == {"order": "worst", "below": "0.5"}
    assert kept(other) == []


def test_what_cannot_be_kept_is_refused(filled: Filled) -> None:
    for name in ("", "x" * 61, "a\nb"):
        with pytest.raises(InvalidInputError, match="printable"):
            put(filled, name)
    for number in range(MOST_QUEUES):
        put(filled, f"queue {number}")
    with pytest.raises(InvalidInputError, match="100 saved queues already"):
        put(filled, "one more")
    put(filled, "queue 5", order="name")  # to replace one is no more
    with pytest.raises(NotFoundError), filled.database.begin() as session:
        saved_queues.put(session, 99, name="x", parameters={}, saved_by="ada")


def test_a_removed_queue_is_gone(filled: Filled) -> None:
    put(filled, "audit")
    with filled.database.begin() as session:
        saved_queues.remove(session, filled.project.id, "audit")
        with pytest.raises(NotFoundError, match="audit"):
            saved_queues.remove(session, filled.project.id, "audit")
    assert kept(filled) == []

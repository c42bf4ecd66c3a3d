"""At twenty thousand images every page comes straight from an index."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import event, text

from db import Database, open_database
from db.store import images, projects, queue
from rsqa_core.records import IMAGE_STATUSES, QUEUE_ORDERS, QueueOrder, QueueQuery
from tests.db.filled import CLASSES, new_image

COUNT = 20_000


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Database, int]]:
    database = open_database(tmp_path_factory.mktemp("large") / "rsqa.sqlite3")
    with database.begin() as session:
        project = projects.create(
            session, slug="large", name="Large", classes=CLASSES, origin="generated"
        )
        images.add(session, project.id, [new_image(number) for number in range(COUNT)])
        session.connection().exec_driver_sql(
            "UPDATE image SET best_score = random_key % 1000 / 1000.0, "
            "uncertainty = random_key % 997 / 1000.0, disagreement = 0.0, "
            "informative = random_key % 991 / 1000.0, diverse = random_key % 983 / 1000.0, "
            "status = iif(random_key % 4, 'open', 'reviewed')"
        )
    yield database, project.id
    database.close()


def plans_of_a_later_page(large: tuple[Database, int], query: QueueQuery) -> list[str]:
    """Explain every statement that a page in the middle of the queue sends about images."""
    database, project_id = large
    sent: list[tuple[str, Any]] = []

    def note(
        _connection: object, _cursor: object, statement: str, parameters: Any, *_: object
    ) -> None:
        if "ORDER BY" in statement:
            sent.append((statement, parameters))

    with database.read() as session:
        first = queue.page(session, project_id, query, limit=200)
    event.listen(database._engine, "before_cursor_execute", note)
    try:
        with database.read() as session:
            queue.page(session, project_id, query, cursor=first.next_cursor, limit=200)
    finally:
        event.remove(database._engine, "before_cursor_execute", note)
    with database.read() as session:
        connection = session.connection()
        return [
            str(row[3])
            for statement, parameters in sent
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        ]


@pytest.mark.parametrize("statuses", [("open",), IMAGE_STATUSES])
@pytest.mark.parametrize("order", [o for o in QUEUE_ORDERS if o != "similar"])
def test_pages_are_read_from_the_index_of_their_order_without_sorting(
    large: tuple[Database, int], order: QueueOrder, statuses: Any
) -> None:
    plans = plans_of_a_later_page(large, QueueQuery(order=order, statuses=statuses))
    assert plans
    for plan in plans:
        assert "B-TREE" not in plan
        assert plan.startswith("SEARCH image USING COVERING INDEX ix_image_")
    # Ties may come from another index with the same column; the long range may not.
    assert any(f"ix_image_{order} " in plan for plan in plans)


def test_the_plans_are_really_looked_at(large: tuple[Database, int]) -> None:
    # A seed other than 0 is the one case that sorts; were it missed, the test above could not fail.
    plans = plans_of_a_later_page(large, QueueQuery(order="random", seed=1))
    assert any("B-TREE" in plan for plan in plans)


def test_a_queue_of_many_pages_shows_every_image_once(large: tuple[Database, int]) -> None:
    database, project_id = large
    seen: list[int] = []
    cursor = None
    with database.read() as session:
        while True:
            page = queue.page(
                session, project_id, QueueQuery(order="uncertain"), cursor=cursor, limit=500
            )
            seen += page.image_ids
            cursor = page.next_cursor
            if cursor is None:
                break
        expected = session.execute(
            text("SELECT id FROM image WHERE status = 'open' ORDER BY uncertainty DESC, id")
        ).scalars()
        assert seen == expected.all()


def test_adding_tiles_looks_them_up_through_the_unique_index(large: tuple[Database, int]) -> None:
    database, project_id = large
    sent: list[tuple[str, Any]] = []
    event.listen(
        database._engine,
        "before_cursor_execute",
        lambda *arguments: sent.append((arguments[2], arguments[3])),
    )
    with database.begin() as session:
        images.add(session, project_id, [new_image(number) for number in range(3)])
    lookups = [entry for entry in sent if "source_sha256, " in entry[0]]
    assert len(lookups) == 1
    with database.read() as session:
        rows = session.connection().exec_driver_sql(
            f"EXPLAIN QUERY PLAN {lookups[0][0]}", lookups[0][1]
        )
        plan = " / ".join(str(row[3]) for row in rows)
    assert "SEARCH image USING INDEX sqlite_autoindex_image_1" in plan
    assert "source_sha256=?" in plan

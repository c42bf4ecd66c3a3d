from __future__ import annotations

import base64
import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import event

from db import Database
from db.store import images, projects, queue, scores, searches
from rsqa_core.errors import InvalidInputError, NotFoundError
from rsqa_core.records import (
    IMAGE_STATUSES,
    QUEUE_ORDERS,
    ImageRecord,
    QueueOrder,
    QueueQuery,
    Score,
)
from tests.db.filled import Filled, fill, new_image

EVERY: dict[str, Any] = {"statuses": IMAGE_STATUSES}


@pytest.fixture
def ranked(database: Database) -> Filled:
    """Thirty images with tied values, some without scores, some without disagreement."""
    filled = fill(database, count=30)
    generator = random.Random(5)
    with database.begin() as session:
        images.add(session, filled.project.id, [new_image(n) for n in range(30, 36)])
        chosen = generator.sample(filled.images, 20)
        images.set_disagreement(
            session, {image.id: round(generator.random(), 1) for image in chosen}
        )
        taught = generator.sample(filled.images, 20)
        images.set_informative(
            session, {image.id: round(generator.random(), 1) for image in taught}
        )
        seen = generator.sample(filled.images, 20)
        images.set_diverse(
            session,
            filled.project.id,
            {image.id: round(generator.random(), 1) for image in seen},
        )
    with database.read() as session:
        filled.images = images.all_of(session, filled.project.id)
    return filled


def pages_of(filled: Filled, query: QueueQuery, limit: int) -> Iterator[tuple[int, ...]]:
    cursor = None
    while True:
        with filled.database.read() as session:
            page = queue.page(session, filled.project.id, query, cursor=cursor, limit=limit)
        yield page.image_ids
        cursor = page.next_cursor
        if cursor is None:
            return


def walk(filled: Filled, query: QueueQuery, limit: int = 7) -> list[int]:
    return [image_id for page in pages_of(filled, query, limit) for image_id in page]


def key_of(order: QueueOrder, image: ImageRecord) -> tuple[Any, ...]:
    """The plain-Python oracle of an order."""
    if order == "name":
        return (image.name, image.id)
    value, sign = {
        "uncertain": (image.uncertainty, -1),
        "worst": (image.best_score, 1),
        "best": (image.best_score, -1),
        "disagreement": (image.disagreement, -1),
        "informative": (image.informative, -1),
        "diverse": (image.diverse, -1),
    }[order]
    return (value is None, 0 if value is None else sign * value, image.id)


@pytest.mark.parametrize("limit", [1, 7, 100])
@pytest.mark.parametrize("order", [o for o in QUEUE_ORDERS if o not in ("random", "similar")])
def test_orders_agree_with_sorting_everything(
    ranked: Filled, order: QueueOrder, limit: int
) -> None:
    for image, kind in enumerate(("confirm", "skip", "flag", "none_acceptable")):
        ranked.say(kind, 3 * image)
    expected = sorted(ranked.images, key=lambda image: key_of(order, image))
    found = walk(ranked, QueueQuery(order=order, **EVERY), limit)
    assert found == [image.id for image in expected]


@pytest.mark.parametrize("limit", [1, 3, 100])
def test_a_search_can_be_read_by_similarity_page_by_page(ranked: Filled, limit: int) -> None:
    alike = {image.id: (0.5, -0.25, 1.0000001)[n % 3] for n, image in enumerate(ranked.images[:8])}
    with ranked.database.begin() as session:
        found = searches.add(session, ranked.project.id, alike, words="water")
        others = {image.id: 0.9 for image in ranked.images}
        searches.add(session, ranked.project.id, others, words="roofs")
    ranked.say("skip", 2)
    walked = walk(ranked, QueueQuery(order="similar", search=found.id, **EVERY), limit)
    assert walked == sorted(alike, key=lambda image_id: (-alike[image_id], image_id))
    still_open = walk(ranked, QueueQuery(order="similar", search=found.id), limit)
    assert still_open == [image_id for image_id in walked if image_id != ranked.images[2].id]


def test_an_order_by_similarity_needs_a_search(ranked: Filled) -> None:
    with (
        ranked.database.read() as session,
        pytest.raises(InvalidInputError, match="Find images first"),
    ):
        queue.page(session, ranked.project.id, QueueQuery(order="similar"))


def test_places_in_the_diverse_order_change_only_what_changed(ranked: Filled) -> None:
    first, second, third = ranked.images[:3]
    with ranked.database.begin() as session:
        images.set_diverse(session, ranked.project.id, {first.id: 1.0, second.id: 0.5})
    with ranked.database.begin() as session:
        before = {i.id: i.version for i in images.all_of(session, ranked.project.id)}
        images.set_diverse(session, ranked.project.id, {first.id: 1.0, third.id: 0.5})
        after = {i.id: i for i in images.all_of(session, ranked.project.id)}
    assert {i for i in before if after[i].version != before[i]} == {second.id, third.id}
    assert [after[i.id].diverse for i in (first, second, third)] == [1.0, None, 0.5]
    with ranked.database.begin() as session, pytest.raises(InvalidInputError, match="diverse"):
        images.set_diverse(session, ranked.project.id, {first.id: 1.5})
    with ranked.database.begin() as session, pytest.raises(NotFoundError):
        images.set_diverse(session, ranked.project.id, {99_999: 0.5})


def test_random_order_is_fixed_by_its_seed(ranked: Filled) -> None:
    walks = {seed: walk(ranked, QueueQuery(order="random", seed=seed)) for seed in range(4)}
    assert all(sorted(found) == [i.id for i in ranked.images] for found in walks.values())
    assert len({tuple(found) for found in walks.values()}) == 4
    assert walks[2] == walk(ranked, QueueQuery(order="random", seed=2), limit=100)
    assert [i.id for i in ranked.images] not in walks.values()


@pytest.mark.parametrize("seed", [0, 8])
@pytest.mark.parametrize("order", [o for o in QUEUE_ORDERS if o != "similar"])
def test_every_image_is_shown_once_while_verdicts_are_recorded_between_pages(
    ranked: Filled, order: QueueOrder, seed: int
) -> None:
    number = {image.id: n for n, image in enumerate(ranked.images)}
    seen: list[int] = []
    for page in pages_of(ranked, QueueQuery(order=order, seed=seed), limit=4):
        seen += page
        for image_id in page:
            ranked.say("skip", number[image_id])
    assert sorted(seen) == [image.id for image in ranked.images]
    with ranked.database.read() as session:
        page_now = queue.page(session, ranked.project.id, QueueQuery(order=order))
    assert page_now.image_ids == ()
    assert page_now.next_cursor is None
    assert (page_now.total, page_now.done) == (36, 36)


def test_filters_choose_images_and_their_totals(ranked: Filled) -> None:
    ranked.say("confirm", 0)
    ranked.say("skip", 1)

    def chosen(**fields: Any) -> tuple[set[int], int, int]:
        query = QueueQuery(order="name", **({"statuses": IMAGE_STATUSES} | fields))
        with ranked.database.read() as session:
            page = queue.page(session, ranked.project.id, query, limit=100)
        return set(page.image_ids), page.total, page.done

    found = ranked.images
    assert chosen(scene="scene-0") == ({i.id for i in found if i.scene == "scene-0"}, 12, 1)
    assert chosen(statuses=("skipped",)) == ({found[1].id}, 36, 2)
    assert chosen(statuses=("skipped", "reviewed"))[0] == {found[0].id, found[1].id}
    assert chosen(name_contains="TILE-0000")[0] == {i.id for i in found[:10]}
    assert chosen(name_contains="%") == (set(), 0, 0)
    assert chosen(segmenter="beta")[0] == {i.id for i in found[:30]}
    assert chosen(segmenter="gamma")[0] == set()
    below = {i.id for i in found if i.best_score is not None and i.best_score < 0.5}
    assert below
    assert chosen(score_below=0.5)[0] == below


def test_statuses_named_twice_do_not_show_images_twice(ranked: Filled) -> None:
    found = walk(ranked, QueueQuery(statuses=("open", "open")))
    assert len(found) == len(set(found)) == 36


def test_a_cursor_of_another_queue_is_refused(ranked: Filled) -> None:
    with ranked.database.read() as session:
        cursor = queue.page(session, ranked.project.id, QueueQuery(), limit=3).next_cursor
    assert cursor is not None
    forged = [
        base64.urlsafe_b64encode(json.dumps(content).encode()).decode()
        for content in (
            ["uncertain", 0, "text", 3],
            ["uncertain", 0, [1], 3],
            ["uncertain", 0, 0.5, "3"],
            ["uncertain", 0, float("nan"), 3],
            ["uncertain", 0, 0.5, 10**30],
            ["uncertain", 0],
            7,
        )
    ]
    for bad, query in [
        (cursor, QueueQuery(order="worst")),
        (cursor, QueueQuery(seed=1)),
        ("%%%", QueueQuery()),
        ("ümlaut", QueueQuery()),
        ("", QueueQuery()),
        *((entry, QueueQuery()) for entry in forged),
    ]:
        with pytest.raises(InvalidInputError, match="cursor"), ranked.database.read() as session:
            queue.page(session, ranked.project.id, query, cursor=bad)


def test_queries_without_sense_are_refused(ranked: Filled) -> None:
    with ranked.database.read() as session:
        for query in (
            QueueQuery(order="size"),  # type: ignore[arg-type]
            QueueQuery(statuses=("closed",)),  # type: ignore[arg-type]
            QueueQuery(statuses=()),
        ):
            with pytest.raises(InvalidInputError):
                queue.page(session, ranked.project.id, query)
        for limit in (0, 1001):
            with pytest.raises(InvalidInputError, match="limit"):
                queue.page(session, ranked.project.id, QueueQuery(), limit=limit)
        with pytest.raises(NotFoundError):
            queue.page(session, 999, QueueQuery())


def test_candidates_of_an_item_go_best_first_and_unscored_last(filled: Filled) -> None:
    low, high = filled.of(0, 0), filled.of(0, 1)
    with filled.database.begin() as session:
        scores.publish(
            session,
            filled.project.id,
            "base",
            [Score(low.id, "base", 0.0, 0.0, 0.1), Score(high.id, "base", 0.9, 0.8, 1.0)],
        )
        item = queue.item(session, filled.images[0].id)
    assert [s.candidate.id for s in item.candidates] == [high.id, low.id]
    assert [s.score.score for s in item.candidates if s.score] == [0.9, 0.0]


def test_an_item_that_is_not_there_is_named(filled: Filled) -> None:
    with filled.database.read() as session, pytest.raises(NotFoundError, match="999"):
        queue.items(session, [filled.images[0].id, 999])


def test_items_keep_their_order_and_cost_the_same_number_of_queries(ranked: Filled) -> None:
    statements: list[str] = []

    def count(*arguments: Any) -> None:
        statements.append(arguments[2])

    engine = ranked.database._engine
    event.listen(engine, "before_cursor_execute", count)
    needed = []
    for ids in ([ranked.images[4].id], [image.id for image in reversed(ranked.images)]):
        with ranked.database.read() as session:
            session.connection()
            statements.clear()
            found = queue.items(session, ids)
        assert [item.image.id for item in found] == ids
        needed.append(len(statements))
    assert needed[0] == needed[1] <= 4


def test_summaries_cost_the_same_number_of_queries_for_more_projects(ranked: Filled) -> None:
    statements: list[str] = []
    event.listen(
        ranked.database._engine,
        "before_cursor_execute",
        lambda *arguments: statements.append(arguments[2]),
    )
    needed = []
    for slug in ("village", "hamlet"):
        fill(ranked.database, count=2, slug=slug)
        with ranked.database.read() as session:
            session.connection()
            statements.clear()
            projects.summaries(session)
        needed.append(len(statements))
    assert needed[0] == needed[1]

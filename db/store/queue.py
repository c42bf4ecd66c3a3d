"""Queues: a project's images in the order in which they are to be reviewed.

Pages go on from the last key and not from a row number, so decisions made between two pages
neither skip an image nor show one twice. Every page is a few short reads from the index of its
order, one status at a time: `status IN (...)` would make SQLite sort the whole project.
"""

from __future__ import annotations

import base64
import hashlib
import heapq
import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, cast, exists, func, select
from sqlalchemy.orm import Session

from db.store.images import RANDOM_KEYS
from db.store.items import item, items
from db.store.projects import get_by_id
from db.tables import CandidateRow, ImageRow, SearchHitRow, SearchRow, SliceImageRow, SliceRow
from rsqa_core.errors import InvalidInputError
from rsqa_core.records import IMAGE_STATUSES, QUEUE_ORDERS, QueuePage, QueueQuery

__all__ = ["LARGEST_PAGE", "item", "items", "page"]

LARGEST_PAGE = 1000


@dataclass(frozen=True, slots=True)
class _Order:
    """``term`` ranks the images, from high to low where ``falling``; ties go by id."""

    term: ColumnElement[Any]
    falling: bool
    nullable: bool


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an image stands in a queue: the value of the order's term and its id."""

    value: float | int | str | None
    image_id: int


def page(
    session: Session,
    project_id: int,
    query: QueueQuery,
    *,
    cursor: str | None = None,
    limit: int = 50,
    without: Collection[int] = (),
) -> QueuePage:
    """Return up to ``limit`` images of a queue after ``cursor`` (a page's next_cursor).

    Images without the value that the order goes by come last. ``name_contains`` ignores case;
    ``score_below`` keeps images whose best candidate is predicted below it; ``segmenter`` keeps
    images with a candidate of it; ``slice`` keeps those that were drawn for it, ``search`` those
    that it found. Open images among ``without`` are left out, but counted: others have them.

    Returns:
        The ids; the cursor of the next page, None after the last; ``total``, the images that match
        whatever their status; and ``done``, how many of those are not open any more.

    Raises:
        InvalidInputError: the order, a status, the cursor or the limit has no sense.
        NotFoundError: there is no such project.
    """
    get_by_id(session, project_id)
    _require_sound(query, limit)
    order = _order(query)
    start = None if cursor is None else _place_of(cursor, query)
    filters = _filters(project_id, query)
    by_status = []
    for status in dict.fromkeys(query.statuses):
        here = [*filters, ImageRow.status == status]
        if without and status == "open":
            here.append(ImageRow.id.not_in(without))
        by_status.append(_places(session, order, here, start, limit + 1))
    merged = heapq.merge(*by_status, key=lambda place: _sort_key(order, place))
    found = list(islice(merged, limit + 1))
    shown = found[:limit]
    counts = dict(
        session.execute(
            select(ImageRow.status, func.count()).where(*filters).group_by(ImageRow.status)
        ).all()
    )
    total = sum(counts.values())
    return QueuePage(
        image_ids=tuple(place.image_id for place in shown),
        next_cursor=_cursor_of(shown[-1], query) if len(found) > limit else None,
        total=total,
        done=total - counts.get("open", 0),
    )


def _require_sound(query: QueueQuery, limit: int) -> None:
    if query.order not in QUEUE_ORDERS:
        raise InvalidInputError(
            f"Expected `order` to be one of {', '.join(QUEUE_ORDERS)}, but got {query.order!r}."
        )
    unknown = [status for status in query.statuses if status not in IMAGE_STATUSES]
    if unknown or not query.statuses:
        raise InvalidInputError(
            f"Expected `statuses` to be at least one of {', '.join(IMAGE_STATUSES)}, but got "
            f"{', '.join(map(repr, query.statuses)) or 'none'}."
        )
    if query.order == "similar" and query.search is None:
        raise InvalidInputError(
            "Expected a search with the order `similar`, but got none. Find images first, or "
            "choose another order."
        )
    if not 1 <= limit <= LARGEST_PAGE:
        raise InvalidInputError(f"Expected `limit` to be in 1..{LARGEST_PAGE}, but got {limit}.")


def _order(query: QueueQuery) -> _Order:
    match query.order:
        case "uncertain":
            return _Order(ImageRow.uncertainty.expression, falling=True, nullable=True)
        case "informative":
            return _Order(ImageRow.informative.expression, falling=True, nullable=True)
        case "worst":
            return _Order(ImageRow.best_score.expression, falling=False, nullable=True)
        case "best":
            return _Order(ImageRow.best_score.expression, falling=True, nullable=True)
        case "disagreement":
            return _Order(ImageRow.disagreement.expression, falling=True, nullable=True)
        case "diverse":
            return _Order(ImageRow.diverse.expression, falling=True, nullable=True)
        case "similar":
            return _Order(_similarity(query.search), falling=True, nullable=True)
        case "name":
            return _Order(ImageRow.name.expression, falling=False, nullable=False)
        case "random":
            return _Order(_random_term(query.seed), falling=False, nullable=False)


def _similarity(search_id: int | None) -> ColumnElement[Any]:
    """How alike a search found an image. It keeps few images, so that they may be sorted."""
    return (
        select(SearchHitRow.similarity)
        .where(SearchHitRow.search_id == search_id, SearchHitRow.image_id == ImageRow.id)
        .scalar_subquery()
    )


def _random_term(seed: int) -> ColumnElement[Any]:
    """The images' own random keys, permuted by the seed: key -> (a key + b) mod prime.

    Seed 0 is the identity, which an index serves; the others sort the project once a page.
    """
    if seed == 0:
        return ImageRow.random_key.expression
    digest = hashlib.sha256(str(seed).encode()).digest()
    factor = 1 + int.from_bytes(digest[:8], "big") % (RANDOM_KEYS - 1)
    shift = int.from_bytes(digest[8:16], "big") % RANDOM_KEYS
    # Products stay below 2**62, inside SQLite's integers.
    return (cast(ImageRow.random_key, BigInteger) * factor + shift) % RANDOM_KEYS


def _filters(project_id: int, query: QueueQuery) -> list[ColumnElement[bool]]:
    filters: list[ColumnElement[bool]] = [ImageRow.project_id == project_id]
    if query.scene is not None:
        filters.append(ImageRow.scene == query.scene)
    if query.name_contains:
        filters.append(ImageRow.name.icontains(query.name_contains, autoescape=True))
    if query.score_below is not None:
        filters.append(ImageRow.best_score < query.score_below)
    if query.segmenter is not None:
        filters.append(
            exists().where(
                CandidateRow.image_id == ImageRow.id, CandidateRow.segmenter == query.segmenter
            )
        )
    if query.slice is not None:
        drawn = (
            select(SliceImageRow.image_id)
            .join(SliceRow, SliceRow.id == SliceImageRow.slice_id)
            .where(SliceRow.project_id == project_id, SliceRow.name == query.slice)
        )
        filters.append(ImageRow.id.in_(drawn))
    if query.search is not None:
        found = (
            select(SearchHitRow.image_id)
            .join(SearchRow, SearchRow.id == SearchHitRow.search_id)
            .where(SearchRow.project_id == project_id, SearchRow.id == query.search)
        )
        filters.append(ImageRow.id.in_(found))
    return filters


def _places(
    session: Session,
    order: _Order,
    filters: Sequence[ColumnElement[bool]],
    start: _Place | None,
    limit: int,
) -> Iterator[_Place]:
    """Yield up to ``limit`` places after ``start``, in order, of images with one status.

    The ranges are read one after the other: the ties of the start, what ranks behind it, what has
    no value. Each is a plain range of the index, which one condition with OR would not be.
    """
    wanted = limit
    for condition, has_value in _ranges(order, start):
        if wanted == 0:
            return
        ordering = [order.term.desc() if order.falling else order.term] if has_value else []
        rows = session.execute(
            select(order.term, ImageRow.id)
            .where(*filters, *condition)
            .order_by(*ordering, ImageRow.id)
            .limit(wanted)
        ).all()
        wanted -= len(rows)
        yield from (_Place(value, image_id) for value, image_id in rows)


def _ranges(
    order: _Order, start: _Place | None
) -> Iterator[tuple[list[ColumnElement[bool]], bool]]:
    term = order.term
    if start is None:
        yield ([term.is_not(None)] if order.nullable else []), True
    elif start.value is not None:
        yield [term == start.value, ImageRow.id > start.image_id], False
        yield [term < start.value if order.falling else term > start.value], True
    if order.nullable:
        after = [] if start is None or start.value is not None else [ImageRow.id > start.image_id]
        yield [term.is_(None), *after], False


def _sort_key(order: _Order, place: _Place) -> tuple[bool, Any, int]:
    if place.value is None:
        return True, 0, place.image_id
    if isinstance(place.value, str):
        # SQLite compares the UTF-8 bytes of texts.
        return False, place.value.encode(), place.image_id
    return False, -place.value if order.falling else place.value, place.image_id


def _cursor_of(place: _Place, query: QueueQuery) -> str:
    text = json.dumps([query.order, query.seed, place.value, place.image_id])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _place_of(cursor: str, query: QueueQuery) -> _Place:
    """Read a cursor, which comes from a browser and may hold anything."""
    refusal = InvalidInputError(
        f"The cursor {cursor[:40]!r} does not belong to this queue. Start again without a cursor."
    )
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        order, seed, value, image_id = json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise refusal from error
    if (order, seed) != (query.order, query.seed) or not _is_id(image_id):
        raise refusal
    match query.order:
        case "name":
            fits = isinstance(value, str)
        case "random":
            fits = _is_id(value)
        case "similar":  # a cosine, which may be rounded beyond 1
            fits = value is None or (type(value) in (int, float) and -2.0 <= value <= 2.0)
        case _:
            fits = value is None or (type(value) in (int, float) and 0.0 <= value <= 1.0)
    if not fits:
        raise refusal
    return _Place(value, image_id)


def _is_id(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**63

"""From the address line to a QueueQuery: every parameter checked, unknown ones refused."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import get_args

from rsqa_core.errors import InvalidInputError, NotFoundError
from rsqa_core.records import (
    IMAGE_STATUSES,
    QUEUE_ORDERS,
    ImageStatus,
    QueueOrder,
    QueueQuery,
)

QUERY_PARAMETERS = (
    "order",
    "status",
    "scene",
    "segmenter",
    "name",
    "below",
    "seed",
    "slice",
    "search",
)
"""The queue as it stands in an address; the app's queue page writes the same names."""

_MAX_TEXT = 200
_MAX_SEED = 2**31 - 1


def parse_queue_query(parameters: Mapping[str, str]) -> QueueQuery:
    """Return the query that the parameters describe; missing and empty ones take the defaults.

    ``status`` is a comma-separated list, or ``all``. ``below`` is a score in 0..1.

    Raises:
        NotFoundError: an order or a status is unknown.
        InvalidInputError: a number is malformed or out of range, or a text is too long.
    """
    texts = {name: parameters.get(name, "").strip() for name in QUERY_PARAMETERS}
    for name, text in texts.items():
        if len(text) > _MAX_TEXT:
            raise InvalidInputError(
                f"Expected `{name}` to have at most {_MAX_TEXT} characters, but got {len(text)}."
            )
    return QueueQuery(
        order=_order(texts["order"]),
        statuses=_statuses(texts["status"]),
        scene=texts["scene"] or None,
        segmenter=texts["segmenter"] or None,
        name_contains=texts["name"],
        score_below=_fraction("below", texts["below"]),
        seed=_whole("seed", texts["seed"], 0, _MAX_SEED, default=0),
        slice=texts["slice"] or None,
        search=_whole("search", texts["search"], 1, _MAX_SEED, default=0) or None,
    )


def parse_limit(text: str, *, default: int, largest: int) -> int:
    """Return a page size between 1 and ``largest``."""
    return _whole("limit", text.strip(), 1, largest, default=default)


def _order(text: str) -> QueueOrder:
    if not text:
        return QueueQuery().order
    for order in get_args(QueueOrder):
        if order == text:
            chosen: QueueOrder = order
            return chosen
    raise NotFoundError.named("queue order", text, QUEUE_ORDERS)


def _statuses(text: str) -> tuple[ImageStatus, ...]:
    if not text:
        return ("open",)
    if text == "all":
        return IMAGE_STATUSES
    chosen: list[ImageStatus] = []
    for part in (part.strip() for part in text.split(",")):
        match = next((status for status in IMAGE_STATUSES if status == part), None)
        if match is None:
            raise NotFoundError.named("image status", part, (*IMAGE_STATUSES, "all"))
        if match not in chosen:
            chosen.append(match)
    return tuple(chosen)


def _fraction(name: str, text: str) -> float | None:
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0.0 <= value <= 1.0:
        raise InvalidInputError(f"Expected `{name}` to be a number in [0, 1], but got {text!r}.")
    return value


def _whole(name: str, text: str, low: int, high: int, *, default: int) -> int:
    if not text:
        return default
    # isascii first: str.isdigit also accepts superscripts, which int() refuses
    if not (text.isascii() and text.isdigit() and len(text) <= 10) or not low <= int(text) <= high:
        raise InvalidInputError(
            f"Expected `{name}` to be a whole number in [{low}, {high}], but got {text!r}."
        )
    return int(text)

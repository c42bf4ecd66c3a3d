"""What keeps several reviewers of one queue apart, and what tests them without their knowing."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from db.store import adjudications, leases, overlap
from pages.api.guard import parse_json
from pages.api.tokens import Caller
from rsqa_core.errors import InvalidInputError
from rsqa_core.records import ReviewItem
from rsqa_core.teamwork import LEASED_AT_ONCE
from workflows.opening import Installation

FEWEST_AROUND = 5
"""Images of a page below which none is slipped in among them: it would be found out."""


def take_leases(
    installation: Installation, caller: Caller, request: Request, body: bytes
) -> Response:
    """Keep images for the caller, let others go, and say who has those that were not to be had."""
    document = parse_json(request, body)
    if not isinstance(document, dict) or not set(document) <= {"take", "give_back"}:
        raise InvalidInputError('Expected {"take": [...], "give_back": [...]} and nothing else.')
    wanted, done = (_ids(name, document.get(name, [])) for name in ("take", "give_back"))
    with installation.database.begin() as session:
        leases.give_back(session, caller.project_id, caller.reviewer, done)
        taken = leases.take(session, caller.project_id, caller.reviewer, wanted)
        others = leases.held_by_others(session, caller.project_id, caller.reviewer)
    return JSONResponse({"taken": taken, "others": {i: others[i] for i in wanted if i in others}})


def with_others(session: Any, caller: Caller, image_ids: Sequence[int]) -> tuple[int, ...]:
    """Slip images among those of a page that others decided on and the caller shall judge as well.

    One whose quality is decided, unless the page is so short that it would be found out, and those
    that wait for a second opinion; each in the same place until it is judged.
    """
    listed = list(image_ids)
    extra = overlap.waiting_for(
        session, caller.project_id, caller.reviewer, max(FEWEST_AROUND, len(listed) // 2)
    )
    if len(listed) >= FEWEST_AROUND:
        gold = adjudications.unseen_gold(session, caller.project_id, caller.reviewer)
        gold = [image_id for image_id in gold if image_id not in listed]
        if gold:
            extra.append(min(gold, key=lambda image_id: _draw(caller.reviewer, image_id)))
    for image_id in dict.fromkeys(extra):
        if image_id not in listed:
            place = min(1 + _draw(caller.reviewer, -image_id) % max(len(listed), 1), len(listed))
            listed.insert(place, image_id)
    return tuple(listed)


def unmarked(items: Sequence[ReviewItem], listed: Collection[int]) -> list[ReviewItem]:
    """Return items of which those that are not ``listed`` look as if nobody had decided on them."""
    return [
        item if item.image.id in listed else replace(item, image=replace(item.image, status="open"))
        for item in items
    ]


def _draw(reviewer: str, number: int) -> int:
    digest = hashlib.sha256(f"{number} {reviewer}".encode()).digest()
    return int.from_bytes(digest[:6], "big")


def _ids(name: str, value: Any) -> list[int]:
    if (
        not isinstance(value, list)
        or len(value) > 10 * LEASED_AT_ONCE
        or not all(isinstance(i, int) and not isinstance(i, bool) and 0 < i < 2**63 for i in value)
    ):
        raise InvalidInputError(
            f"Expected `{name}` to be a list of at most {10 * LEASED_AT_ONCE} image ids, but got "
            f"{str(value)[:80]}."
        )
    return value

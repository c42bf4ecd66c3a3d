"""Images that two people decide on, and who is still to decide."""

from __future__ import annotations

import math

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.orm import Session

from db.store.holding import holds
from db.store.images import RANDOM_KEYS
from db.store.projects import get_by_id
from db.tables import ImageRow, OverlapRow, VerdictRow
from rsqa_core.errors import InvalidInputError
from rsqa_core.teamwork import Overlap

OPINIONS = 2


def get(session: Session, project_id: int) -> Overlap:
    """Return the rule of a project; without one, nobody decides on what somebody else did."""
    row = session.get(OverlapRow, project_id)
    return Overlap() if row is None else row.record()


def put(session: Session, project_id: int, wanted: Overlap) -> None:
    """Set the rule of a project.

    Raises:
        NotFoundError: there is no such project.
        InvalidInputError: a share is none.
    """
    get_by_id(session, project_id)
    for name, value in (("share", wanted.share), ("wider_than", wanted.wider_than)):
        if value is not None and not (math.isfinite(value) and 0.0 <= value <= 1.0):
            raise InvalidInputError(f"Expected `{name}` to be between 0 and 1, but got {value}.")
    row = session.get(OverlapRow, project_id)
    if row is None:
        row = OverlapRow(project_id=project_id, share=wanted.share, wider_than=wanted.wider_than)
        session.add(row)
    row.share, row.wider_than = wanted.share, wanted.wider_than
    session.flush()


def waiting_for(session: Session, project_id: int, reviewer: str, limit: int) -> list[int]:
    """Return images that wait for a second opinion which this reviewer may give, by id.

    Flagged ones wait for none: what is wrong with them is not a matter of opinion. What was
    accepted unseen has no first one.
    """
    rule = get(session, project_id)
    under_rule: list[ColumnElement[bool]] = []
    if rule.share > 0:
        # The keys are drawn at random, so that a share of them is a random share of the images.
        under_rule.append(ImageRow.random_key < math.ceil(rule.share * RANDOM_KEYS))
    if rule.wider_than is not None:
        under_rule.append(ImageRow.uncertainty > rule.wider_than)
    if not under_rule:
        return []
    decided = (
        select(func.count(VerdictRow.reviewer.distinct()))
        .where(
            VerdictRow.image_id == ImageRow.id,
            VerdictRow.kind.not_in(("note", "accept")),
            holds(VerdictRow),
        )
        .scalar_subquery()
    )
    own = exists().where(VerdictRow.image_id == ImageRow.id, VerdictRow.reviewer == reviewer)
    return list(
        session.scalars(
            select(ImageRow.id)
            .where(
                ImageRow.project_id == project_id,
                ImageRow.status.not_in(("open", "flagged", "accepted")),
                or_(*under_rule),
                ~own,
                decided < OPINIONS,
            )
            .order_by(ImageRow.random_key)
            .limit(limit)
        )
    )

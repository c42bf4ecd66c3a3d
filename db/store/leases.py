"""Images that are kept for somebody for a while, so that two people do not work on the same one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.orm import Session

from db.store.chunks import chunked
from db.store.reviewers import ensure
from db.tables import ImageRow, LeaseRow
from db.tables.base import now
from rsqa_core.teamwork import LEASE_S, LEASED_AT_ONCE


def held_by_others(session: Session, project_id: int, reviewer: str) -> dict[int, str]:
    """Return who else has an image on screen or next, by image id."""
    return dict(
        session.execute(
            select(LeaseRow.image_id, LeaseRow.reviewer).where(
                LeaseRow.project_id == project_id,
                LeaseRow.reviewer != reviewer,
                LeaseRow.until > now(),
            )
        ).all()
    )


def take(session: Session, project_id: int, reviewer: str, image_ids: Sequence[int]) -> list[int]:
    """Keep images for a reviewer for LEASE_S from now on; call it in a writing transaction.

    What somebody else has is left alone; images of other projects and unknown ones, too.

    Returns:
        the images that the reviewer has now, in their order, LEASED_AT_ONCE at most.
    """
    ensure(session, reviewer)
    wanted = list(dict.fromkeys(image_ids))[:LEASED_AT_ONCE]
    own = set(
        session.scalars(
            select(ImageRow.id).where(ImageRow.project_id == project_id, ImageRow.id.in_(wanted))
        )
    )
    others = held_by_others(session, project_id, reviewer)
    taken = [image_id for image_id in wanted if image_id in own and image_id not in others]
    if taken:
        until = now() + dt.timedelta(seconds=LEASE_S)
        statement = insert(LeaseRow).values(
            [
                {
                    "image_id": image_id,
                    "project_id": project_id,
                    "reviewer": reviewer,
                    "until": until,
                }
                for image_id in taken
            ]
        )
        session.execute(
            statement.on_conflict_do_update(
                index_elements=[LeaseRow.image_id],
                set_={"reviewer": statement.excluded.reviewer, "until": statement.excluded.until},
            )
        )
    return taken


def give_back(session: Session, project_id: int, reviewer: str, image_ids: Collection[int]) -> None:
    """Let others have images that a reviewer had; what has run out goes as well."""
    for portion in chunked(image_ids):
        session.execute(
            delete(LeaseRow).where(LeaseRow.image_id.in_(portion), LeaseRow.reviewer == reviewer)
        )
    session.execute(
        delete(LeaseRow).where(LeaseRow.project_id == project_id, LeaseRow.until <= now())
    )


def count_of_others(session: Session, project_id: int, reviewer: str) -> int:
    """Return how many open images others have."""
    return (
        session.scalar(
            select(func.count())
            .select_from(LeaseRow)
            .join(ImageRow, ImageRow.id == LeaseRow.image_id)
            .where(
                LeaseRow.project_id == project_id,
                LeaseRow.reviewer != reviewer,
                LeaseRow.until > now(),
                ImageRow.status == "open",
            )
        )
        or 0
    )

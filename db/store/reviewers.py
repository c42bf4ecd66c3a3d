"""The people who review."""

from __future__ import annotations

from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.orm import Session

from db.tables import ReviewerRow
from rsqa_core.errors import InvalidInputError


def ensure(session: Session, name: str) -> None:
    """Make sure that a reviewer called ``name`` is on record.

    Raises:
        InvalidInputError: the name is not 1 to 80 printable characters, or starts or ends blank.
    """
    if not 1 <= len(name) <= 80 or not name.isprintable() or name != name.strip():
        raise InvalidInputError(
            f"Expected a reviewer's name of 1 to 80 printable characters without blanks around "
            f"it, but got {name!r}."
        )
    session.execute(insert(ReviewerRow).values(name=name).on_conflict_do_nothing())

"""Roles of reviewers. Names are not passwords: a role keeps from mistakes, not from malice."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.store.reviewers import ensure
from db.tables import ReviewerRow, RoleRow
from db.tables.teamwork import role_of
from rsqa_core.errors import InvalidInputError, NotAllowedError
from rsqa_core.teamwork import ROLES, Person, Role


def all_people(session: Session) -> list[Person]:
    """Return everyone who is on record, by name."""
    rows = session.execute(
        select(ReviewerRow.name, RoleRow)
        .outerjoin(RoleRow, RoleRow.reviewer == ReviewerRow.name)
        .order_by(ReviewerRow.name)
    )
    return [Person(name, role_of(row)) for name, row in rows]


def role(session: Session, name: str) -> Role:
    """Return the role of somebody; who is not on record would be a reviewer."""
    return role_of(session.get(RoleRow, name))


def give_role(session: Session, name: str, wanted: Role, *, given_by: str) -> None:
    """Give somebody a role, in every project.

    Raises:
        InvalidInputError: there is no such role.
    """
    if wanted not in ROLES:
        raise InvalidInputError(f"Expected a role among {', '.join(ROLES)}, but got {wanted!r}.")
    ensure(session, name)
    ensure(session, given_by)
    row = session.get(RoleRow, name)
    if row is None:
        row = RoleRow(reviewer=name, role=wanted, given_by=given_by)
        session.add(row)
    row.role, row.given_by = wanted, given_by
    session.flush()


def require_may_decide(session: Session, name: str) -> None:
    """Check that somebody may decide on candidates.

    Raises:
        NotAllowedError: they observe.
    """
    if role(session, name) == "observer":
        raise NotAllowedError(
            f"{name!r} is an observer and decides nothing. Admin, People gives another role."
        )


def require_may_adjudicate(session: Session, name: str) -> None:
    """Check that somebody may decide disputes: an adjudicator, or anyone while there is none.

    Raises:
        NotAllowedError: they may not.
    """
    require_may_decide(session, name)
    appointed = session.scalar(
        select(func.count()).select_from(RoleRow).where(RoleRow.role == "adjudicator")
    )
    if appointed and role(session, name) != "adjudicator":
        raise NotAllowedError(
            f"{name!r} is no adjudicator. Admin, People says who is, and gives that role."
        )

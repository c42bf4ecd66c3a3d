"""Which verdicts hold.

A row *holds* while it was neither taken back by an undo nor replaced by a row that itself was not
taken back. Undoing a replacement therefore makes the row before it hold again, 50 deep and more.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, exists
from sqlalchemy.orm import aliased

from db.tables import VerdictRow


def holds(verdict: type[VerdictRow]) -> ColumnElement[bool]:
    """Return the condition that a verdict (the mapped class or an alias of it) holds."""
    undo, later, undo_of_later = (aliased(VerdictRow) for _ in range(3))
    taken_back = exists().where(undo.supersedes_id == verdict.id, undo.kind == "undo")
    later_taken_back = exists().where(
        undo_of_later.supersedes_id == later.id, undo_of_later.kind == "undo"
    )
    replaced = exists().where(
        later.supersedes_id == verdict.id, later.kind != "undo", ~later_taken_back
    )
    return (verdict.kind != "undo") & ~taken_back & ~replaced

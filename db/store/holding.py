"""Which verdicts hold.

A row *holds* while it was neither taken back by an undo nor replaced by a row that itself was not
taken back. Undoing a replacement therefore makes the row before it hold again, 50 deep and more.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, exists
from sqlalchemy.orm import aliased

from db.tables import VerdictRow

# Made once: an alias copies every column, which would cost more than the query itself.
_UNDO, _LATER, _UNDO_OF_LATER = (aliased(VerdictRow) for _ in range(3))


def holds(verdict: type[VerdictRow]) -> ColumnElement[bool]:
    """Return the condition that a verdict (the mapped class or an alias of it) holds."""
    taken_back = exists().where(_UNDO.supersedes_id == verdict.id, _UNDO.kind == "undo")
    later_taken_back = exists().where(
        _UNDO_OF_LATER.supersedes_id == _LATER.id, _UNDO_OF_LATER.kind == "undo"
    )
    replaced = exists().where(
        _LATER.supersedes_id == verdict.id, _LATER.kind != "undo", ~later_taken_back
    )
    return (verdict.kind != "undo") & ~taken_back & ~replaced

"""Heads and which of them is current in a project."""

from __future__ import annotations

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, undefer

from db.store import reviewers
from db.store.ranking import refresh_ranking
from db.tables import HeadRow, ProjectRow, PromotionRow
from rsqa_core.errors import ConflictError, NotFoundError
from rsqa_core.records import HeadRecord, Project, Promotion


def add(session: Session, head: HeadRecord) -> None:
    """Record a head; recording the same one again changes nothing.

    Raises:
        ConflictError: its id names a head with another content.
        NotFoundError: its project or parent does not exist.
        InvalidInputError: its metrics hold a number that is not finite.
    """
    known = session.get(HeadRow, head.id)
    if known is not None:
        if (known.sha256, known.project_id) != (head.sha256, head.project_id):
            raise ConflictError(
                f"A head {head.id!r} with another content exists already. Give the new one an id "
                "of its own."
            )
        return
    if head.project_id is not None:
        _project(session, head.project_id)
    if head.parent_id is not None:
        _row(session, head.parent_id)
    session.add(
        HeadRow(
            id=head.id,
            project_id=head.project_id,
            parent_id=head.parent_id,
            path=head.path,
            sha256=head.sha256,
            encoder_fingerprint=head.encoder_fingerprint,
            label_count=head.label_count,
            metrics=dict(head.metrics),
            created_at=head.created_at,
        )
    )
    session.flush()


def _row(session: Session, head_id: str) -> HeadRow:
    row = session.get(HeadRow, head_id)
    if row is None:
        raise NotFoundError.named("head", head_id, session.scalars(select(HeadRow.id)))
    return row


def _project(session: Session, project_id: int) -> ProjectRow:
    row = session.get(ProjectRow, project_id)
    if row is None:
        raise NotFoundError(f"There is no project with the id {project_id}.")
    return row


def usable_head(session: Session, project_id: int, head_id: str) -> HeadRow:
    """Return the row of a head that a project may use: its own, or a base head.

    Raises:
        NotFoundError: there is no such head, or it belongs to another project.
    """
    row = _row(session, head_id)
    if row.project_id not in (None, project_id):
        known = [head.id for head in of_project(session, project_id)]
        raise NotFoundError.named("head of this project", head_id, known)
    return row


def get(session: Session, head_id: str) -> HeadRecord:
    """Return one head.

    Raises:
        NotFoundError: there is none with this id.
    """
    return _row(session, head_id).record()


def of_project(session: Session, project_id: int) -> list[HeadRecord]:
    """Return a project's own heads and the base heads, newest first."""
    rows = session.scalars(
        select(HeadRow)
        .options(undefer(HeadRow.metrics))
        .where(or_(HeadRow.project_id == project_id, HeadRow.project_id.is_(None)))
        .order_by(HeadRow.created_at.desc(), HeadRow.id)
    )
    return [row.record() for row in rows]


def promote(
    session: Session,
    project_id: int,
    head_id: str,
    *,
    reviewer: str,
    expected_version: int | None = None,
) -> Project:
    """Make a head the current one of a project and rank its images by that head's scores.

    Promoting the head that is current already changes nothing.

    Raises:
        ConflictError: the project's version is not ``expected_version`` any more.
        NotFoundError: the project or the head does not exist, or the head is another project's.
    """
    project = _project(session, project_id)
    if expected_version is not None and project.version != expected_version:
        raise ConflictError(
            f"The project {project.slug!r} was changed in between (version {project.version}, "
            f"expected {expected_version}); its current head is "
            f"{project.active_head_id or 'none'}. Reload and decide again."
        )
    usable_head(session, project_id, head_id)
    if project.active_head_id == head_id:
        return project.record()
    return _switch(session, project, head_id, reviewer, is_rollback=False)


def roll_back(session: Session, project_id: int, *, reviewer: str) -> Project:
    """Make the head that was current before the current one current again.

    A second step back leads one further, not forth again.

    Raises:
        ConflictError: there is no earlier head.
        NotFoundError: the project does not exist.
    """
    project = _project(session, project_id)
    target = rollback_target(session, project_id)
    if target is None:
        raise ConflictError(
            f"The project {project.slug!r} has no head before "
            f"{project.active_head_id or 'the first'}. Promote another head instead."
        )
    return _switch(session, project, target, reviewer, is_rollback=True)


def rollback_target(session: Session, project_id: int) -> str | None:
    """Return the head that ``roll_back`` would lead to, None when there is none."""
    rows = session.scalars(
        select(PromotionRow).where(PromotionRow.project_id == project_id).order_by(PromotionRow.id)
    )
    line: list[str] = []
    for row in rows:
        if row.is_rollback:
            line.pop()
        else:
            line.append(row.head_id)
    return line[-2] if len(line) > 1 else None


def _switch(
    session: Session, project: ProjectRow, head_id: str, reviewer: str, *, is_rollback: bool
) -> Project:
    reviewers.ensure(session, reviewer)
    session.add(
        PromotionRow(
            project_id=project.id,
            head_id=head_id,
            previous_head_id=project.active_head_id,
            is_rollback=is_rollback,
            reviewer=reviewer,
        )
    )
    project.active_head_id = head_id
    session.flush()
    refresh_ranking(session, project_id=project.id)
    return project.record()


def history(session: Session, project_id: int) -> list[Promotion]:
    """Return which heads became current in a project, newest first, steps back included."""
    rows = session.scalars(
        select(PromotionRow)
        .where(PromotionRow.project_id == project_id)
        .order_by(PromotionRow.id.desc())
    )
    return [row.record() for row in rows]

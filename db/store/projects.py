"""Projects: what reviewers see as one set of images with its classes and its current head."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from sqlalchemy import Select, distinct, func, select, union
from sqlalchemy import delete as delete_rows
from sqlalchemy.orm import InstrumentedAttribute, Session

from db.store.holding import holds
from db.tables import CandidateRow, ImageRow, JobRow, ProjectRow, ScoreRow, VerdictRow
from rsqa_core.errors import ConflictError, InvalidInputError, NotFoundError
from rsqa_core.records import (
    VOID,
    ClassDef,
    Origin,
    Project,
    ProjectSummary,
    normalised_class_name,
)

_SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def create(
    session: Session,
    *,
    slug: str,
    name: str,
    classes: Sequence[ClassDef],
    class_map: Mapping[str, str] | None = None,
    ignored: Sequence[str] = (),
    origin: Origin,
    description: str = "",
) -> Project:
    """Record a new project.

    Raises:
        InvalidInputError: the slug is no short plain name, or the classes are none, share an id
            or a name, or use ids outside 0..254.
        ConflictError: the slug is taken.
    """
    if not _SLUG.fullmatch(slug):
        raise InvalidInputError(
            f"Expected a project's short name of 1 to 64 letters, digits, dots, hyphens and "
            f"underscores, starting with a letter or digit, but got {slug!r}."
        )
    _require_classes(classes)
    if session.scalar(select(ProjectRow.id).where(ProjectRow.slug == slug)) is not None:
        raise ConflictError(f"A project {slug!r} exists already. Choose another short name.")
    row = ProjectRow(
        slug=slug,
        name=name.strip() or slug,
        description=description,
        origin=origin,
        classes=[{"id": c.id, "name": c.name, "color": list(c.color)} for c in classes],
        class_map=dict(class_map or {}),
        ignored=list(ignored),
    )
    session.add(row)
    session.flush()
    return row.record()


def _require_classes(classes: Sequence[ClassDef]) -> None:
    if not classes:
        raise InvalidInputError("Expected a project to have at least one class, but got none.")
    for found in classes:
        if not 0 <= found.id < VOID:
            raise InvalidInputError(
                f"Expected class ids in 0..{VOID - 1}, but {found.name!r} has {found.id}."
            )
        if len(found.color) != 3 or not all(0 <= part <= 255 for part in found.color):
            raise InvalidInputError(
                f"Expected a colour of three values in 0..255, but class {found.name!r} has "
                f"{found.color!r}."
            )
    ids = [c.id for c in classes]
    names = [normalised_class_name(c.name) for c in classes]
    for kind, values in (("id", ids), ("name", names)):
        twice = sorted({str(v) for v in values if values.count(v) > 1})  # type: ignore[arg-type]
        if twice:
            raise InvalidInputError(
                f"Expected every class {kind} once, but {twice[0]!r} is used more often."
            )


def get(session: Session, slug: str) -> Project:
    """Return the project called ``slug``.

    Raises:
        NotFoundError: there is none; the message names those that exist.
    """
    return _row(session, slug).record()


def _row(session: Session, slug: str) -> ProjectRow:
    row = session.scalar(select(ProjectRow).where(ProjectRow.slug == slug))
    if row is None:
        raise NotFoundError.named("project", slug, session.scalars(select(ProjectRow.slug)))
    return row


def get_by_id(session: Session, project_id: int) -> Project:
    """Return the project with this id.

    Raises:
        NotFoundError: there is none.
    """
    row = session.get(ProjectRow, project_id)
    if row is None:
        raise NotFoundError(
            f"There is no project with the id {project_id}. It may have been deleted; "
            "go back to the list of projects."
        )
    return row.record()


def names(session: Session) -> dict[str, str]:
    """Return the name of every project by its slug, in the order of `summaries`."""
    rows = session.execute(
        select(ProjectRow.slug, ProjectRow.name).order_by(ProjectRow.name, ProjectRow.id)
    )
    return dict(rows.all())


def summaries(session: Session) -> list[ProjectSummary]:
    """Return every project by name with its counts; the number of queries is constant."""
    rows = session.scalars(select(ProjectRow).order_by(ProjectRow.name, ProjectRow.id)).all()
    of_image = CandidateRow.image_id == ImageRow.id
    images = _by_project(session, select(ImageRow.project_id, func.count()))
    opened = _by_project(
        session, select(ImageRow.project_id, func.count()).where(ImageRow.status == "open")
    )
    referenced = _by_project(
        session,
        select(ImageRow.project_id, func.count()).where(ImageRow.reference_mask_path.is_not(None)),
    )
    made = select(ImageRow.project_id, func.count()).join(CandidateRow, of_image)
    candidates = _by_project(session, made)
    scored = _by_project(
        session,
        made.join(ScoreRow, ScoreRow.candidate_id == CandidateRow.id).join(
            ProjectRow,
            (ProjectRow.id == ImageRow.project_id)
            & (ProjectRow.active_head_id == ScoreRow.head_id),
        ),
    )
    labels = _by_project(
        session,
        select(VerdictRow.project_id, func.count(distinct(VerdictRow.candidate_id))).where(
            VerdictRow.kind.in_(("confirm", "correct")), holds(VerdictRow)
        ),
        VerdictRow.project_id,
    )
    reviewers = _by_project(
        session,
        select(VerdictRow.project_id, func.count(distinct(VerdictRow.reviewer))),
        VerdictRow.project_id,
    )
    return [
        ProjectSummary(
            project=row.record(),
            images=images.get(row.id, 0),
            open_images=opened.get(row.id, 0),
            candidates=candidates.get(row.id, 0),
            scored_candidates=scored.get(row.id, 0),
            labels=labels.get(row.id, 0),
            reviewers=reviewers.get(row.id, 0),
            images_with_reference=referenced.get(row.id, 0),
        )
        for row in rows
    ]


def _by_project(
    session: Session,
    query: Select[int, int],
    project_id: InstrumentedAttribute[int] | None = None,
) -> dict[int, int]:
    key = ImageRow.project_id if project_id is None else project_id
    return dict(session.execute(query.group_by(key)).all())


def delete(session: Session, slug: str) -> list[str]:
    """Delete a project with everything in it, its verdicts too.

    Returns:
        The names in the FileStore that no row of any project uses any more, sorted; delete those
        files after the transaction is committed.

    Raises:
        NotFoundError: there is no such project.
        ConflictError: a job works on it.
    """
    row = _row(session, slug)
    job = session.scalar(
        select(JobRow.kind).where(
            JobRow.project_id == row.id, JobRow.state.in_(("queued", "running"))
        )
    )
    if job is not None:
        raise ConflictError(
            f"The project {slug!r} cannot be deleted while its {job} job runs. "
            "Cancel the job or wait for its end."
        )
    mine = _files_of(session, select(ImageRow.id).where(ImageRow.project_id == row.id))
    session.execute(delete_rows(ProjectRow).where(ProjectRow.id == row.id))
    session.expire_all()
    return sorted(mine - _files_of(session, select(ImageRow.id)))


def _files_of(session: Session, image_ids: Select[int]) -> set[str]:
    images = (ImageRow.tile_path, ImageRow.display_path, ImageRow.reference_mask_path)
    candidates = (CandidateRow.mask_path, CandidateRow.probs_path)
    names = session.scalars(
        union(
            *(select(column).where(ImageRow.id.in_(image_ids)) for column in images),
            *(select(column).where(CandidateRow.image_id.in_(image_ids)) for column in candidates),
        )
    )
    return {name for name in names if name is not None}

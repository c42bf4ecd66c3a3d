"""Images: the review tiles of a project."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import bindparam, func, insert, select, tuple_, update
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.orm import Session

from db.store.chunks import IDS_PER_STATEMENT, chunked
from db.store.heads import usable_head
from db.store.projects import get_by_id
from db.store.ranking import refresh_ranking
from db.tables import ImageRow, InformativeRow, ProjectRow
from rsqa_core.errors import InvalidInputError, NotFoundError
from rsqa_core.records import ImageRecord, ImageStatus, NewImage, require_unit_interval

RANDOM_KEYS = 2**31 - 1
"""Random keys lie in 0..RANDOM_KEYS - 1; a prime, so that seeds can permute them."""

_Place = tuple[str, int, int, int, int]


def _place(image: NewImage | ImageRow) -> _Place:
    """What makes a tile of a project that tile: its source and where it lies in it."""
    return (image.source_sha256, image.x_px, image.y_px, image.width_px, image.height_px)


def _random_key(image: NewImage) -> int:
    # From the place and not from a generator: importing again anywhere gives the same order.
    digest = hashlib.sha256(repr(_place(image)).encode()).digest()
    return int.from_bytes(digest[:8], "big") % RANDOM_KEYS


def add(session: Session, project_id: int, images: Sequence[NewImage]) -> list[ImageRecord]:
    """Record tiles and return them in the order given, those recorded earlier unchanged.

    A tile is known by its source file's SHA-256 and its window in it.

    Raises:
        NotFoundError: there is no such project.
    """
    get_by_id(session, project_id)
    known = _rows_by_place(session, project_id, images)
    new: dict[_Place, dict[str, Any]] = {}
    for image in images:
        if _place(image) not in known:
            new.setdefault(_place(image), _columns(project_id, image))
    if new:
        session.execute(insert(ImageRow), list(new.values()))
        known = _rows_by_place(session, project_id, images)
    return [known[_place(image)].record() for image in images]


def _columns(project_id: int, image: NewImage) -> dict[str, Any]:
    columns: dict[str, Any] = {f.name: getattr(image, f.name) for f in fields(NewImage)}
    columns["stretch"] = [list(pair) for pair in image.stretch]
    columns["transform"] = None if image.transform is None else list(image.transform)
    return columns | {
        "project_id": project_id,
        "status": "open",
        "random_key": _random_key(image),
    }


def _rows_by_place(
    session: Session, project_id: int, images: Sequence[NewImage]
) -> dict[_Place, ImageRow]:
    columns = tuple_(
        ImageRow.source_sha256, ImageRow.x_px, ImageRow.y_px, ImageRow.width_px, ImageRow.height_px
    )
    places = list(dict.fromkeys(_place(image) for image in images))
    found: dict[_Place, ImageRow] = {}
    for portion in chunked(places, size=IDS_PER_STATEMENT // 5):
        rows = session.scalars(
            select(ImageRow).where(ImageRow.project_id == project_id, columns.in_(portion))
        )
        found.update((_place(row), row) for row in rows)
    return found


def get(session: Session, image_id: int) -> ImageRecord:
    """Return one image.

    Raises:
        NotFoundError: there is none with this id.
    """
    row = session.get(ImageRow, image_id)
    if row is None:
        raise missing(image_id)
    return row.record()


def missing(image_id: int) -> NotFoundError:
    """Return the error for an image that is not there."""
    return NotFoundError(
        f"There is no image with the id {image_id}. Its project may have been deleted; "
        "go back to the queue."
    )


def all_of(session: Session, project_id: int) -> list[ImageRecord]:
    """Return every image of a project by id."""
    rows = session.execute(
        select(ImageRow.__table__).where(ImageRow.project_id == project_id).order_by(ImageRow.id)
    )
    # Plain rows have the same names; a mapped object for each costs more than all else here.
    return [ImageRow.record(row) for row in rows]  # type: ignore[arg-type]


def sample_of_file(session: Session, image: ImageRecord, count: int) -> list[str]:
    """Return the stored tiles of an image's source file, a fixed random sample of so many."""
    return list(
        session.scalars(
            select(ImageRow.tile_path)
            .where(
                ImageRow.project_id == image.project_id,
                ImageRow.source_sha256 == image.source_sha256,
            )
            .order_by(ImageRow.random_key, ImageRow.id)
            .limit(count)
        )
    )


def some(session: Session, image_ids: Collection[int]) -> list[ImageRecord]:
    """Return some images by id; ids without an image are left out."""
    return [
        row.record()
        for portion in chunked(sorted(image_ids))
        for row in session.scalars(
            select(ImageRow).where(ImageRow.id.in_(portion)).order_by(ImageRow.id)
        )
    ]


def count_by_status(session: Session, project_id: int) -> dict[ImageStatus, int]:
    """Return how many images of a project have each status; one that none has is left out."""
    return dict(
        session.execute(
            select(ImageRow.status, func.count())
            .where(ImageRow.project_id == project_id)
            .group_by(ImageRow.status)
        ).all()
    )


def state_of(session: Session, project_id: int) -> tuple[int, int]:
    """Return how many images a project has, and a number that grows with every change of one.

    Scores, ranking and decisions change an image; a new candidate does so once it is scored.
    """
    found = session.execute(
        select(func.count(), func.coalesce(func.sum(ImageRow.version), 0)).where(
            ImageRow.project_id == project_id
        )
    ).one()
    return found[0], found[1]


def names(session: Session, image_ids: Collection[int]) -> dict[int, str]:
    """Return the names of some images by id; ids without an image are left out."""
    found: dict[int, str] = {}
    for portion in chunked(image_ids):
        found |= dict(
            session.execute(
                select(ImageRow.id, ImageRow.name).where(ImageRow.id.in_(portion))
            ).all()
        )
    return found


def scenes(session: Session, project_id: int) -> list[str]:
    """Return the names of a project's scenes, sorted."""
    return list(
        session.scalars(
            select(ImageRow.scene)
            .where(ImageRow.project_id == project_id)
            .distinct()
            .order_by(ImageRow.scene)
        )
    )


def source_sha256s(session: Session, project_id: int) -> set[str]:
    """Return the SHA-256 of every file that a project's tiles were cut from."""
    return set(
        session.scalars(
            select(ImageRow.source_sha256).where(ImageRow.project_id == project_id).distinct()
        )
    )


def set_disagreement(session: Session, disagreement: Mapping[int, float]) -> None:
    """Set how much the candidates of images differ: 0 (all alike) to 1, by image id.

    Raises:
        InvalidInputError: a value is not a number in [0, 1].
        NotFoundError: an image does not exist; nothing is set.
    """
    values = {i: require_unit_interval("disagreement", v) for i, v in disagreement.items()}
    known: set[int] = set()
    for portion in chunked(values):
        known.update(session.scalars(select(ImageRow.id).where(ImageRow.id.in_(portion))))
    if unknown := sorted(values.keys() - known):
        raise missing(unknown[0])
    if values:
        session.connection().execute(
            update(ImageRow)
            .where(ImageRow.id == bindparam("image_id"))
            .values(disagreement=bindparam("value"), version=ImageRow.version + 1),
            [{"image_id": i, "value": value} for i, value in values.items()],
        )
        session.expire_all()


def set_diverse(session: Session, project_id: int, places: Mapping[int, float]) -> None:
    """Set the places of a project's images in the diverse order, by image id; others have none.

    Only images whose place is another one change.

    Raises:
        InvalidInputError: a place is not a number in [0, 1].
        NotFoundError: an image is not of this project; nothing is set.
    """
    values = {i: require_unit_interval("diverse", value) for i, value in places.items()}
    before = dict(
        session.execute(
            select(ImageRow.id, ImageRow.diverse).where(ImageRow.project_id == project_id)
        ).all()
    )
    if unknown := sorted(values.keys() - before.keys()):
        raise missing(unknown[0])
    changed = [
        {"image_id": i, "value": values.get(i)} for i, old in before.items() if old != values.get(i)
    ]
    if changed:
        session.connection().execute(
            update(ImageRow)
            .where(ImageRow.id == bindparam("image_id"))
            .values(diverse=bindparam("value"), version=ImageRow.version + 1),
            changed,
        )
        session.expire_all()


def set_informative(
    session: Session, informative: Mapping[int, float], *, head_id: str | None = None
) -> None:
    """Keep how much a label of each image would teach a head: 0 to 1, 1 first, by image id.

    The values are kept beside those of other heads; promoting a head ranks the images by its own.
    Without ``head_id`` they are of the current head of the images' project.

    Raises:
        InvalidInputError: a value is not a number in [0, 1], or ``head_id`` is None and the project
            has no current head.
        NotFoundError: an image or the head does not exist; nothing is kept.
    """
    values = {i: require_unit_interval("informative", v) for i, v in informative.items()}
    project_of: dict[int, int] = {}
    current: dict[int, str | None] = {}
    for portion in chunked(values):
        for image_id, project_id, active in session.execute(
            select(ImageRow.id, ProjectRow.id, ProjectRow.active_head_id)
            .join(ProjectRow, ProjectRow.id == ImageRow.project_id)
            .where(ImageRow.id.in_(portion))
        ):
            project_of[image_id], current[project_id] = project_id, active
    if unknown := sorted(values.keys() - project_of.keys()):
        raise missing(unknown[0])
    head_of = {project_id: head_id or active for project_id, active in current.items()}
    for project_id, chosen in head_of.items():
        if chosen is None:
            raise InvalidInputError(
                f"The project {project_id} has no current head to keep `informative` of. Name the "
                "head, or promote one first."
            )
        usable_head(session, project_id, chosen)
    if values:
        statement = upsert(InformativeRow)
        session.connection().execute(
            statement.on_conflict_do_update(
                index_elements=["image_id", "head_id"], set_={"value": statement.excluded.value}
            ),
            [
                {"image_id": i, "head_id": head_of[project_of[i]], "value": value}
                for i, value in values.items()
            ],
        )
        ranked = [i for i, p in project_of.items() if head_of[p] == current[p]]
        refresh_ranking(session, image_ids=ranked)

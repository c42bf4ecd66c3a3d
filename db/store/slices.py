"""Random slices of a project's images."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from db.store.naming import plain_name
from db.store.projects import get_by_id
from db.store.reviewers import ensure
from db.tables import ImageRow, SliceImageRow, SliceRow
from rsqa_core.errors import ConflictError, InvalidInputError, NotFoundError
from rsqa_core.slices import (
    LARGEST_SLICE,
    LONGEST_NAME,
    SLICE_DESIGNS,
    Slice,
    SliceDesign,
    SliceImage,
)


def draw(
    session: Session,
    project_id: int,
    *,
    name: str,
    size: int,
    design: SliceDesign = "simple",
    seed: int = 0,
    drawn_by: str,
) -> Slice:
    """Draw images of a project without replacement and keep with which probability.

    By scene, every scene gives its share of ``size``, and one image at least; the slice may then be
    larger by a few images.

    Raises:
        NotFoundError: there is no such project.
        InvalidInputError: the name is empty or too long, or there are fewer images than are wanted.
        ConflictError: the project has a slice of that name.
    """
    get_by_id(session, project_id)
    ensure(session, drawn_by)
    name = plain_name(name, LONGEST_NAME)
    if design not in SLICE_DESIGNS:
        raise InvalidInputError(
            f"Expected `design` to be one of {', '.join(SLICE_DESIGNS)}, but got {design!r}."
        )
    require_free_name(session, project_id, name)
    images = session.execute(
        select(ImageRow.id, ImageRow.scene)
        .where(ImageRow.project_id == project_id)
        .order_by(ImageRow.id)
    ).all()
    if not 1 <= size <= min(len(images), LARGEST_SLICE):
        raise InvalidInputError(
            f"Expected between 1 and {min(len(images), LARGEST_SLICE):,} images, but got {size:,}."
        )
    strata: dict[str, list[int]] = defaultdict(list)
    for image_id, scene in images:
        strata[scene if design == "by_scene" else ""].append(image_id)
    chance = random.Random(seed)  # noqa: S311 - a draw that can be repeated, not a secret
    drawn = [
        {
            "image_id": image_id,
            "stratum": stratum,
            "stratum_size": len(found),
            "probability": count / len(found),
        }
        for (stratum, found), count in zip(
            strata.items(), _shares([len(found) for found in strata.values()], size), strict=True
        )
        for image_id in sorted(chance.sample(found, count))
    ]
    row = SliceRow(
        project_id=project_id,
        name=name,
        design=design,
        population=len(images),
        size=len(drawn),
        seed=seed,
        drawn_by=drawn_by,
    )
    session.add(row)
    session.flush()
    session.execute(insert(SliceImageRow), [{"slice_id": row.id, **one} for one in drawn])
    return row.record()


def require_free_name(session: Session, project_id: int, name: str) -> None:
    """Check that a project has no slice of that name yet.

    Raises:
        ConflictError: it has one.
    """
    if _row(session, project_id, name) is not None:
        raise ConflictError(f"The project has a slice {name!r} already. Choose another name.")


def all_of(session: Session, project_id: int) -> list[Slice]:
    """Return a project's slices, newest first."""
    rows = session.scalars(
        select(SliceRow).where(SliceRow.project_id == project_id).order_by(SliceRow.id.desc())
    )
    return [row.record() for row in rows]


def images_of(session: Session, slice_id: int) -> list[SliceImage]:
    """Return the images of a slice by id; one that was removed since is gone."""
    rows = session.scalars(
        select(SliceImageRow)
        .where(SliceImageRow.slice_id == slice_id)
        .order_by(SliceImageRow.image_id)
    )
    return [row.record() for row in rows]


def remove(session: Session, project_id: int, name: str) -> None:
    """Forget a slice; its images and what was said of them stay.

    Raises:
        NotFoundError: the project has no slice of that name.
    """
    row = _row(session, project_id, name)
    if row is None:
        known = [one.name for one in all_of(session, project_id)]
        raise NotFoundError.named("slice", name, known)
    session.delete(row)
    session.flush()


def _row(session: Session, project_id: int, name: str) -> SliceRow | None:
    return session.scalar(
        select(SliceRow).where(SliceRow.project_id == project_id, SliceRow.name == name)
    )


def _shares(sizes: Sequence[int], wanted: int) -> list[int]:
    """Return how many to draw of each stratum: its share by largest remainders, at least one."""
    exact = [wanted * size / sum(sizes) for size in sizes]
    counts = [int(value) for value in exact]
    by_remainder = sorted(range(len(sizes)), key=lambda place: counts[place] - exact[place])
    for place in by_remainder[: wanted - sum(counts)]:
        counts[place] += 1
    return [max(1, count) for count in counts]

"""Searches of a project and the images that they found."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from db.store.projects import get_by_id
from db.tables import SearchHitRow, SearchRow
from rsqa_core.errors import NotFoundError
from rsqa_core.searches import SEARCHES_KEPT, Search


def add(
    session: Session,
    project_id: int,
    found: Mapping[int, float],
    *,
    words: str = "",
    image_id: int | None = None,
) -> Search:
    """Keep what a search found: similarity by image id. The oldest searches are forgotten.

    Raises:
        NotFoundError: there is no such project.
    """
    get_by_id(session, project_id)
    row = SearchRow(project_id=project_id, words=words, image_id=image_id, hits=len(found))
    session.add(row)
    session.flush()
    if found:
        session.execute(
            insert(SearchHitRow),
            [
                {"search_id": row.id, "image_id": image, "similarity": value}
                for image, value in found.items()
            ],
        )
    kept = (
        select(SearchRow.id)
        .where(SearchRow.project_id == project_id)
        .order_by(SearchRow.id.desc())
        .limit(SEARCHES_KEPT)
    )
    session.execute(
        delete(SearchRow).where(SearchRow.project_id == project_id, SearchRow.id.not_in(kept))
    )
    return row.record()


def get(session: Session, project_id: int, search_id: int) -> Search:
    """Return a search of a project.

    Raises:
        NotFoundError: there is none, or it was forgotten.
    """
    row = session.get(SearchRow, search_id)
    if row is None or row.project_id != project_id:
        raise NotFoundError(f"The search {search_id} was forgotten. Search again.")
    return row.record()


def similarities(session: Session, search_id: int) -> dict[int, float]:
    """Return the similarity of every image that a search found, most alike first, by image id."""
    rows = session.execute(
        select(SearchHitRow.image_id, SearchHitRow.similarity)
        .where(SearchHitRow.search_id == search_id)
        .order_by(SearchHitRow.similarity.desc(), SearchHitRow.image_id)
    )
    return dict(rows.all())

"""The columns by which the queue ranks images, from the scores of the project's current head."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ColumnElement, and_, case, func, select, update
from sqlalchemy.orm import Session

from db.store.chunks import chunked
from db.tables import CandidateRow, ImageRow, InformativeRow, ProjectRow, ScoreRow
from rsqa_core.records import SYNTHETIC_PREFIX


def refresh_ranking(
    session: Session, *, project_id: int | None = None, image_ids: Iterable[int] | None = None
) -> None:
    """Recompute the ranking columns of a project's images, or of the images named.

    The best score is the highest of an image's candidates, the worst the lowest, the uncertainty
    the widest interval (high minus low), and the informative value the one that is kept for the
    current head; none of them is set without a score. Synthetic candidates do not count.
    """
    if image_ids is not None:
        for portion in chunked(image_ids):
            _refresh(session, ImageRow.id.in_(portion))
    else:
        _refresh(session, ImageRow.project_id == project_id)
    session.expire_all()


def _refresh(session: Session, which: ColumnElement[bool]) -> None:
    session.flush()
    ranked = (
        select(
            ImageRow.id,
            func.max(ScoreRow.score).label("best"),
            func.min(ScoreRow.score).label("worst"),
            func.max(ScoreRow.high - ScoreRow.low).label("uncertainty"),
            case((func.max(ScoreRow.score).is_not(None), func.max(InformativeRow.value))).label(
                "informative"
            ),
        )
        .join(ProjectRow, ProjectRow.id == ImageRow.project_id)
        .outerjoin(
            CandidateRow,
            and_(
                CandidateRow.image_id == ImageRow.id,
                CandidateRow.segmenter.not_like(f"{SYNTHETIC_PREFIX}%"),
            ),
        )
        .outerjoin(
            ScoreRow,
            and_(
                ScoreRow.candidate_id == CandidateRow.id,
                ScoreRow.head_id == ProjectRow.active_head_id,
            ),
        )
        .outerjoin(
            InformativeRow,
            and_(
                InformativeRow.image_id == ImageRow.id,
                InformativeRow.head_id == ProjectRow.active_head_id,
            ),
        )
        .where(which)
        .group_by(ImageRow.id)
        .subquery()
    )
    session.execute(
        update(ImageRow)
        .where(ImageRow.id == ranked.c.id)
        .values(
            best_score=ranked.c.best,
            worst_score=ranked.c.worst,
            uncertainty=ranked.c.uncertainty,
            informative=ranked.c.informative,
            version=ImageRow.version + 1,
        )
        .execution_options(synchronize_session=False)
    )

"""What the mapped classes share: their base, and the columns and checks that recur."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, MetaData, String
from sqlalchemy.orm import DeclarativeBase, MappedColumn, mapped_column

from db.column_types import FiniteFloat, FiniteJson, UtcDateTime
from rsqa_core.records import ImageStatus, JobState, Origin, VerdictKind


class Row(DeclarativeBase):
    """Base of the mapped classes; names every constraint, so that migrations can change it."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 (SQLAlchemy's own declaration)
        float: FiniteFloat,
        dt.datetime: UtcDateTime,
        dict[str, Any]: FiniteJson,
        list[Any]: FiniteJson,
        Origin: String,
        ImageStatus: String,
        VerdictKind: String,
        JobState: String,
    }


def one_of(column: str, values: tuple[str, ...]) -> CheckConstraint:
    """Return the check that a text column holds one of ``values``."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=f"{column}_known")


def unit_interval(*columns: str) -> list[CheckConstraint]:
    """Return one check per column that it lies in [0, 1], or is NULL where that is allowed."""
    return [
        CheckConstraint(f"{column} BETWEEN 0 AND 1", name=f"{column}_unit") for column in columns
    ]


def now() -> dt.datetime:
    """Return the present moment in UTC."""
    return dt.datetime.now(dt.UTC)


def project_id_column(*, nullable: bool = False) -> MappedColumn[Any]:
    """Return a column for the project that a row belongs to and is deleted with."""
    return mapped_column(ForeignKey("project.id", ondelete="CASCADE"), nullable=nullable)

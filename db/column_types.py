"""Column types that refuse what SQLite would store without a word."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, Float
from sqlalchemy.exc import DontWrapMixin
from sqlalchemy.types import TypeDecorator

from rsqa_core.errors import InvalidInputError


class RefusedValueError(InvalidInputError, DontWrapMixin):
    """An InvalidInputError that SQLAlchemy passes on instead of wrapping it in its own."""


class FiniteFloat(TypeDecorator[float]):
    """A float that is neither NaN nor infinite.

    SQLite turns NaN into NULL, which every CHECK lets pass, so the refusal has to come before.
    """

    impl = Float
    cache_ok = True

    def process_bind_param(self, value: float | None, dialect: Dialect) -> float | None:
        if value is None:
            return None
        number = float(value)
        if not math.isfinite(number):
            raise RefusedValueError(
                f"Expected a finite number for the database, but got {number}. "
                "Leave a value that is not known out instead."
            )
        return number


class UtcDateTime(TypeDecorator[dt.datetime]):
    """A moment: stored in UTC, given back with its time zone."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise RefusedValueError(
                f"Expected a time with a time zone, but got {value!r}. "
                "Make it with datetime.now(datetime.UTC)."
            )
        return value.astimezone(dt.UTC).replace(tzinfo=None)

    def process_result_value(self, value: Any, dialect: Dialect) -> dt.datetime | None:
        return None if value is None else value.replace(tzinfo=dt.UTC)


class FiniteJson(TypeDecorator[Any]):
    """JSON without NaN and infinities, which other readers of JSON refuse."""

    impl = JSON
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        _refuse_non_finite(value, "")
        return value


def _refuse_non_finite(value: Any, where: str) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise RefusedValueError(
            f"Expected finite numbers, but got {value} at {where or 'the top'}. "
            "Leave a value that is not known out instead."
        )
    if isinstance(value, dict):
        for key, part in value.items():
            _refuse_non_finite(part, f"{where}/{key}")
    elif isinstance(value, list | tuple):
        for index, part in enumerate(value):
            _refuse_non_finite(part, f"{where}/{index}")

"""From a request's JSON to Verdict records, field by field."""

from __future__ import annotations

import math
import uuid
from dataclasses import dataclass
from typing import Any

from pages.api.tokens import Caller
from rsqa_core.errors import InvalidInputError
from rsqa_core.records import (
    MAX_MARK_CHARACTERS,
    MAX_POINTS,
    POINT_DESIGNS,
    VERDICT_KINDS,
    ErrorMarks,
    PointCheck,
    PointDesign,
    Verdict,
    VerdictKind,
)
from rsqa_core.surveys import SurveyAnswer

MAX_BATCH = 100
MAX_NOTE = 4000
LARGEST_SEED = 2**31 - 1

_FIELDS = {
    "id",
    "image_id",
    "kind",
    "candidate_id",
    "score",
    "note",
    "head_id",
    "score_shown",
    "score_visible",
    "time_spent_s",
    "supersedes_id",
    "mask_sha256",
    "low",
    "high",
    "point_check",
    "marks",
}
_ANSWER_FIELDS = {"id", "number", "class_id", "time_spent_s"}
_LARGEST_ID = 2**63 - 1
_LONGEST_TIME_S = 7 * 24 * 3600.0


@dataclass(frozen=True, slots=True)
class SentVerdict:
    """A verdict as the canvas sent it, and the mask that was on screen when it was made."""

    verdict: Verdict
    mask_sha256: str | None


def split_batch(document: Any, name: str = "verdicts") -> list[Any]:
    """Return the entries of ``{"verdicts": [...]}``, still unchecked.

    Raises:
        InvalidInputError: another form, none at all, or more than ``MAX_BATCH``.
    """
    entries = document.get(name) if isinstance(document, dict) else None
    if not isinstance(entries, list) or set(document) != {name}:
        raise InvalidInputError(f'Expected {{"{name}": [...]}} and nothing else.')
    if not 1 <= len(entries) <= MAX_BATCH:
        raise InvalidInputError(f"Expected 1 to {MAX_BATCH} {name}, but got {len(entries)}.")
    return entries


def entry_id(entry: Any) -> str | None:
    """Return the id that an entry's answer is filed under, if it has a usable one."""
    value = entry.get("id") if isinstance(entry, dict) else None
    return value if isinstance(value, str) and len(value) <= 64 else None


def parse_verdict(entry: Any, caller: Caller) -> SentVerdict:
    """Return the checked verdict; reviewer and project come from the token, never from the JSON.

    Raises:
        InvalidInputError: names the field, what it held and what was expected.
    """
    if not isinstance(entry, dict):
        raise InvalidInputError(f"Expected a verdict to be an object, but got {_shown(entry)}.")
    unknown = sorted(str(key) for key in entry if key not in _FIELDS)
    if unknown:
        raise InvalidInputError(f"Unknown field {_shown(unknown[0])} in a verdict.")
    verdict = Verdict(
        id=_uuid("id", entry.get("id")),
        project_id=caller.project_id,
        image_id=_whole("image_id", entry.get("image_id")),
        reviewer=caller.reviewer,
        kind=_kind(entry.get("kind")),
        candidate_id=_optional(_whole, "candidate_id", entry),
        score=_optional(_fraction, "score", entry),
        note=_text("note", entry.get("note", ""), MAX_NOTE),
        head_id=_optional(_name, "head_id", entry),
        score_shown=_optional(_fraction, "score_shown", entry),
        score_visible=_flag("score_visible", entry.get("score_visible", True)),
        time_spent_s=_duration("time_spent_s", entry.get("time_spent_s", 0.0)),
        supersedes_id=_optional(_uuid, "supersedes_id", entry),
        low=_optional(_fraction, "low", entry),
        high=_optional(_fraction, "high", entry),
        point_check=_optional(_point_check, "point_check", entry),
        marks=_optional(_error_marks, "marks", entry),
    )
    return SentVerdict(verdict, _optional(_name, "mask_sha256", entry))


def parse_answer(entry: Any, survey_id: int, caller: Caller) -> SurveyAnswer:
    """Return the checked answer to a point of a survey; the reviewer comes from the token.

    Raises:
        InvalidInputError: names the field, what it held and what was expected.
    """
    if not isinstance(entry, dict):
        raise InvalidInputError(f"Expected an answer to be an object, but got {_shown(entry)}.")
    unknown = sorted(str(key) for key in entry if key not in _ANSWER_FIELDS)
    if unknown:
        raise InvalidInputError(f"Unknown field {_shown(unknown[0])} in an answer.")
    said = entry.get("class_id")
    if said is not None and (not isinstance(said, int) or isinstance(said, bool)):
        raise _expected("class_id", "a class id, or null where nobody can tell", said)
    return SurveyAnswer(
        id=_uuid("id", entry.get("id")),
        survey_id=survey_id,
        number=_whole("number", entry.get("number")),
        class_id=said,
        reviewer=caller.reviewer,
        time_spent_s=_duration("time_spent_s", entry.get("time_spent_s", 0.0)),
    )


def _optional(read: Any, name: str, entry: dict[str, Any]) -> Any:
    value = entry.get(name)
    return None if value is None else read(name, value)


def _uuid(name: str, value: Any) -> str:
    try:
        canonical = str(uuid.UUID(value)) if isinstance(value, str) else None
    except ValueError:
        canonical = None
    # One spelling only: the same id in capitals must not become a second row.
    if canonical is None or canonical != value:
        raise _expected(name, "a lower-case UUID", value)
    return canonical


def _whole(name: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= _LARGEST_ID:
        raise _expected(name, "a positive whole number", value)
    return value


def _kind(value: Any) -> VerdictKind:
    for kind in VERDICT_KINDS:
        if kind == value:
            return kind
    raise _expected("kind", f"one of {', '.join(VERDICT_KINDS)}", value)


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _expected(name, "a number", value)
    try:
        return float(value)
    except OverflowError as error:
        raise _expected(name, "a number", value) from error


def _fraction(name: str, value: Any) -> float:
    number = _number(name, value)
    if not 0.0 <= number <= 1.0:
        raise _expected(name, "a number in [0, 1]", value)
    return number


def _duration(name: str, value: Any) -> float:
    number = _number(name, value)
    if not math.isfinite(number) or number < 0:
        raise _expected(name, "seconds, zero or more", value)
    return min(number, _LONGEST_TIME_S)


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise _expected(name, "true or false", value)
    return value


def _text(name: str, value: Any, longest: int) -> str:
    if not isinstance(value, str) or len(value) > longest:
        raise _expected(name, f"a text of at most {longest} characters", value)
    try:
        value.encode("utf-8")  # JSON can smuggle lone surrogates that no database stores
    except UnicodeEncodeError as error:
        raise _expected(name, "valid Unicode", value) from error
    if "\x00" in value:
        raise _expected(name, "a text without NUL characters", value)
    return value


def parse_design(value: Any) -> PointDesign:
    """Return the design of a point check.

    Raises:
        InvalidInputError: there is no such design.
    """
    for design in POINT_DESIGNS:
        if design == value:
            return design
    raise _expected("design", f"one of {', '.join(POINT_DESIGNS)}", value)


def parse_seed(value: Any) -> int:
    """Return the seed of a point check.

    Raises:
        InvalidInputError: it is no whole number from 0 to LARGEST_SEED.
    """
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= LARGEST_SEED:
        raise _expected("seed", f"a whole number from 0 to {LARGEST_SEED}", value)
    return value


def _point_check(name: str, value: Any) -> PointCheck:
    if not isinstance(value, dict) or set(value) != {"design", "seed", "answers"}:
        raise _expected(name, "an object with design, seed and answers", value)
    answers = value["answers"]
    if (
        not isinstance(answers, list)
        or len(answers) > MAX_POINTS
        or not all(answer is None or isinstance(answer, bool) for answer in answers)
    ):
        raise _expected("answers", f"at most {MAX_POINTS} of true, false and null", answers)
    return PointCheck(parse_design(value["design"]), parse_seed(value["seed"]), tuple(answers))


def _error_marks(name: str, value: Any) -> ErrorMarks:
    if not isinstance(value, dict) or set(value) != {"size", "counts"}:
        raise _expected(name, "an object with size and counts", value)
    size = value["size"]
    if not isinstance(size, list) or len(size) != 2:
        raise _expected("size", "height and width in pixels", size)
    height, width = (_whole("size", length) for length in size)
    return ErrorMarks((height, width), _text("counts", value["counts"], MAX_MARK_CHARACTERS))


def _name(name: str, value: Any) -> str:
    text = _text(name, value, 200)
    if not text:
        raise _expected(name, "a name", value)
    return text


def _expected(name: str, expectation: str, value: Any) -> InvalidInputError:
    return InvalidInputError(f"Expected `{name}` to be {expectation}, but got {_shown(value)}.")


def _shown(value: Any) -> str:
    text = ascii(value)
    return text if len(text) <= 80 else f"{text[:77]}..."

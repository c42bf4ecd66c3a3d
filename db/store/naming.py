"""Names that people give to what they keep."""

from __future__ import annotations

from rsqa_core.errors import InvalidInputError


def plain_name(text: str, longest: int) -> str:
    """Return a name without blanks around it.

    Raises:
        InvalidInputError: it is empty, longer than ``longest``, or does not print.

    Example:
        >>> plain_name(" audit ", 60)
        'audit'
    """
    name = text.strip()
    if not 1 <= len(name) <= longest or not name.isprintable():
        raise InvalidInputError(
            f"Expected a name of 1 to {longest} printable characters, but got {name[:80]!r}."
        )
    return name

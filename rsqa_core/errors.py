"""Every error that RSQA raises for a reason a person can act on.

A message says what failed, the value received, what was expected and what to do. Only the command
line and the page boundary turn one into text.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class RsqaError(Exception):
    """Root of the errors below. ``str(error)`` is a complete sentence for the user."""


class InvalidInputError(RsqaError):
    """A value, option or file does not have the form that was expected."""


class UnreadableFileError(InvalidInputError):
    """A file is truncated, corrupt, of another type than its name says, or too large to open."""


class UnsafePathError(InvalidInputError):
    """A path leads out of the folder that it must stay in."""


class NotFoundError(RsqaError):
    """Something was asked for by a name or id that does not exist."""

    @classmethod
    def named(cls, kind: str, name: object, known: Iterable[str]) -> NotFoundError:
        """Build the error for an unknown name, with the closest known ones.

        Example:
            >>> str(NotFoundError.named("project", "duabi", ["dubai", "demo"]))
            "No project is called 'duabi'. Known: demo, dubai. Did you mean 'dubai'?"
        """
        names = sorted(known)
        text = f"No {kind} is called {str(name)!r}. Known: {', '.join(names) or 'none yet'}."
        close = difflib.get_close_matches(str(name), names, n=1)
        return cls(text + (f" Did you mean {close[0]!r}?" if close else ""))


class MissingExtraError(RsqaError):
    """A library that belongs to an extra of RSQA is needed and not installed."""


class ConflictError(RsqaError):
    """Somebody else changed the same thing in between, or it is in use; nothing was written."""


class NotAllowedError(RsqaError):
    """Somebody's role, or that it is their own work, forbids what they asked for."""


class DownloadError(RsqaError):
    """A file could not be downloaded, or what arrived is not what the catalogue promises."""


class FingerprintError(RsqaError):
    """A head and the features offered to it come from different encoders or preprocessing."""


class CancelledError(RsqaError):
    """The user asked to stop; what was finished before is kept."""

"""The page boundary: the one place where an error becomes text on a screen."""

from __future__ import annotations

import functools
import logging
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec

import streamlit as st
from streamlit.errors import Error as StreamlitError

from pages.components.texts import plain
from rsqa_core.errors import ConflictError, RsqaError
from rsqa_core.settings import read_settings

_log = logging.getLogger("rsqa.app")
_NOTICE = "rsqa_notice"
_P = ParamSpec("_P")


@contextmanager
def page_boundary() -> Iterator[None]:
    """Turn an exception inside into a message; the rest of the page stays."""
    try:
        yield
    except Exception as error:  # the boundary: everything is either told or logged here
        show_error(error)


def guarded(callback: Callable[_P, None]) -> Callable[_P, None]:
    """Wrap a widget callback: its error is shown by ``show_notices`` in the run that follows."""

    @functools.wraps(callback)
    def call(*args: _P.args, **kwargs: _P.kwargs) -> None:
        try:
            callback(*args, **kwargs)
        except Exception as error:  # the boundary for callbacks, which draw nothing themselves
            notify(error)

    return call


def notify(message: str | Exception) -> None:
    """Keep a message or an error for the top of the next run of this session."""
    level, text = ("success", plain(message)) if isinstance(message, str) else described(message)
    st.session_state.setdefault(_NOTICE, []).append((level, text))


def has_notices() -> bool:
    """Say whether something waits for ``show_notices``."""
    return bool(st.session_state.get(_NOTICE))


def show_notices() -> None:
    """Draw what ``notify`` kept, once.

    Its place is there without a notice too: what is below keeps its own place on the page, by
    which Streamlit tells elements apart, so that a message closes no expander.
    """
    with st.container():
        for level, text in st.session_state.pop(_NOTICE, []):
            _draw(level, text)


def show_script_error(error: Exception) -> bool:
    """Show an error that nothing else caught; True tells Streamlit that it is dealt with."""
    show_error(error)
    return True


def show_error(error: Exception) -> None:
    """Tell the user what happened and how to go on."""
    _draw(*described(error))
    st.caption("Reload the page to try again; the navigation on the left leads elsewhere.")


def described(error: Exception) -> tuple[str, str]:
    """Return (level, sentence) for an error; level is 'warning' or 'error'.

    An RsqaError is a sentence for the user. Anything else is logged with a reference that the
    sentence repeats, because its own text would help nobody and may hold paths.
    """
    if isinstance(error, ConflictError):
        return "warning", plain(str(error))
    if isinstance(error, RsqaError):
        return "error", plain(str(error))
    reference = log_error(error)
    return "error", (
        "Something went wrong here. Nothing that was saved is lost. The log has the details "
        f"under reference **{reference}**."
    )


def _draw(level: str, text: str) -> None:
    if level == "success":
        st.success(text, icon=":material/check_circle:")
    elif level == "warning":
        st.warning(text, icon=":material/sync_problem:")
    else:
        st.error(text, icon=":material/error:")


def log_error(error: Exception) -> str:
    """Write ``error`` with its traceback to logs/app.log and return its reference."""
    reference = secrets.token_hex(4)
    _open_log()
    level = logging.WARNING if isinstance(error, StreamlitError) else logging.ERROR
    _log.log(level, "reference %s", reference, exc_info=error)
    return reference


def _open_log() -> None:
    path = read_settings().home / "logs" / "app.log"
    known = {getattr(handler, "baseFilename", None) for handler in _log.handlers}
    if str(path) in known:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path, encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    _log.addHandler(handler)

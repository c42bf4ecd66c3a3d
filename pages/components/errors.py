"""The page boundary: the one place where an error becomes text on a screen."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st
from streamlit.errors import Error as StreamlitError

from rsqa_core.errors import ConflictError, RsqaError
from rsqa_core.settings import read_settings

_log = logging.getLogger("rsqa.app")


@contextmanager
def page_boundary() -> Iterator[None]:
    """Turn an exception inside into a message; the rest of the page stays."""
    try:
        yield
    except Exception as error:  # the boundary: everything is either told or logged here
        show_error(error)


def show_script_error(error: Exception) -> bool:
    """Show an error of a callback or a fragment; True tells Streamlit that it is dealt with."""
    show_error(error)
    return True


def show_error(error: Exception) -> None:
    """Tell the user what happened and how to go on.

    An RsqaError is a sentence for the user. Anything else is logged with a reference that the
    message repeats, because its text would help nobody and may hold paths.
    """
    if isinstance(error, ConflictError):
        st.warning(str(error), icon=":material/sync_problem:")
    elif isinstance(error, RsqaError):
        st.error(str(error), icon=":material/error:")
    else:
        reference = log_error(error)
        st.error(
            f"Something went wrong here. Nothing that was saved is lost. The log has the details "
            f"under reference **{reference}**.",
            icon=":material/error:",
        )
    if st.button("Try again", key=f"retry-{type(error).__name__}", icon=":material/refresh:"):
        st.rerun()


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

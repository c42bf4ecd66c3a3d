"""The one installation that all sessions of this server share."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from rsqa_core.settings import Settings, read_settings

if TYPE_CHECKING:
    from workflows.opening import Installation


@lru_cache(maxsize=4)
def _opened(settings: Settings) -> Installation:
    from workflows.jobs import reap
    from workflows.opening import open_installation

    opened = open_installation(settings)
    reap(opened)
    return opened


def installation() -> Installation:
    """Return settings, database and files of this server; opened once per home folder.

    An lru_cache, not st.cache_resource: the routes of the canvas use the same object outside any
    script run, and tests with another RSQA_HOME get another one.
    """
    return _opened(read_settings())


def forget() -> None:
    """Forget what was opened; for tests, which close it themselves."""
    _opened.cache_clear()

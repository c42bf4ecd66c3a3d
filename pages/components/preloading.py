"""Loads what other pages need while the first one is looked at."""

from __future__ import annotations

import contextlib
import gc
import importlib
import threading
from functools import lru_cache

_MODULES = ("pandas", "altair", "matplotlib.figure")
"""They take over a second; Home needs none of them."""


@lru_cache(maxsize=1)
def preload() -> None:
    """Begin to load in the background, once a server."""
    threading.Thread(target=_load, name="rsqa-preload", daemon=True).start()


def _load() -> None:
    for name in _MODULES:
        # The page that needs a broken module says so itself.
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    # Modules live as long as the server: without them, a full collection is ten times as quick.
    gc.freeze()

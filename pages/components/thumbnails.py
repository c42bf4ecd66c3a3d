"""Small previews as data addresses, made once per stored file.

What is made is kept in plain dictionaries of this process, not in st.cache_data, which copies each
answer through pickle and cannot be filled by a thread that has no script run.
"""

from __future__ import annotations

import base64
import html
import io
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING

import streamlit as st

from pages.components.opening import installation

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage

    from rsqa_core.files import FileStore

SIZE_PX = 96
_KEPT = 4000
_PAUSE_S = 0.3
_making = threading.Lock()

Colours = tuple[tuple[int, int, int], ...]
"""Of classes, by id."""


def thumbnail(display_path: str, size_px: int = SIZE_PX) -> str | None:
    """Return a JPEG of at most ``size_px`` as a ``data:`` address; None when the file is gone.

    Stored files are named by their content, so the name is a sound key for the cache.
    """
    return _thumbnail(installation().files, display_path, size_px)


def masked_thumbnail(
    display_path: str, mask_path: str | None, colours: Colours, size_px: int
) -> str | None:
    """Return a preview with a mask over it as a ``data:`` address; None when the image is gone.

    Args:
        mask_path: of an index PNG; None, or one that cannot be read, leaves the picture bare.
        colours: of the classes, by id.
    """
    return _masked(installation().files, display_path, mask_path, colours, size_px)


def thumbnails(display_paths: Sequence[str]) -> list[str | None]:
    """Return a ``thumbnail`` of each path."""
    files = installation().files
    return [_thumbnail(files, path, SIZE_PX) for path in display_paths]


def make_ahead(
    wanted: Callable[[], Sequence[tuple[str, str | None]]],
    colours: Colours | None,
    size_px: int = SIZE_PX,
) -> None:
    """Make previews that are probably asked for next, in the background, one after the other.

    Does nothing while an earlier call is still at it: what is ahead by now is asked for anyway.

    Args:
        wanted: gives display path and mask path of each; called in the background.
        colours: None makes them without masks.
    """
    if not _making.acquire(blocking=False):
        return
    files = installation().files  # here: a thread must not open another installation

    def make() -> None:
        # A favour that may fail: the page that needs a picture says itself what is wrong with it.
        with suppress(Exception):
            for display_path, mask_path in wanted():
                if colours is None:
                    _thumbnail(files, display_path, size_px)
                else:
                    _masked(files, display_path, mask_path, colours, size_px)
        _making.release()

    # Later, so that what is drawn now reaches the browser first.
    timer = threading.Timer(_PAUSE_S, make)
    timer.daemon = True
    timer.start()


@lru_cache(maxsize=_KEPT)
def _thumbnail(files: FileStore, display_path: str, size_px: int) -> str | None:
    small = _small(files, display_path, size_px)
    return None if small is None else _address(small)


@lru_cache(maxsize=_KEPT)
def _masked(
    files: FileStore, display_path: str, mask_path: str | None, colours: Colours, size_px: int
) -> str | None:
    from PIL import Image, UnidentifiedImageError

    small = _small(files, display_path, size_px)
    if small is None:
        return None
    try:
        if mask_path is not None:
            with Image.open(files.path(mask_path), formats=("PNG",)) as stored:
                ids = stored.resize(small.size, Image.Resampling.NEAREST).convert("L")
            flat = [part for colour in colours for part in colour]
            painted = Image.frombytes("P", ids.size, ids.tobytes())
            painted.putpalette(flat)
            labelled = ids.point([110 if k < len(colours) else 0 for k in range(256)])
            small.paste(painted.convert("RGB"), mask=labelled)
    except (OSError, UnidentifiedImageError):
        pass  # the review page says what is wrong with it
    return _address(small)


def _small(files: FileStore, display_path: str, size_px: int) -> PillowImage | None:
    from PIL import Image, UnidentifiedImageError

    path = files.path(display_path)
    try:
        with Image.open(path, formats=("JPEG",)) as image:
            image.draft("RGB", (size_px, size_px))  # decodes at an eighth of the work
            small = image.convert("RGB")
            small.thumbnail((size_px, size_px))
    except (OSError, UnidentifiedImageError):
        return None
    return small


def _address(picture: PillowImage) -> str:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode("ascii")


def thumbnail_strip(pictures: Sequence[tuple[str, str]], size_px: int = SIZE_PX) -> None:
    """Draw (display path, name) pairs in one row that never wraps."""
    cells = "".join(
        f'<img src="{address}" alt="{html.escape(name, quote=True)}" '
        f'title="{html.escape(name, quote=True)}" '
        f'style="height:{size_px}px;width:{size_px}px;object-fit:cover;border-radius:4px">'
        for address, name in ((thumbnail(path, size_px), name) for path, name in pictures)
        if address is not None
    )
    if cells:
        st.html(
            f'<div style="display:flex;gap:6px;overflow:hidden;height:{size_px}px">{cells}</div>'
        )

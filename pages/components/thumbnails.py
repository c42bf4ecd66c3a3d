"""Small previews as data addresses, made once per stored file."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from pages.components.opening import installation

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage

SIZE_PX = 96


@st.cache_data(max_entries=4000, show_spinner=False)
def thumbnail(display_path: str, size_px: int = SIZE_PX) -> str | None:
    """Return a JPEG of at most ``size_px`` as a ``data:`` address; None when the file is gone.

    Stored files are named by their content, so the name is a sound key for the cache.
    """
    small = _small(display_path, size_px)
    return None if small is None else _address(small)


@st.cache_data(max_entries=4000, show_spinner=False)
def masked_thumbnail(
    display_path: str,
    mask_path: str | None,
    colours: tuple[tuple[int, int, int], ...],
    size_px: int,
) -> str | None:
    """Return a preview with a mask over it as a ``data:`` address; None when the image is gone.

    Args:
        mask_path: of an index PNG; None, or one that cannot be read, leaves the picture bare.
        colours: of the classes, by id.
    """
    from PIL import Image, UnidentifiedImageError

    small = _small(display_path, size_px)
    if small is None:
        return None
    try:
        if mask_path is not None:
            with Image.open(installation().files.path(mask_path), formats=("PNG",)) as stored:
                ids = stored.resize(small.size, Image.Resampling.NEAREST).convert("L")
            flat = [part for colour in colours for part in colour]
            painted = Image.frombytes("P", ids.size, ids.tobytes())
            painted.putpalette(flat)
            labelled = ids.point([110 if k < len(colours) else 0 for k in range(256)])
            small.paste(painted.convert("RGB"), mask=labelled)
    except (OSError, UnidentifiedImageError):
        pass  # the review page says what is wrong with it
    return _address(small)


def _small(display_path: str, size_px: int) -> PillowImage | None:
    from PIL import Image, UnidentifiedImageError

    path = installation().files.path(display_path)
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

"""Text from people and files inside Streamlit's Markdown."""

from __future__ import annotations

import re

_SIGNS = re.compile(r"([\\`*_\[\]<>$~:#|])")


def plain(text: str) -> str:
    r"""Return ``text`` so that Markdown shows it as it is: names may hold links or markup.

    Example:
        >>> plain("tile_1 [x](http://a)")
        'tile\\_1 \\[x\\](http\\://a)'
    """
    return _SIGNS.sub(r"\\\1", " ".join(text.split()))


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural where it needs one.

    Example:
        >>> counted(1, "image"), counted(1200, "image")
        ('1 image', '1,200 images')
    """
    return f"{number:,} {noun}" + ("" if number == 1 else "s")

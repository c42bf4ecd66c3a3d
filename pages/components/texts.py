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

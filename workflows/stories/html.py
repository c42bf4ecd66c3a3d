"""A story as one HTML file, which needs nothing beside it and no network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from workflows.stories.slides import Deck, percent
from workflows.templates import rendered

_FOLDER = Path(__file__).parent


def as_html(deck: Deck) -> bytes:
    """Return the story as UTF-8 HTML with its pictures, styles and script inside."""
    return rendered(
        _FOLDER / "deck.html.jinja",
        deck=deck,
        styles=(_FOLDER / "deck.css").read_text(encoding="utf-8"),
        script=(_FOLDER / "deck.js").read_text(encoding="utf-8"),
        percent=percent,
        path=_path,
    )


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.5f} {y:.5f}" for x, y in points) + "Z"

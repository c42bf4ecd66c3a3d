"""A story as one HTML file, which needs nothing beside it and no network."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from workflows.stories.slides import Deck, percent

_FOLDER = Path(__file__).parent


def as_html(deck: Deck) -> bytes:
    """Return the story as UTF-8 HTML with its pictures, styles and script inside."""
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["inline"] = lambda content: base64.b64encode(content).decode()
    environment.filters["kind"] = lambda slide: type(slide).__name__
    environment.filters["percent"] = percent
    environment.filters["path"] = _path
    page = environment.get_template("deck.html.jinja").render(
        deck=deck,
        styles=(_FOLDER / "deck.css").read_text(encoding="utf-8"),
        script=(_FOLDER / "deck.js").read_text(encoding="utf-8"),
    )
    return page.encode()


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.5f} {y:.5f}" for x, y in points) + "Z"

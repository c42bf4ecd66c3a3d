"""Templates of what becomes one HTML file."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined


def rendered(template: Path, **values: Any) -> bytes:
    """Return a template filled with ``values`` as UTF-8; what they hold is escaped.

    Filters: ``inline`` gives bytes in base64, ``kind`` the name of a value's class.
    """
    environment = Environment(
        loader=FileSystemLoader(template.parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["inline"] = lambda content: base64.b64encode(content).decode()
    environment.filters["kind"] = lambda block: type(block).__name__
    return environment.get_template(template.name).render(**values).encode()

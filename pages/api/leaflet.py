"""Leaflet from its installed package, so that maps need no network."""

from __future__ import annotations

import functools
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

_TYPES = {"leaflet.js": "text/javascript", "leaflet.css": "text/css"}


def leaflet_address(root: str, name: str) -> str:
    """Return where the app serves a file of Leaflet; the version in it lets browsers keep it."""
    from xstatic.pkg import leaflet

    return f"{root}/leaflet/{leaflet.PACKAGE_VERSION}/{name}"


def leaflet_route(root: str) -> Route:
    """Return the route of Leaflet's script and style sheet. It needs no token."""
    return Route(f"{root}/leaflet/{{version}}/{{name}}", _file, methods=["GET"])


@functools.cache
def _content(name: str) -> bytes:
    from xstatic.pkg import leaflet

    return (Path(leaflet.BASE_DIR) / name).read_bytes()


def _file(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in _TYPES:
        return PlainTextResponse("There is no such file.", status_code=404)
    return Response(
        _content(name),
        media_type=_TYPES[name],
        headers={
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "public, max-age=31536000, immutable",
        },
    )

"""The canvas's ES modules, served under an address that changes with their content."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

_ASSETS = Path(__file__).parent / "assets"


@functools.cache
def read_modules() -> dict[str, bytes]:
    """Return name and content of every module, read once per process."""
    return {path.name: path.read_bytes() for path in sorted(_ASSETS.glob("*.js"))}


@functools.cache
def read_styles() -> str:
    """Return the canvas's style sheets as one, in the order of their names."""
    return "\n".join(path.read_text("utf-8") for path in sorted(_ASSETS.glob("*.css")))


@functools.cache
def assets_key() -> str:
    """Return a short hash over every module, so that a browser never mixes two versions."""
    digest = hashlib.sha256()
    for name, content in read_modules().items():
        digest.update(f"{name} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()[:16]


def asset_route(root: str) -> Route:
    """Return the route of the modules. It needs no token: the code is the same for everyone."""
    return Route(f"{root}/canvas/{{key}}/{{name}}", _module, methods=["GET"])


def _module(request: Request) -> Response:
    content = read_modules().get(request.path_params["name"])
    if content is None:
        return PlainTextResponse("There is no such module.", status_code=404)
    current = request.path_params["key"] == assets_key()
    return Response(
        content,
        media_type="text/javascript",
        headers={
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "public, max-age=31536000, immutable" if current else "no-store",
        },
    )

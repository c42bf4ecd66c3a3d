"""Tiles of a project's map, as Leaflet asks for them."""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pages.api.guard import OpenInstallation, guarded
from pages.api.tokens import Caller, read_map_token
from rsqa_core.errors import InvalidInputError, NotFoundError
from workflows.opening import Installation

_NUMBER = re.compile(r"-?[0-9]{1,9}")
_ZOOMS = range(-12, 31)
# A pixel that is not there; an empty answer would count as an error in the browser.
_NOTHING = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000b49444154789c6360000200000500017a5eab3f0000000049454e44ae42"
    "6082"
)


def map_tile_address(root: str, layer: str, token: str, state: str) -> str:
    """Return the address of the tiles of one layer, with Leaflet's places for their numbers."""
    return f"{root}/map/{layer}/{{z}}/{{x}}/{{y}}?token={token}&v={state}"


def map_tile_route(root: str, open_installation: OpenInstallation) -> Route:
    """Return the route of the tiles; the token of a map stands in their address."""
    return Route(
        f"{root}/map/{{layer}}/{{z}}/{{x}}/{{y}}",
        guarded(open_installation, _tile, _caller),
        methods=["GET"],
    )


def _caller(installation: Installation, request: Request) -> Caller:
    token = request.query_params.get("token", "")
    return Caller(reviewer="", project_id=read_map_token(installation.settings, token))


def _tile(installation: Installation, caller: Caller, request: Request, body: bytes) -> Response:
    from workflows.map_tiles import MAP_LAYERS, map_tile

    layer = request.path_params["layer"]
    if layer not in MAP_LAYERS:
        raise NotFoundError.named("layer of the map", layer, MAP_LAYERS)
    numbers = [request.path_params[name] for name in "zxy"]
    if not all(_NUMBER.fullmatch(number) for number in numbers):
        raise InvalidInputError(f"Expected three whole numbers, but got {'/'.join(numbers)[:60]}.")
    z, x, y = map(int, numbers)
    if z not in _ZOOMS:
        raise InvalidInputError(f"Expected a zoom from -12 to 30, but got {z}.")
    found = map_tile(installation, caller.project_id, layer, z, x, y)
    # Error maps come by and by, so a tile without them must not stay.
    keep = "private, max-age=60" if layer == "errors" else "private, max-age=86400"
    return Response(
        _NOTHING if found is None else found,
        media_type="image/png",
        headers={"Cache-Control": keep},
    )

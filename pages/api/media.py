"""Images and masks as files that a browser may keep for good, because their address names them."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from db.store import candidates, images, projects, scores
from pages.api.guard import HttpError
from pages.api.item_json import content_key
from pages.api.tokens import Caller
from rsqa_core.errors import InvalidInputError, NotFoundError
from rsqa_core.records import Candidate, ImageRecord
from workflows.error_images import error_image_key, error_image_path
from workflows.model_process import ModelsUnavailableError, model_process
from workflows.opening import Installation

if TYPE_CHECKING:
    from rsqa_core.raster.bands import Limits

IMMUTABLE = "private, max-age=31536000, immutable"
# By the stored name's suffix; anything else would be served as a download, never as a page.
_CONTENT_TYPES = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
}


def display_image(
    installation: Installation, caller: Caller, request: Request, body: bytes
) -> Response:
    """The RGB image that reviewers look at."""
    image = _image(installation, caller, request)
    path = installation.files.path(image.display_path)
    return _file(request, path, content_key(image.display_path))


def band_view_list(
    installation: Installation, caller: Caller, request: Request, body: bytes
) -> Response:
    """The ways to look at an image by its bands, with why some are not to be had."""
    from rsqa_core.raster.bands import BAND_STRETCHES, band_views, read_band_names

    image = _image(installation, caller, request)
    names = read_band_names(installation.files.path(image.tile_path), image.bands)
    views = [
        {"id": view.id, "name": view.name, "why_not": view.why_not} for view in band_views(names)
    ]
    return JSONResponse({"views": views, "stretches": list(BAND_STRETCHES)})


def band_view(
    installation: Installation, caller: Caller, request: Request, body: bytes
) -> Response:
    """An image as one of its band views shows it, as JPEG.

    All tiles of a file are stretched alike, so that neighbours compare.
    """
    from rsqa_core.raster import encode_display_jpeg
    from rsqa_core.raster.bands import INDICES, SAMPLED_TILES, render_view

    image = _image(installation, caller, request)
    view, stretch = request.path_params["view"], request.query_params.get("stretch", "clip")
    key = f"{content_key(image.tile_path)}-{view}-{stretch}"
    answer = _held(request, content_key(image.tile_path), key)
    if isinstance(answer, Response):
        return answer
    path = installation.files.path(image.tile_path)
    tiles = [image.tile_path]
    if stretch != "tile":
        with installation.database.read() as session:
            tiles = images.sample_of_file(session, image, SAMPLED_TILES)
    sample = tuple(map(installation.files.path, tiles))
    limits = () if view in INDICES else _limits(sample, image.bands, stretch)
    rgb = render_view(path, view, image.bands, limits)
    return Response(encode_display_jpeg(rgb), media_type="image/jpeg", headers=answer)


@functools.lru_cache(maxsize=64)
def _limits(tiles: tuple[Path, ...], bands: int, stretch: str) -> Limits:
    from rsqa_core.raster.bands import band_limits

    return band_limits(tiles, bands, stretch)  # type: ignore[arg-type]


def band_values(
    installation: Installation, caller: Caller, request: Request, body: bytes
) -> Response:
    """What a band view's bands hold in one pixel, by name, and the value of an index."""
    from rsqa_core.raster.bands import values_at

    image = _image(installation, caller, request)
    place = [_whole(request, name) for name in ("x", "y")]
    path = installation.files.path(image.tile_path)
    found = values_at(path, request.path_params["view"], image.bands, place[0], place[1])
    return JSONResponse({"values": found.values, "index": found.index})


def _whole(request: Request, name: str) -> int:
    text = request.query_params.get(name, "")
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise InvalidInputError(
            f"Expected `{name}` to be a column or row of the image, but got {text!r:.40}."
        )
    return int(text)


def reference_mask(
    installation: Installation, caller: Caller, request: Request, body: bytes
) -> Response:
    """The index PNG of the reference mask."""
    image = _image(installation, caller, request)
    if image.reference_mask_path is None:
        raise NotFoundError(f"The image {image.name!r} has no reference mask.")
    path = installation.files.path(image.reference_mask_path)
    return _file(request, path, content_key(image.reference_mask_path))


def candidate_mask(
    installation: Installation, caller: Caller, request: Request, body: bytes
) -> Response:
    """The index PNG of a candidate."""
    candidate = own_candidate(installation, caller, request)
    path = installation.files.path(candidate.mask_path)
    return _file(request, path, candidate.mask_sha256)


def candidate_errors(
    installation: Installation, caller: Caller, request: Request, body: bytes
) -> Response:
    """Where a candidate is probably wrong: a grey PNG, made when it is first asked for."""
    candidate = own_candidate(installation, caller, request)
    with installation.database.read() as session:
        head_id = projects.get_by_id(session, caller.project_id).active_head_id or ""
        score = scores.of_candidates(session, head_id, [candidate.id]).get(candidate.id)
    if score is None:
        raise NotFoundError(
            f"The candidate {candidate.segmenter!r} has no score by the current head yet."
        )
    path = error_image_path(installation.settings, candidate, score)
    key = error_image_key(score)
    if not path.exists() and request.query_params.get("v") in (None, key):
        try:
            model_process(installation.settings).ask("error_images", image_id=candidate.image_id)
        except ModelsUnavailableError as error:
            raise HttpError(503, "unavailable", str(error)) from error
    return _file(request, path, key)


def image_id_of(request: Request) -> int:
    """Return the image id in the address."""
    return _row_id("image", request.path_params["image_id"])


def own_image(installation: Installation, caller: Caller, image_id: int) -> ImageRecord:
    """Return an image of the caller's project; others do not exist for this caller.

    Raises:
        NotFoundError: no such image in the project.
    """
    with installation.database.read() as session:
        image = images.get(session, image_id)
    if image.project_id != caller.project_id:
        raise NotFoundError(f"This project has no image {image_id}.")
    return image


def _image(installation: Installation, caller: Caller, request: Request) -> ImageRecord:
    return own_image(installation, caller, image_id_of(request))


def own_candidate(installation: Installation, caller: Caller, request: Request) -> Candidate:
    """Return the candidate in the address; those of other projects do not exist for this caller.

    Raises:
        NotFoundError: no such candidate in the project.
    """
    candidate_id = _row_id("candidate", request.path_params["candidate_id"])
    with installation.database.read() as session:
        candidate = candidates.get(session, candidate_id)
        image = images.get(session, candidate.image_id)
    if image.project_id != caller.project_id:
        raise NotFoundError(f"This project has no candidate {candidate_id}.")
    return candidate


def _row_id(kind: str, value: int) -> int:
    if value > 2**63 - 1:
        raise NotFoundError(f"No {kind} has the id {value}.")
    return value


def _file(request: Request, path: Path, key: str) -> Response:
    """Answer with a stored file, or 304 when the browser has it already.

    An address with another key names content that has been replaced since; showing the new
    content under it would put a verdict on something that nobody looked at.
    """
    headers = _held(request, key, key)
    if isinstance(headers, Response):
        return headers
    content_type = _CONTENT_TYPES.get(path.suffix.lower(), "application/octet-stream")
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise NotFoundError(
            f"The file {path.name!r} is missing from the file store. Restore it from a backup, or "
            "import the image again."
        ) from error
    return Response(content, media_type=content_type, headers=headers)


def _held(request: Request, key: str, tag: str) -> dict[str, str] | Response:
    """Return the headers of an answer, or the answer when the browser has it already.

    Args:
        key: of the content that the address may name.
        tag: of what is made of it.
    """
    asked = request.query_params.get("v")
    if asked is not None and asked != key:
        raise HttpError(409, "changed", "The file was replaced since. Load the item again.")
    etag = f'"{tag}"'
    headers = {"ETag": etag, "Cache-Control": IMMUTABLE if asked else "private, no-cache"}
    if etag in (one.strip() for one in request.headers.get("if-none-match", "").split(",")):
        return Response(status_code=304, headers=headers)
    return headers

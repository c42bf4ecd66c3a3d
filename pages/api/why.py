"""Why a candidate has its score, worked out by the process that holds the models."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from db.store import images
from pages.api.guard import HttpError
from pages.api.item_json import content_key
from pages.api.media import own_candidate
from pages.api.tokens import Caller
from rsqa_core.errors import InvalidInputError
from rsqa_core.records import EXPLAIN_METHODS
from workflows.model_process import ModelsUnavailableError, model_process
from workflows.opening import Installation


def why_this_score(
    installation: Installation, caller: Caller, request: Request, body: bytes
) -> Response:
    """What ``workflows.explaining`` says of a candidate; its examples with the address of an image.

    The answer never holds a candidate's true accuracy, nor labels of the image itself.
    """
    candidate = own_candidate(installation, caller, request)
    method = request.query_params.get("method", EXPLAIN_METHODS[0])
    if method not in EXPLAIN_METHODS:  # before a process is started for nothing
        raise InvalidInputError(
            f"Expected `method` to be one of {', '.join(EXPLAIN_METHODS)}, but got {method!r}."
        )
    try:
        answer = model_process(installation.settings).ask(
            "explain_candidate", candidate_id=candidate.id, method=method
        )
    except ModelsUnavailableError as error:
        raise HttpError(503, "unavailable", str(error)) from error
    with installation.database.read() as session:
        shown = images.some(session, {one["image_id"] for one in answer["examples"]})
    keys = {image.id: content_key(image.display_path) for image in shown}
    for one in answer["examples"]:
        one["display"] = f"media/{one['image_id']}/display?v={keys[one['image_id']]}"
    return JSONResponse(answer)

"""Points of an area survey, and the answers to them."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from db.store import images, surveys
from pages.api.guard import parse_json
from pages.api.item_json import content_key
from pages.api.tokens import Caller
from pages.api.verdict_input import entry_id, parse_answer, split_batch
from rsqa_core.errors import RsqaError
from rsqa_core.records import ImageRecord
from workflows.opening import Installation


def points_to_look_up(
    installation: Installation, caller: Caller, request: Request, body: bytes
) -> Response:
    """The points of a survey in their order, with the answers that hold, and their images.

    Never sent: the class that the map gives a point. Whoever looks it up must not know.
    """
    survey_id = request.path_params["survey_id"]
    with installation.database.read() as session:
        survey = surveys.get(session, caller.project_id, survey_id)
        points = surveys.points(session, survey.id)
        held = surveys.answers(session, survey.id)
        shown = images.some(session, {point.image_id for point in points})
    return JSONResponse(
        {
            "images": {image.id: _image_json(image) for image in shown},
            "points": [
                {
                    "number": point.number,
                    "image_id": point.image_id,
                    "x_px": point.x_px,
                    "y_px": point.y_px,
                }
                for point in points
            ],
            "answers": {number: answer.class_id for number, answer in held.items()},
        }
    )


def record_answers(
    installation: Installation, caller: Caller, request: Request, body: bytes
) -> Response:
    """Record each answer in a transaction of its own and say for each what became of it."""
    survey_id = request.path_params["survey_id"]
    results: list[dict[str, Any]] = []
    for entry in split_batch(parse_json(request, body), "answers"):
        try:
            given = parse_answer(entry, survey_id, caller)
            with installation.database.begin() as session:
                was_new = surveys.answer(session, caller.project_id, given)
            status, message = "saved" if was_new else "duplicate", ""
        except RsqaError as error:
            status, message = "refused", str(error)
        results.append({"id": entry_id(entry), "status": status, "message": message})
    return JSONResponse({"results": results})


def _image_json(image: ImageRecord) -> dict[str, Any]:
    return {
        "name": image.name,
        "scene": image.scene,
        "width_px": image.width_px,
        "height_px": image.height_px,
        "display": f"media/{image.id}/display?v={content_key(image.display_path)}",
    }

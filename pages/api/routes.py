"""The routes themselves: queue, items, history, media and verdicts of one project."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from db.store import candidates, heads, images, leases, projects, queue, reviewers, verdicts
from pages.api import media, surveys, teamwork
from pages.api.guard import OpenInstallation, guarded, parse_json
from pages.api.item_json import history_json, item_json
from pages.api.leaflet import leaflet_route
from pages.api.map_tiles import map_tile_route
from pages.api.queue_input import QUERY_PARAMETERS, parse_limit, parse_queue_query
from pages.api.tokens import Caller
from pages.api.verdict_input import (
    SentVerdict,
    entry_id,
    parse_design,
    parse_seed,
    parse_verdict,
    split_batch,
)
from pages.api.why import why_this_score
from pages.components.canvas.assets_route import asset_route
from rsqa_core.errors import ConflictError, InvalidInputError, NotFoundError, RsqaError
from rsqa_core.records import HeadRecord, QueueQuery, Verdict
from workflows.error_marks import require_marked
from workflows.footprints import corners
from workflows.opening import Installation
from workflows.point_checks import points_of, require_estimated

API_ROOT = "/rsqa/v1"

_PAGE = 20
_LARGEST_PAGE = 100
_HISTORY = 50
_LARGEST_HISTORY = 500


def api_routes(open_installation: OpenInstallation) -> list[BaseRoute]:
    """Return every route of the canvas, to be given to the app's server.

    Args:
        open_installation: returns the process's one installation; called within each request, so
            that the server starts before the database is there.
    """
    table = [
        ("queue", "GET", queue_page),
        ("items/{image_id:int}", "GET", one_item),
        ("history", "GET", own_history),
        ("verdicts", "POST", record_verdicts),
        ("verdicts/{verdict_id}/marks", "GET", own_marks),
        ("media/{image_id:int}/display", "GET", media.display_image),
        ("media/{image_id:int}/bands", "GET", media.band_view_list),
        ("media/{image_id:int}/view/{view}", "GET", media.band_view),
        ("media/{image_id:int}/view/{view}/values", "GET", media.band_values),
        ("media/{image_id:int}/reference", "GET", media.reference_mask),
        ("media/candidates/{candidate_id:int}/mask", "GET", media.candidate_mask),
        ("media/candidates/{candidate_id:int}/errors", "GET", media.candidate_errors),
        ("candidates/{candidate_id:int}/points", "GET", points_to_check),
        ("leases", "POST", teamwork.take_leases),
        ("surveys/{survey_id:int}", "GET", surveys.points_to_look_up),
        ("surveys/{survey_id:int}/answers", "POST", surveys.record_answers),
        ("candidates/{candidate_id:int}/why", "GET", why_this_score),
    ]
    return [
        *(
            Route(f"{API_ROOT}/{path}", guarded(open_installation, endpoint), methods=[method])
            for path, method, endpoint in table
        ),
        map_tile_route(API_ROOT, open_installation),
        asset_route(API_ROOT),
        leaflet_route(API_ROOT),
    ]


def queue_page(
    installation: Installation, caller: Caller, request: Request, body: bytes
) -> Response:
    """A page of the queue with whole items, so that one request feeds several screens."""
    parameters = request.query_params
    unknown = sorted(set(parameters) - {*QUERY_PARAMETERS, "cursor", "limit"})
    if unknown:
        raise InvalidInputError(f"Unknown parameter {unknown[0]!r}.")
    query = parse_queue_query(parameters)
    limit = parse_limit(parameters.get("limit", ""), default=_PAGE, largest=_LARGEST_PAGE)
    with installation.database.read() as session:
        page = queue.page(
            session,
            caller.project_id,
            query,
            cursor=parameters.get("cursor") or None,
            limit=limit,
            without=leases.held_by_others(session, caller.project_id, caller.reviewer),
        )
        shown = page.image_ids
        if query == QueueQuery(order=query.order, seed=query.seed):  # nobody has narrowed it
            shown = teamwork.with_others(session, caller, shown)
        items = teamwork.unmarked(queue.items(session, shown, caller.reviewer), page.image_ids)
        elsewhere = leases.count_of_others(session, caller.project_id, caller.reviewer)
        head = _current_head(session, caller.project_id)
    places = corners(item.image for item in items)
    return JSONResponse(
        {
            "items": [item_json(item, head, places) for item in items],
            "next_cursor": page.next_cursor,
            "total": page.total,
            "done": page.done,
            "elsewhere": elsewhere,
            "head_id": None if head is None else head.id,
        }
    )


def one_item(installation: Installation, caller: Caller, request: Request, body: bytes) -> Response:
    """One image with its candidates and the caller's verdicts."""
    image = media.own_image(installation, caller, media.image_id_of(request))
    with installation.database.read() as session:
        item = queue.item(session, image.id, caller.reviewer)
        head = _current_head(session, caller.project_id)
    return JSONResponse(item_json(item, head, corners([item.image])))


def _current_head(session: Any, project_id: int) -> HeadRecord | None:
    head_id = projects.get_by_id(session, project_id).active_head_id
    return None if head_id is None else heads.get(session, head_id)


def own_history(
    installation: Installation, caller: Caller, request: Request, body: bytes
) -> Response:
    """The caller's latest rows, newest first: the undo stack that survives a reload."""
    limit = parse_limit(
        request.query_params.get("limit", ""), default=_HISTORY, largest=_LARGEST_HISTORY
    )
    with installation.database.read() as session:
        rows = verdicts.history(session, caller.project_id, caller.reviewer, limit, looked_at=True)
    return JSONResponse({"verdicts": history_json(rows)})


def own_marks(
    installation: Installation, caller: Caller, request: Request, body: bytes
) -> Response:
    """What the caller marked as wrong with a verdict, as COCO's run lengths."""
    verdict_id = request.path_params["verdict_id"]
    with installation.database.read() as session:
        found = verdicts.marks(session, caller.project_id, caller.reviewer, verdict_id)
    return JSONResponse({"size": found.size, "counts": found.counts})


def points_to_check(
    installation: Installation, caller: Caller, request: Request, body: bytes
) -> Response:
    """Places of a candidate's mask to call right or wrong, in their order."""
    candidate = media.own_candidate(installation, caller, request)
    seed = request.query_params.get("seed", "")
    points = points_of(
        installation,
        candidate,
        parse_design(request.query_params.get("design")),
        parse_seed(int(seed) if seed.isascii() and seed.isdigit() and len(seed) < 12 else seed),
    )
    return JSONResponse(
        {
            "mask_sha256": candidate.mask_sha256,
            "points": points.xy.tolist(),
            "strata": points.stratum.tolist(),
            "weights": list(points.weights),
        }
    )


def record_verdicts(
    installation: Installation, caller: Caller, request: Request, body: bytes
) -> Response:
    """Record each verdict in a transaction of its own and say for each what became of it."""
    results: list[dict[str, Any]] = []
    for entry in split_batch(parse_json(request, body)):
        try:
            sent = parse_verdict(entry, caller)
            status, message = _record(installation, sent), ""
        except RsqaError as error:
            status, message = "refused", str(error)
        results.append({"id": entry_id(entry), "status": status, "message": message})
    with installation.database.read() as session:
        project = projects.get_by_id(session, caller.project_id)
    return JSONResponse({"results": results, "head_id": project.active_head_id})


def _record(installation: Installation, sent: SentVerdict) -> str:
    verdict = sent.verdict
    with installation.database.begin() as session:
        if images.get(session, verdict.image_id).project_id != verdict.project_id:
            raise NotFoundError(f"This project has no image {verdict.image_id}.")
        reviewers.ensure(session, verdict.reviewer)
        _, was_new = verdicts.record(session, verdict)
        if was_new:
            # After recording, because a repeated verdict stays good when the mask changed later;
            # raising here rolls the new row back.
            _require_same_mask(candidates, session, verdict, sent.mask_sha256)
            if verdict.candidate_id is not None:
                shown = candidates.get(session, verdict.candidate_id)
                require_estimated(installation, shown, verdict)
                require_marked(installation, shown, verdict)
    return "saved" if was_new else "duplicate"


def _require_same_mask(store: Any, session: Any, verdict: Verdict, mask_sha256: str | None) -> None:
    if mask_sha256 is None or verdict.candidate_id is None:
        return
    current = store.get(session, verdict.candidate_id)
    if current.mask_sha256 != mask_sha256:
        raise ConflictError(
            f"The mask of {current.segmenter!r} was replaced after it was shown to you. "
            "Open the item again and judge the new one."
        )

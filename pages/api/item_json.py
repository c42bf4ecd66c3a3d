"""Records as the canvas receives them.

Never sent: a candidate's true overall accuracy. Whoever judges must not see the answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from rsqa_core.records import HeadRecord, ReviewItem, ScoredCandidate, Verdict
from workflows.error_images import error_image_key
from workflows.footprints import Ring
from workflows.recommending import Advice, advise, best_margin, interval_coverage


def item_json(
    item: ReviewItem, head: HeadRecord | None, corners: Mapping[int, Ring]
) -> dict[str, Any]:
    """Return one image with its candidates in the order of predicted quality.

    ``head`` is the one that scored them, the project's current one; it says what share of true
    accuracies its intervals hold (``interval_coverage``). ``best_risk`` is the risk at
    which a candidate is said to be maybe the best; where the head has no margin for that, it and
    every ``may_be_best`` are null. ``corners`` has those of georeferenced images, by image id.

    Media addresses are relative to the API's root and carry the content's hash, so that a browser
    may keep them for good.
    """
    image = item.image
    metrics = {} if head is None else head.metrics
    margin = best_margin(metrics)
    advice = advise(item.candidates, margin)
    return {
        "id": image.id,
        "name": image.name,
        "scene": image.scene,
        "status": image.status,
        "width_px": image.width_px,
        "height_px": image.height_px,
        "source_name": image.source_name,
        "bands": image.bands,
        "tile_key": content_key(image.tile_path),
        "x_px": image.x_px,
        "y_px": image.y_px,
        "generated": image.generated,
        "corners": corners.get(image.id),
        "display": f"media/{image.id}/display?v={content_key(image.display_path)}",
        "recommended_id": advice.recommended_id,
        "none_acceptable": advice.none_acceptable,
        "interval_coverage": interval_coverage(metrics),
        "best_risk": None if margin is None else margin.risk,
        "candidates": [_candidate_json(entry, advice) for entry in item.candidates],
        # What was accepted unseen is no decision of somebody who looked at the item.
        "verdicts": [verdict_json(one) for one in item.verdicts if one.kind != "accept"],
    }


def verdict_json(verdict: Verdict) -> dict[str, Any]:
    """Return one verdict row."""
    return {
        "id": verdict.id,
        "image_id": verdict.image_id,
        "candidate_id": verdict.candidate_id,
        "kind": verdict.kind,
        "score": verdict.score,
        "low": verdict.low,
        "high": verdict.high,
        "note": verdict.note,
        "has_marks": verdict.marks is not None,
        "head_id": verdict.head_id,
        "score_shown": verdict.score_shown,
        "supersedes_id": verdict.supersedes_id,
        "reviewer": verdict.reviewer,
        "created_at": verdict.created_at.isoformat() if verdict.created_at else None,
    }


def history_json(rows: list[Verdict]) -> list[dict[str, Any]]:
    """Return rows, newest first, undo rows left out, each with whether it was taken back.

    What undoes or replaces a row is always newer than it, so the newest rows alone are enough for
    the canvas to tell which of them hold (``db.store.holding`` says when a row does).
    """
    taken_back = {row.supersedes_id for row in rows if row.kind == "undo"}
    return [
        {**verdict_json(row), "taken_back": row.id in taken_back}
        for row in rows
        if row.kind != "undo"
    ]


def content_key(path: str) -> str:
    """Return the part of a stored file's name that changes with its content."""
    return PurePosixPath(path).stem


def _candidate_json(entry: ScoredCandidate, advice: Advice) -> dict[str, Any]:
    candidate, score = entry.candidate, entry.score
    return {
        "id": candidate.id,
        "version": candidate.version,
        "segmenter": candidate.segmenter,
        "mask": f"media/candidates/{candidate.id}/mask?v={candidate.mask_sha256}",
        "mask_sha256": candidate.mask_sha256,
        "errors": None
        if score is None
        else f"media/candidates/{candidate.id}/errors?v={error_image_key(score)}",
        "area_shares": list(candidate.area_shares),
        "score": None
        if score is None
        else {
            "value": score.score,
            "low": score.low,
            "high": score.high,
            "head_id": score.head_id,
            "alarms": list(score.alarms),
            "mean_iou": score.mean_iou,
            "boundary_f1": score.boundary_f1,
            "class_iou": list(score.class_iou),
            "may_be_best": None if advice.may_be_best is None else advice.may_be_best[candidate.id],
        },
    }

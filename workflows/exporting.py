"""Writes what is known of a project to one file: a table, a full record, or a map layer."""

from __future__ import annotations

import csv
import dataclasses
import datetime as dt
import io
import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rsqa_core
from db.store import candidates, heads, images, projects, scores, verdicts
from db.upgrading import HEAD_REVISION
from rsqa_core.errors import InvalidInputError
from rsqa_core.files import write_atomically
from rsqa_core.records import (
    Candidate,
    HeadRecord,
    ImageRecord,
    Project,
    Promotion,
    Score,
    ScoredCandidate,
    Verdict,
    is_synthetic,
)
from workflows.footprints import footprints
from workflows.opening import Installation
from workflows.recommending import Advice, advise, best_margin, none_acceptable

JSON_FORMAT = 1
"""Number of the JSON's form; it grows when a reader has to change."""

CSV_COLUMNS = (
    "project",
    "image_id",
    "image",
    "scene",
    "source",
    "x_px",
    "y_px",
    "width_px",
    "height_px",
    "candidate_id",
    "segmenter",
    "informative",
    "score",
    "score_low",
    "score_high",
    "mean_iou",
    "boundary_f1",
    "class_iou",
    "alarms",
    "may_be_best",
    "head_id",
    "overall_accuracy",
    "label",
    "label_error",
    "verdict",
    "reviewers",
    "note",
    "marks",
)


@dataclass(frozen=True, slots=True)
class _Content:
    """Everything of one project, read in one transaction, so that its parts fit together."""

    project: Project
    images: list[ImageRecord]
    candidates: list[Candidate]
    current: dict[int, Score]
    labels: dict[int, float]
    doubts: dict[int, float]
    holding: list[Verdict]
    every_verdict: list[Verdict]
    heads: list[HeadRecord]
    scores: list[Score]
    promotions: list[Promotion]

    def advice(self) -> dict[int, Advice]:
        """Return by image id what the current head's scores advise."""
        of_image: dict[int, list[ScoredCandidate]] = defaultdict(list)
        for candidate in self.candidates:
            scored = ScoredCandidate(candidate, self.current.get(candidate.id))
            of_image[candidate.image_id].append(scored)
        active = self.project.active_head_id
        margin = next((best_margin(h.metrics) for h in self.heads if h.id == active), None)
        return {image_id: advise(found, margin) for image_id, found in of_image.items()}


def export_project(installation: Installation, slug: str, target: Path) -> int:
    """Write a project to ``target``; its suffix says how.

    ``.csv`` has one row per candidate with its predicted quality by the current head (the IoU of
    the classes as a JSON object by name), its measured overall accuracy, the reviewers' mean label
    with its standard error where that is known, and the newest verdict that holds; ``marks`` are
    the pixels that it marks as wrong, as a JSON object in the form of COCO's run lengths, ``size``
    (height, width) in px and ``counts`` (see `rsqa_core.raster.run_lengths`). ``.json`` has
    everything that is on record, superseded verdicts and earlier heads too, also the answers of
    point checks and the marks in the same form. ``.geojson`` has the outline of every
    georeferenced image in WGS 84. The file appears whole or not at all.

    Returns:
        How many rows, candidates or outlines were written.

    Raises:
        NotFoundError: there is no such project.
        InvalidInputError: the suffix is unknown, ``target`` is a folder, or an outline was asked
            for and no image is georeferenced.
    """
    writer = WRITERS.get(target.suffix.lower())
    if writer is None:
        raise InvalidInputError(
            f"Expected an export file that ends in {', '.join(WRITERS)}, but got {target.name!r}."
        )
    if target.is_dir():
        raise InvalidInputError(f"Expected a file to export to, but {target} is a folder.")
    text, count = writer(_read(installation, slug))
    write_atomically(target, text.encode())
    return count


def _read(installation: Installation, slug: str) -> _Content:
    with installation.database.read() as session:
        project = projects.get(session, slug)
        known = heads.of_project(session, project.id)
        by_head = {head.id: scores.of_head(session, project.id, head.id) for head in known}
        return _Content(
            project=project,
            images=images.all_of(session, project.id),
            candidates=candidates.all_of(session, project.id),
            current=by_head.get(project.active_head_id or "", {}),
            labels=verdicts.labels(session, project.id),
            doubts=verdicts.label_doubts(session, project.id),
            holding=verdicts.effective(session, project.id),
            every_verdict=verdicts.history(session, project.id, limit=None)[::-1],
            heads=known,
            scores=[score for of_head in by_head.values() for score in of_head.values()],
            promotions=heads.history(session, project.id)[::-1],
        )


def safe_cell(text: str) -> str:
    """Return ``text`` so that no spreadsheet takes it for a formula.

    Example:
        >>> safe_cell("=1+1"), safe_cell("roof")
        ("'=1+1", 'roof')
    """
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else text


def _csv(content: _Content) -> tuple[str, int]:
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, CSV_COLUMNS, restval="")
    writer.writeheader()
    image_of = {image.id: image for image in content.images}
    said = _said(content.holding)
    advice = content.advice()
    for candidate in content.candidates:
        image = image_of[candidate.image_id]
        row = _csv_row(content, image, candidate, said) | _predicted(
            content, candidate, advice[image.id]
        )
        writer.writerow(
            {
                name: safe_cell(value) if isinstance(value, str) else value
                for name, value in row.items()
                if value is not None
            }
        )
    return stream.getvalue(), len(content.candidates)


_Said = dict[tuple[int, int | None], list[Verdict]]


def _said(holding: Iterable[Verdict]) -> _Said:
    """Group verdicts by image and candidate; None stands for the image as a whole."""
    found: _Said = defaultdict(list)
    for verdict in holding:
        found[verdict.image_id, verdict.candidate_id].append(verdict)
    return found


def _csv_row(
    content: _Content, image: ImageRecord, candidate: Candidate, said: _Said
) -> dict[str, str | int | float | None]:
    of_image = said.get((image.id, None), [])
    of_candidate = said.get((image.id, candidate.id), [])
    decisions = [v for v in of_candidate if v.kind != "note"] or [
        v for v in of_image if v.kind != "note"
    ]
    marks = decisions[-1].marks if decisions else None
    concerned = [v for v in (*of_image, *of_candidate) if v in decisions or v.kind == "note"]
    return {
        "project": content.project.slug,
        "image_id": image.id,
        "image": image.name,
        "scene": image.scene,
        "source": image.source_name,
        "x_px": image.x_px,
        "y_px": image.y_px,
        "width_px": image.width_px,
        "height_px": image.height_px,
        "candidate_id": candidate.id,
        "segmenter": candidate.segmenter,
        "informative": image.informative,
        "overall_accuracy": candidate.overall_accuracy,
        "label": content.labels.get(candidate.id),
        "label_error": content.doubts.get(candidate.id),
        "verdict": decisions[-1].kind if decisions else None,
        "reviewers": "; ".join(sorted({v.reviewer for v in concerned})),
        "note": " | ".join(v.note for v in concerned if v.note),
        "marks": None if marks is None else json.dumps(dataclasses.asdict(marks)),
    }


def _predicted(
    content: _Content, candidate: Candidate, advice: Advice
) -> dict[str, str | int | float | None]:
    score = content.current.get(candidate.id)
    if score is None:
        return {}
    may_be_best = (advice.may_be_best or {}).get(candidate.id)
    names = [entry.name for entry in content.project.classes]
    class_iou = dict(zip(names, score.class_iou, strict=True)) if score.class_iou else None
    return {
        "score": score.score,
        "score_low": score.low,
        "score_high": score.high,
        "mean_iou": score.mean_iou,
        "boundary_f1": score.boundary_f1,
        "class_iou": None if class_iou is None else json.dumps(class_iou, ensure_ascii=False),
        "alarms": "; ".join(score.alarms),
        "may_be_best": None if may_be_best is None else str(may_be_best).lower(),
        "head_id": score.head_id,
    }


def _json(content: _Content) -> tuple[str, int]:
    held = {verdict.id for verdict in content.holding}
    document = {
        "format": JSON_FORMAT,
        "exported_at": dt.datetime.now(dt.UTC),
        "versions": {
            "rsqa": rsqa_core.__version__,
            "database": HEAD_REVISION,
            "project": content.project.version,
            "current_head": content.project.active_head_id,
        },
        "project": content.project,
        "images": content.images,
        "candidates": content.candidates,
        "scores": content.scores,
        "labels": [{"candidate_id": i, "score": score} for i, score in content.labels.items()],
        "verdicts": [
            {**dataclasses.asdict(verdict), "holds": verdict.id in held}
            for verdict in content.every_verdict
        ],
        "heads": content.heads,
        "head_history": content.promotions,
    }
    text = json.dumps(document, default=_plain, allow_nan=False, ensure_ascii=False, indent=1)
    return text + "\n", len(content.candidates)


def _plain(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return value.isoformat()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    raise TypeError(f"no JSON form for {type(value).__name__}")


def _geojson(content: _Content) -> tuple[str, int]:
    outlines = footprints(content.images)
    if not outlines:
        raise InvalidInputError(
            f"No image of the project {content.project.slug!r} is georeferenced, so it has no "
            "outlines to export. Export to .csv or .json instead, or import GeoTIFFs with a "
            "coordinate reference system."
        )
    best: dict[int, tuple[Score, str]] = {}
    labelled: dict[int, list[float]] = defaultdict(list)
    for candidate in content.candidates:
        score = content.current.get(candidate.id)
        if score is not None and not is_synthetic(candidate.segmenter):
            entry = (score, candidate.segmenter)
            best[candidate.image_id] = max(
                best.get(candidate.image_id, entry), entry, key=lambda e: (e[0].score, e[1])
            )
        if (label := content.labels.get(candidate.id)) is not None:
            labelled[candidate.image_id].append(label)
    features = [
        {
            "type": "Feature",
            "id": image.id,
            "geometry": {"type": "Polygon", "coordinates": [outlines[image.id]]},
            "properties": {
                "project": content.project.slug,
                "image": image.name,
                "scene": image.scene,
                "source": image.source_name,
                "status": image.status,
                "best_score": image.best_score,
                "worst_score": image.worst_score,
                "uncertainty": image.uncertainty,
                "disagreement": image.disagreement,
                "informative": image.informative,
                **_best_properties(best.get(image.id)),
                "head_id": content.project.active_head_id,
                "labels": len(labelled.get(image.id, [])),
                "best_label": max(labelled[image.id]) if image.id in labelled else None,
                "generated": image.generated,
            },
        }
        for image in content.images
        if image.id in outlines
    ]
    document = {"type": "FeatureCollection", "features": features}
    return json.dumps(document, allow_nan=False, ensure_ascii=False) + "\n", len(features)


def _best_properties(best: tuple[Score, str] | None) -> dict[str, Any]:
    score, segmenter = best or (None, None)
    return {
        "best_segmenter": segmenter,
        "best_mean_iou": None if score is None else score.mean_iou,
        "best_boundary_f1": None if score is None else score.boundary_f1,
        "best_alarms": "; ".join(score.alarms) if score is not None else None,
        "probably_none_acceptable": None if score is None else none_acceptable(score),
    }


WRITERS: dict[str, Callable[[_Content], tuple[str, int]]] = {
    ".csv": _csv,
    ".json": _json,
    ".geojson": _geojson,
}
"""How each suffix is written."""

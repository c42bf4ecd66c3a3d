"""A survey's figures and points as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import numpy as np

from db.store import images as image_store
from db.store import surveys as survey_store
from rsqa_core.evaluation.areas import Measured
from rsqa_core.records import Project
from rsqa_core.surveys import Survey
from workflows.exporting import safe_cell
from workflows.footprints import corners
from workflows.opening import Installation
from workflows.surveys import SurveyResult

POINT_COLUMNS = (
    *("number", "image", "x_px", "y_px", "longitude", "latitude"),
    *("map_class", "class", "reviewer", "answered_at"),
)


def survey_csv(project: Project, result: SurveyResult) -> bytes:
    """Return a survey's error matrix, accuracies and areas as CSV in UTF-8, a block each."""
    estimate, survey = result.estimate, result.survey
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    names = [safe_cell(entry.name) for entry in project.classes]
    rows.writerow(["survey", safe_cell(survey.name), "points", survey.points])
    rows.writerow(["answered", result.answered, "unsure", result.unsure])
    rows.writerow(["seed", survey.seed, "unit of areas", survey.unit])
    if estimate is None:
        rows.writerow(["too few answers of", *map(safe_cell, result.missing)])
        return text.getvalue().encode()
    rows.writerow([])
    rows.writerow(["points: map class by row, looked up by column", *names])
    for name, line in zip(names, estimate.counts.tolist(), strict=True):
        rows.writerow([name, *line])
    rows.writerow([])
    rows.writerow(["share of area", *names])
    for name, shares in zip(names, estimate.shares.tolist(), strict=True):
        rows.writerow([name, *(f"{share:.8f}" for share in shares)])
    rows.writerow([])
    rows.writerow(
        [
            "class",
            *("user's accuracy", "standard error", "producer's accuracy", "standard error"),
            *("mapped area", "estimated area", "standard error"),
        ]
    )
    for name, users, producers, mapped, area in zip(
        names, estimate.users, estimate.producers, estimate.mapped, estimate.areas, strict=True
    ):
        rows.writerow(
            [name, *_both(users), *_both(producers), f"{mapped:.2f}", *_both(area, digits=2)]
        )
    rows.writerow(["overall accuracy", *_both(estimate.overall)])
    return text.getvalue().encode()


def points_csv(installation: Installation, project: Project, survey: Survey) -> bytes:
    """Return every point with its answers' class as CSV in UTF-8; places in pixels and degrees."""
    with installation.database.read() as session:
        points = survey_store.points(session, survey.id)
        held = survey_store.answers(session, survey.id)
        images = {i.id: i for i in image_store.all_of(session, project.id)}
    placed = corners([images[i] for i in {point.image_id for point in points}])
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(POINT_COLUMNS)
    for point in points:
        image, answer = images[point.image_id], held.get(point.number)
        ring = placed.get(image.id)
        place = ("", "")
        if ring is not None:
            u = (point.x_px + 0.5) / image.width_px
            v = (point.y_px + 0.5) / image.height_px
            place = tuple(f"{value:.7f}" for value in _between(ring, u, v))  # type: ignore[assignment]
        said = None if answer is None else answer.class_id
        rows.writerow(
            [
                *(point.number, safe_cell(image.name), point.x_px, point.y_px, *place),
                safe_cell(project.classes[point.map_class].name),
                "" if answer is None else "unsure" if said is None else project.classes[said].name,
                "" if answer is None else safe_cell(answer.reviewer),
                answer.answered_at.isoformat() if answer and answer.answered_at else "",
            ]
        )
    return text.getvalue().encode()


def _between(ring: Sequence[tuple[float, float]], u: float, v: float) -> tuple[float, float]:
    """Return the place at shares ``u`` of the width and ``v`` of the height, between corners."""
    corner = np.array(ring[:4])
    top, bottom = corner[0] + u * (corner[1] - corner[0]), corner[3] + u * (corner[2] - corner[3])
    longitude, latitude = top + v * (bottom - top)
    return float(longitude), float(latitude)


def _both(measured: Measured, digits: int = 6) -> list[str]:
    values = (measured.value, measured.error)
    return [f"{value:.{digits}f}" if np.isfinite(value) else "" for value in values]

"""Area surveys: which map a project has, points of it to look up, and what the answers say.

The map of a project takes of each image the candidate that reviewers scored best, or else the one
that is predicted best. Flagged images and images without a candidate are no part of it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from db.store import candidates as candidate_store
from db.store import images as image_store
from db.store import projects
from db.store import scores as score_store
from db.store import surveys as survey_store
from db.store import verdicts as verdict_store
from rsqa_core.errors import InvalidInputError
from rsqa_core.evaluation.areas import (
    AreaEstimate,
    Measured,
    allocated,
    estimate_areas,
    points_needed,
)
from rsqa_core.progress import Progress, no_progress
from rsqa_core.raster import read_mask
from rsqa_core.records import Candidate, ImageRecord, Project, Score, is_synthetic
from rsqa_core.surveys import (
    FEWEST_PER_CLASS,
    NewPoint,
    Survey,
    SurveyAnswer,
    SurveyPoint,
)
from workflows.footprints import corners
from workflows.opening import Installation

USUAL_HALF = 0.03
"""Half-width of the interval of the overall accuracy that a new survey aims at."""

_NO_SCORE = 0.75
"""Expected user's accuracy where nothing is predicted; the head's guess of a lone mask, too."""


@dataclass(frozen=True)
class ProjectMap:
    """What a survey draws from.

    Attributes:
        chosen: the candidate of each image that the map takes.
        own_px: (rows, columns) of each image that belong to it and not to a tile before it; tiles
            of one source may overlap.
        areas: (N, K) area of each class in each image, in ``unit``.
        unit: "m2" or "px".
        expected: (K,) predicted share of each class's area that is right.
        left_out: images that are no part of the map.
    """

    project: Project
    images: list[ImageRecord]
    chosen: list[Candidate]
    own_px: list[tuple[int, int]]
    areas: NDArray[np.float64]
    unit: str
    expected: tuple[float, ...]
    left_out: int

    @property
    def mapped(self) -> tuple[float, ...]:
        """Area of each class."""
        return tuple(float(area) for area in self.areas.sum(axis=0))

    def needed(self, half: float = USUAL_HALF) -> int:
        """Return how many points the overall accuracy needs for an interval of ``half``."""
        return points_needed(self.mapped, self.expected, half)


def project_map(
    installation: Installation, slug: str, *, progress: Progress = no_progress
) -> ProjectMap:
    """Return the map of a project.

    Raises:
        NotFoundError: no such project.
        InvalidInputError: no image has a candidate.
    """
    with installation.database.read() as session:
        project = projects.get(session, slug)
        images = image_store.all_of(session, project.id)
        every = candidate_store.all_of(session, project.id)
        labels = verdict_store.labels(session, project.id)
        scores: dict[int, Score] = {}
        if project.active_head_id is not None:
            scores = score_store.of_head(session, project.id, project.active_head_id)
    of_image: dict[int, list[Candidate]] = defaultdict(list)
    for candidate in every:
        if not is_synthetic(candidate.segmenter):
            of_image[candidate.image_id].append(candidate)
    kept = [i for i in images if i.status != "flagged" and of_image[i.id]]
    if not kept:
        raise InvalidInputError(
            f"The project {slug!r} has no image with a candidate, so there is no map to survey. "
            f"Make candidates: rsqa segment --project {slug}."
        )

    def worth(candidate: Candidate) -> tuple[bool, float, int]:
        score = scores.get(candidate.id)
        predicted = -1.0 if score is None else score.score
        label = labels.get(candidate.id)
        return label is not None, predicted if label is None else label, -candidate.id

    chosen = [max(of_image[image.id], key=worth) for image in kept]
    own = _own_px(kept)
    shares = np.zeros((len(kept), len(project.classes)))
    for row, (image, candidate, size) in enumerate(zip(kept, chosen, own, strict=True)):
        progress("measuring the map", row, len(kept))
        if size == (image.height_px, image.width_px):
            shares[row] = candidate.area_shares
        else:
            mask = read_mask(installation.files.path(candidate.mask_path))[: size[0], : size[1]]
            counts = np.bincount(mask.ravel(), minlength=256)[: len(project.classes)]
            shares[row] = counts / max(image.height_px * image.width_px, 1)
    progress("measuring the map", len(kept), len(kept))
    sizes, unit = _ground_sizes(kept)
    areas = shares * sizes[:, None]
    known = [scores.get(candidate.id) for candidate in chosen]
    predicted = np.array([_NO_SCORE if score is None else score.score for score in known])
    totals = np.maximum(areas.sum(axis=0), 1e-300)
    expected = (areas * predicted[:, None]).sum(axis=0) / totals
    return ProjectMap(
        project,
        kept,
        chosen,
        own,
        areas,
        unit,
        tuple(float(value) for value in expected),
        len(images) - len(kept),
    )


def draw_survey(
    installation: Installation,
    slug: str,
    *,
    name: str,
    points: int,
    fewest: int = FEWEST_PER_CLASS,
    seed: int,
    drawn_by: str,
    progress: Progress = no_progress,
) -> Survey:
    """Draw points by class of the map, each with a chance in proportion to the area of its pixel.

    They are looked at in a random order, so that whoever stops early has a sample of all.

    Args:
        points: how many in all; more are drawn where ``fewest`` of every class needs them.
        fewest: of each class that the map has.

    Raises:
        NotFoundError: no such project.
        InvalidInputError: there is no map, or the numbers make no sense.
        ConflictError: the project has a survey of that name.
    """
    if points < 1 or fewest < 2:
        raise InvalidInputError(
            "Expected at least 1 point and at least 2 of each class, without which no interval "
            f"can be told, but got {points} and {fewest}."
        )
    found = project_map(installation, slug, progress=progress)
    wanted = allocated(points, found.mapped, fewest)
    random = np.random.default_rng(seed)
    of_image: dict[int, list[int]] = defaultdict(list)
    for k, count in enumerate(wanted):
        if count:
            chance = found.areas[:, k] / found.areas[:, k].sum()
            for row in random.choice(len(found.images), count, p=chance).tolist():
                of_image[row].append(k)
    drawn: list[NewPoint] = []
    for done, row in enumerate(sorted(of_image)):
        progress("drawing points", done, len(of_image))
        drawn += _points_of_image(installation, found, row, of_image[row], random)
    order = random.permutation(len(drawn))
    with installation.database.begin() as session:
        return survey_store.add(
            session,
            found.project.id,
            [drawn[place] for place in order],
            name=name,
            seed=seed,
            unit=found.unit,
            mapped=found.mapped,
            images=len(found.images),
            left_out=found.left_out,
            drawn_by=drawn_by,
        )


@dataclass(frozen=True)
class SurveyResult:
    """A survey and what its answers say.

    Attributes:
        answered: points with an answer; ``unsure`` of them are without a class.
        missing: names of map classes with too few answers for an estimate.
        estimate: None while there are such classes.
    """

    survey: Survey
    answered: int
    unsure: int
    missing: tuple[str, ...]
    estimate: AreaEstimate | None


def survey_result(installation: Installation, project: Project, survey: Survey) -> SurveyResult:
    """Return what the answers of a survey say of the whole map."""
    with installation.database.read() as session:
        points = survey_store.points(session, survey.id)
        held = survey_store.answers(session, survey.id)
    counts = answer_counts(points, held, len(survey.mapped))
    asked = counts.sum(axis=1)
    return SurveyResult(
        survey,
        len(held),
        sum(one.class_id is None for one in held.values()),
        tuple(
            entry.name
            for entry, area, count in zip(project.classes, survey.mapped, asked, strict=True)
            if area > 0 and count < 2
        ),
        estimate_areas(counts, survey.mapped),
    )


def survey_results(installation: Installation, project: Project) -> list[SurveyResult]:
    """Return every survey of a project, newest first, with what its answers say."""
    with installation.database.read() as session:
        found = survey_store.all_of(session, project.id)
    return [survey_result(installation, project, survey) for survey in found]


def answer_counts(
    points: Sequence[SurveyPoint], held: Mapping[int, SurveyAnswer], classes: int
) -> NDArray[np.int64]:
    """Return (K, K) points by class of the map and class that was looked up; unsure ones left out.

    Args:
        held: the answer of each point by its number.
    """
    matrix = np.zeros((classes, classes), dtype=np.int64)
    for point in points:
        answer = held.get(point.number)
        if answer is not None and answer.class_id is not None:
            matrix[point.map_class, answer.class_id] += 1
    return matrix


def percent_text(measured: Measured) -> str:
    """Return a share with its interval for a screen.

    Example:
        >>> percent_text(Measured(0.9465, 0.01))
        '94.7 ± 2.0 %'
    """
    if not np.isfinite(measured.value):
        return "—"
    return f"{100 * measured.value:.1f} ± {100 * measured.half:.1f} %"


def area_text(measured: Measured, unit: str) -> str:
    """Return an area with its interval, where it has one, in a unit that suits its size.

    Args:
        unit: "m2" or "px", of ``measured``.

    Example:
        >>> area_text(Measured(21_157.8, 0.0), "m2"), area_text(Measured(2e6, 1e5), "m2")
        ('2.116 ha', '2.000 ± 0.196 km²')
    """
    units = _UNITS[unit]
    size, name = next((one for one in units if measured.value >= one[0]), units[-1])
    half = f" ± {measured.half / size:,.3f}" if measured.half > 0 else ""
    return f"{measured.value / size:,.3f}{half} {name}"


_UNITS = {
    "m2": ((1e6, "km²"), (1e4, "ha"), (1.0, "m²")),
    "px": ((1e6, "Mpx"), (1e3, "kpx"), (1.0, "px")),
}


def _own_px(images: Sequence[ImageRecord]) -> list[tuple[int, int]]:
    """Return how much of each tile, from its first row and column, no later tile of its source has.

    Tiles of a source lie on a grid of equal tiles, the last of a row or column maybe nearer.
    """
    columns: dict[str, list[int]] = defaultdict(list)
    rows: dict[str, list[int]] = defaultdict(list)
    for image in images:
        columns[image.source_sha256].append(image.x_px)
        rows[image.source_sha256].append(image.y_px)
    next_x = {source: _next_of(found) for source, found in columns.items()}
    next_y = {source: _next_of(found) for source, found in rows.items()}
    taken = Counter((image.source_sha256, image.x_px, image.y_px) for image in images)
    own = []
    for image in images:
        width = min(image.width_px, next_x[image.source_sha256][image.x_px] - image.x_px)
        height = min(image.height_px, next_y[image.source_sha256][image.y_px] - image.y_px)
        alone = taken[image.source_sha256, image.x_px, image.y_px] == 1
        own.append((height, width) if alone else (image.height_px, image.width_px))
    return own


def _next_of(values: Sequence[int]) -> dict[int, int]:
    """Return the next larger value of each, far away after the last."""
    ordered = sorted(set(values))
    return dict(zip(ordered, [*ordered[1:], 2**31], strict=True))


def _ground_sizes(images: Sequence[ImageRecord]) -> tuple[NDArray[np.float64], str]:
    """Return the area of each image and its unit: pixels where some image has no place."""
    from rsqa_core.raster.globe import ground_area_m2

    placed = corners(images)
    if len(placed) < len(images):
        return np.array([i.width_px * i.height_px for i in images], dtype=np.float64), "px"
    rings = [placed[image.id] for image in images]
    return np.array([abs(ground_area_m2([*ring, ring[0]])) for ring in rings]), "m2"


def _points_of_image(
    installation: Installation,
    found: ProjectMap,
    row: int,
    classes: Sequence[int],
    random: np.random.Generator,
) -> list[NewPoint]:
    image, candidate = found.images[row], found.chosen[row]
    height, width = found.own_px[row]
    mask = read_mask(installation.files.path(candidate.mask_path))[:height, :width]
    points = []
    for k, count in Counter(classes).items():
        places = np.flatnonzero(mask == k)
        if not places.size:
            raise InvalidInputError(
                f"Expected class {found.project.classes[k].name!r} in the mask of {image.name!r}, "
                "as its recorded area says, but it is not there. Import the mask again."
            )
        taken = random.choice(places, min(count, places.size), replace=False)
        for place in taken.tolist():
            y, x = divmod(place, width)
            points.append(NewPoint(image.id, candidate.id, x, y, k))
    return points

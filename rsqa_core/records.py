"""The nouns of RSQA as frozen records; every layer above passes these.

Words: an *image* is one review tile. A *candidate* is one segmenter's mask of one image. A *head*
turns features into a predicted quality and is what a model version names. A *verdict* is one row
of what a reviewer said. Masks on disk are 8-bit index PNGs of class ids, ``VOID`` where there is
no label.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from rsqa_core.errors import InvalidInputError

VOID = 255
"""Class id of pixels without a label: unannotated, ignored or outside the source image."""

NINETY_PERCENT_Z = 1.6448536269514722
"""Standard deviations on each side of the mean that hold 90 % of a normal distribution."""

Origin = Literal["generated", "sample", "imported"]
ImageStatus = Literal["open", "reviewed", "skipped", "flagged", "none_acceptable", "accepted"]
VerdictKind = Literal[
    "confirm", "correct", "skip", "flag", "none_acceptable", "note", "undo", "accept"
]
PointDesign = Literal["random", "by_class"]
JobState = Literal["queued", "running", "done", "failed", "cancelled"]
QueueOrder = Literal[
    "uncertain", "informative", "worst", "best", "disagreement", "diverse", "similar",
    "random", "name",
]  # fmt: skip
ExplainMethod = Literal["grad-cam", "occlusion", "lime"]

IMAGE_STATUSES: tuple[ImageStatus, ...] = get_args(ImageStatus)
VERDICT_KINDS: tuple[VerdictKind, ...] = get_args(VerdictKind)
POINT_DESIGNS: tuple[PointDesign, ...] = ("random", "by_class")
MAX_POINTS = 200  # of one check
MAX_MARK_CHARACTERS = 32_000  # fits a cell of a spreadsheet, and a request that outlives its page
QUEUE_ORDERS: tuple[QueueOrder, ...] = get_args(QueueOrder)
EXPLAIN_METHODS: tuple[ExplainMethod, ...] = get_args(ExplainMethod)
"""Ways to draw which places of an image carry a score; the first is the usual one."""
ALARMS: tuple[str, ...] = ("unlike_training", "unknown_class", "unknown_segmenter")
"""Why a prediction is out of its depth: imagery unlike the training's, a class or a segmenter that
the training did not have."""

INTERVAL_COVERAGE = 0.9
"""The share of true accuracies that the interval of a score is to hold."""

ACCEPTABLE_ACCURACY = 0.6
"""A mask of a lower overall accuracy is of no use."""


def normalised_class_name(name: str) -> str:
    """Return the form in which class names are compared.

    Example:
        >>> normalised_class_name("Low Vegetation"), normalised_class_name("low_vegetation")
        ('low_vegetation', 'low_vegetation')
    """
    return re.sub(r"[^0-9a-z]+", "_", name.strip().casefold()).strip("_")


SYNTHETIC_PREFIX = "synthetic-"
"""How the names of segmenters begin that stand for degraded masks; no import may use it."""


def is_synthetic(segmenter_name: str) -> bool:
    """Say whether a candidate of this segmenter is a degraded mask that RSQA made on purpose.

    Such candidates teach a head; no reported figure counts them and nothing recommends them.

    Example:
        >>> is_synthetic("synthetic-3"), is_synthetic("Synthetic-x"), is_synthetic("synthetics")
        (True, True, False)
    """
    return segmenter_name.strip().casefold().startswith(SYNTHETIC_PREFIX)


@dataclass(frozen=True, slots=True)
class ClassDef:
    """One land-cover class of a project: ``id`` 0..254 in its masks, colour for display."""

    id: int
    name: str
    color: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Project:
    """A set of images that share classes, reviewers' labels and a current head.

    ``class_map`` maps normalised source class names (of masks and of segmenters) to the names of
    ``classes``; the key ``*`` stands for every other name. ``ignored`` are the normalised source
    names that become ``VOID``.
    """

    id: int
    slug: str
    name: str
    description: str
    origin: Origin
    classes: tuple[ClassDef, ...]
    class_map: dict[str, str]
    ignored: tuple[str, ...]
    active_head_id: str | None
    created_at: dt.datetime
    version: int


@dataclass(frozen=True, slots=True)
class ProjectSummary:
    """A project with the counts that its card on the home screen shows."""

    project: Project
    images: int
    open_images: int
    candidates: int
    scored_candidates: int
    labels: int
    reviewers: int
    images_with_reference: int


@dataclass(frozen=True, slots=True)
class NewImage:
    """One review tile ready to be recorded; paths are names in the FileStore.

    ``sha256`` is over dtype, shape, pixels and ``stretch`` of the tile, ``source_sha256`` over the
    bytes of the file it was cut from. ``stretch`` holds one (low, high) per display band, in source
    units, that maps to 0..255; empty for 8-bit imagery shown as it is. ``transform`` is the affine
    of the tile as (a, b, c, d, e, f). ``scene`` groups tiles that must stay together in any split.
    """

    name: str
    scene: str
    sha256: str
    source_name: str
    source_sha256: str
    source_width_px: int
    source_height_px: int
    x_px: int
    y_px: int
    width_px: int
    height_px: int
    bands: int
    dtype: str
    tile_path: str
    display_path: str
    stretch: tuple[tuple[float, float], ...] = ()
    crs: str | None = None
    transform: tuple[float, float, float, float, float, float] | None = None
    reference_mask_path: str | None = None
    generated: bool = False


@dataclass(frozen=True, slots=True)
class ImageRecord(NewImage):
    """A recorded image: its NewImage fields, its place in the queue and its version.

    ``informative`` in 0..1 is how much a label of this image would teach, by the project's current
    head; 1 comes first. ``diverse`` in 0..1 is its place in an order in which every beginning shows
    as much variety as can be; 1 comes first.
    """

    id: int = 0
    project_id: int = 0
    status: ImageStatus = "open"
    best_score: float | None = None
    worst_score: float | None = None
    uncertainty: float | None = None
    disagreement: float | None = None
    informative: float | None = None
    diverse: float | None = None
    version: int = 1


@dataclass(frozen=True, slots=True)
class NewCandidate:
    """One segmenter's mask of one image, ready to be recorded.

    ``segmenter_fingerprint`` is None for an imported mask. ``overall_accuracy`` (share of right
    pixels among the valid ones, 0..1) is None without a reference mask. ``area_shares`` has one
    value in 0..1 per project class, in class order.
    """

    image_id: int
    segmenter: str
    mask_path: str
    mask_sha256: str
    area_shares: tuple[float, ...]
    segmenter_fingerprint: str | None = None
    probs_path: str | None = None
    overall_accuracy: float | None = None
    valid_px: int | None = None


@dataclass(frozen=True, slots=True)
class Candidate(NewCandidate):
    """A recorded candidate."""

    id: int = 0
    version: int = 1


@dataclass(frozen=True, slots=True)
class Score:
    """Predicted quality of one candidate by one head, all in 0..1; higher is better.

    ``low`` and ``high`` bound the interval, which is of INTERVAL_COVERAGE where the head does not
    say otherwise. ``alarms`` says why the prediction is out of its depth (codes of ALARMS; empty:
    it is not). ``mean_iou``, ``boundary_f1`` and ``class_iou`` are further predictions; the last
    has one value per project class, in class order, None where the class is absent, and is empty
    where the head predicts none.
    """

    candidate_id: int
    head_id: str
    score: float
    low: float
    high: float
    alarms: tuple[str, ...] = ()
    mean_iou: float | None = None
    boundary_f1: float | None = None
    class_iou: tuple[float | None, ...] = ()


@dataclass(frozen=True, slots=True)
class HeadRecord:
    """One version of the quality head; ``metrics`` are its held-out figures.

    They may hold ``best_margin`` and ``best_risk``: the candidates whose score lies within the
    margin of the best predicted score of their image hold the truly best one, but for that risk.
    ``interval_coverage`` is there where the head's intervals are not of INTERVAL_COVERAGE.
    """

    id: str
    project_id: int | None
    parent_id: str | None
    path: str
    sha256: str
    encoder_fingerprint: str
    label_count: int
    metrics: dict[str, Any]
    created_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Promotion:
    """One row of a project's head history: ``head_id`` became current at ``created_at``."""

    id: int
    project_id: int
    head_id: str
    previous_head_id: str | None
    reviewer: str
    created_at: dt.datetime


@dataclass(frozen=True, slots=True)
class PointCheck:
    """Points of a mask that a reviewer called right or wrong; None where nobody can tell.

    With the mask, ``design`` and ``seed`` say which points they were.
    """

    design: PointDesign
    seed: int
    answers: tuple[bool | None, ...]


@dataclass(frozen=True, slots=True)
class ErrorMarks:
    """Pixels of a mask that a reviewer marked as wrong, in the form of COCO's run lengths.

    ``size`` is (height, width) in px; ``counts`` is the text that `rsqa_core.raster.run_lengths`
    writes and reads.
    """

    size: tuple[int, int]
    counts: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """One append-only row of what a reviewer decided.

    ``id`` is a UUID made by the client, so that sending it twice records it once. ``score`` in 0..1
    is required for ``confirm`` and ``correct`` and absent otherwise. ``supersedes_id`` names the
    row that this one replaces (or, for ``undo``, takes back). A score that comes from a
    ``point_check`` has its interval in ``low`` and ``high``, 0..1. A score that comes from
    ``marks`` is one minus the share of the mask's labelled pixels that are marked. An ``accept``
    was given to many candidates at once by nobody who looked at them: it has no score and is no
    label. ``acceptance_id`` names the acceptance that it, or the ``undo`` of it, belongs to.
    """

    id: str
    project_id: int
    image_id: int
    reviewer: str
    kind: VerdictKind
    candidate_id: int | None = None
    score: float | None = None
    note: str = ""
    head_id: str | None = None
    score_shown: float | None = None
    score_visible: bool = True
    time_spent_s: float = 0.0
    supersedes_id: str | None = None
    created_at: dt.datetime | None = None
    low: float | None = None
    high: float | None = None
    point_check: PointCheck | None = None
    marks: ErrorMarks | None = None
    acceptance_id: int | None = None


@dataclass(frozen=True, slots=True)
class ScoredCandidate:
    """A candidate with its predicted quality by the project's current head, if scored."""

    candidate: Candidate
    score: Score | None


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """One image with its candidates, best predicted first, and the verdicts that hold on it."""

    image: ImageRecord
    candidates: tuple[ScoredCandidate, ...]
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True, slots=True)
class QueueQuery:
    """Which images to review, in which order.

    ``seed`` fixes the random order; ``slice`` is the name of a random slice of the project;
    ``search`` is the id of a search whose images alone are kept; the order ``similar``, most alike
    first, has sense only with one.
    """

    order: QueueOrder = "informative"
    statuses: tuple[ImageStatus, ...] = ("open",)
    scene: str | None = None
    segmenter: str | None = None
    name_contains: str = ""
    score_below: float | None = None
    seed: int = 0
    slice: str | None = None
    search: int | None = None


@dataclass(frozen=True, slots=True)
class QueuePage:
    """A page of a queue: image ids in order, the cursor of the next page, and totals."""

    image_ids: tuple[int, ...]
    next_cursor: str | None
    total: int
    done: int


@dataclass(frozen=True, slots=True)
class Job:
    """A long task in a process of its own, as the screens see it."""

    id: int
    kind: str
    project_id: int | None
    state: JobState
    step: str
    done: int
    total: int
    message: str
    result: dict[str, Any] = field(default_factory=dict)
    pid: int | None = None
    cancel_requested: bool = False
    created_at: dt.datetime | None = None
    finished_at: dt.datetime | None = None


def require_unit_interval(name: str, value: float) -> float:
    """Return ``value`` when it is a finite number in [0, 1].

    Raises:
        InvalidInputError: it is NaN, infinite or out of range.

    Example:
        >>> require_unit_interval("score", 0.5)
        0.5
    """
    number = float(value)
    if not 0.0 <= number <= 1.0:  # False for NaN too
        raise InvalidInputError(f"Expected `{name}` to be a number in [0, 1], but got {value!r}.")
    return number

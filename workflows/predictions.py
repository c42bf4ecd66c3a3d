"""What a head says of described candidates, as the database keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rsqa_core.records import Project, Score
from workflows.describing import DescribedCandidates

if TYPE_CHECKING:
    from rsqa_core.heads.head import Prediction, QualityHead


def predicted_scores(
    project: Project,
    head_id: str,
    head: QualityHead,
    described: DescribedCandidates,
    prediction: Prediction,
) -> list[Score]:
    """Return what the head said of every candidate as scores, with alarms and further targets.

    Alarms widen the interval; see ``rsqa_core.heads.alarms``.
    """
    from rsqa_core.heads.alarms import raise_alarms
    from rsqa_core.heads.further_targets import BOUNDARY_F1, MEAN_IOU

    alarms, wider = raise_alarms(
        head, described.inputs, described.places, [c.name for c in project.classes]
    )
    low, high = prediction.interval_scaled(wider)
    columns = (
        prediction.score.tolist(),
        low.tolist(),
        high.tolist(),
        alarms,
        _known(_target(head, MEAN_IOU, prediction, described)),
        _known(_target(head, BOUNDARY_F1, prediction, described)),
        map(tuple, _known(_class_iou(head, prediction, described))),
    )
    return [
        Score(candidate.id, head_id, *values)
        for candidate, *values in zip(described.candidates, *columns, strict=True)
    ]


def _target(
    head: QualityHead, name: str, prediction: Prediction, described: DescribedCandidates
) -> NDArray[np.float64]:
    from rsqa_core.heads.further_targets import predict_target

    weights = head.card.targets.get(name)
    if weights is None:
        return np.full(len(described.candidates), np.nan)
    return predict_target(name, weights, prediction.score, described.rows)


def _class_iou(
    head: QualityHead, prediction: Prediction, described: DescribedCandidates
) -> NDArray[np.float64]:
    from rsqa_core.heads.further_targets import CLASS_IOU, predict_class_iou

    weights = head.card.targets.get(CLASS_IOU)
    if weights is None:
        return np.zeros((len(described.candidates), 0))
    return predict_class_iou(weights, prediction.score, described.class_iou)


def _known(values: NDArray[np.float64]) -> list[Any]:
    """Return the values as lists, None for what is not finite."""
    found: list[Any] = np.where(np.isfinite(values), values, np.array(None)).tolist()
    return found

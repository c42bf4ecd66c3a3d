"""What a head says of described candidates, as the database keeps it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

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
    low = np.clip(prediction.score - (prediction.score - prediction.low) * wider, 0.0, 1.0)
    high = np.clip(prediction.score + (prediction.high - prediction.score) * wider, 0.0, 1.0)
    mean_iou = _target(head, MEAN_IOU, prediction, described)
    boundary_f1 = _target(head, BOUNDARY_F1, prediction, described)
    class_iou = _class_iou(head, prediction, described)
    return [
        Score(
            candidate.id,
            head_id,
            float(prediction.score[row]),
            float(low[row]),
            float(high[row]),
            alarms[row],
            _known(mean_iou[row]),
            _known(boundary_f1[row]),
            tuple(_known(value) for value in class_iou[row]),
        )
        for row, candidate in enumerate(described.candidates)
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
) -> Sequence[NDArray[np.float64]]:
    from rsqa_core.heads.further_targets import CLASS_IOU, predict_class_iou

    weights = head.card.targets.get(CLASS_IOU)
    if weights is None:
        return [np.zeros(0)] * len(described.candidates)
    return list(predict_class_iou(weights, prediction.score, described.class_iou))


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None

"""Retrain a head from a project's labels, and say honestly what that changed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rsqa_core.errors import InvalidInputError
from rsqa_core.evaluation.agreement import Pooled, paired_mae_change, pooled
from rsqa_core.heads.head import COVERAGE, QualityHead
from rsqa_core.progress import Progress, no_progress
from rsqa_core.training.head import HeadData, HeadTraining, fine_tuned

MINIMUM_LABELS = 8
MINIMUM_IMAGES = 4
CALIBRATION_LABELS = 40
"""Labels from which the intervals are measured anew; fewer keep those of the base."""

_REPLAY_IMAGES = 400


@dataclass(frozen=True, slots=True)
class Adaptation:
    """A retrained head and how it did on labels it had not seen.

    Every label is predicted once by a head that was trained without its image (cross-validation by
    image); ``head`` itself is trained on all labels.

    Attributes:
        before, after: agreement of the current head and of the cross-validated ones with the
            labels.
        interval: 95 % bootstrap interval of the change of MAE, images resampled; negative is
            better.
        labels: (N,) the labels, with ``predicted_before`` and ``predicted_after``.
    """

    head: QualityHead
    before: Pooled
    after: Pooled
    interval: tuple[float, float]
    labels: NDArray[np.float64]
    predicted_before: NDArray[np.float64]
    predicted_after: NDArray[np.float64]


def adapt(
    current: QualityHead,
    base: QualityHead,
    labels: HeadData,
    replay: HeadData,
    options: HeadTraining,
    *,
    splits: int = 3,
    progress: Progress = no_progress,
) -> Adaptation:
    """Fine-tune ``base`` on ``labels``, and compare with ``current`` by cross-validation.

    Starting from the base and not from the current head keeps the result independent of how often
    somebody retrained on the way.

    Raises:
        InvalidInputError: too few labels or labelled images to learn from and to check.
    """
    images = len(labels.sources)
    if len(labels.targets) < MINIMUM_LABELS or images < MINIMUM_IMAGES:
        raise InvalidInputError(
            f"Expected at least {MINIMUM_LABELS} labelled candidates on {MINIMUM_IMAGES} images, "
            f"but got {len(labels.targets)} on {images}. Review more images, then train again."
        )
    rng = np.random.default_rng(options.seed)
    replay = subset(replay, np.sort(rng.permutation(len(replay.sources))[:_REPLAY_IMAGES]))
    before = _predict(current, labels)
    after = np.empty(len(labels.targets))
    part_of_image = rng.permutation(images) % splits
    for part in range(splits):
        progress("checking on held-out labels", part, splits)
        held_out = part_of_image == part
        trained = fine_tuned(base, subset(labels, np.flatnonzero(~held_out)), replay, options)
        rows = held_out[labels.image_of_row]
        after[rows] = _predict(trained, labels)[rows]
    progress("checking on held-out labels", splits, splits)
    head = fine_tuned(base, labels, replay, options, progress=progress)
    target = labels.targets.astype(np.float64)
    if len(target) >= CALIBRATION_LABELS:
        head = _recalibrated(head, labels, after)
    first, second = pooled(before, target), pooled(after, target)
    if first is None or second is None:
        raise InvalidInputError("Expected finite predictions for the labels, but got none.")
    return Adaptation(
        head=head,
        before=first,
        after=second,
        interval=paired_mae_change(before, after, target, labels.image_of_row),
        labels=target,
        predicted_before=before,
        predicted_after=after,
    )


def subset(data: HeadData, images: NDArray[np.int64]) -> HeadData:
    """Return the images of ``images`` (indices) with their rows."""
    position = np.full(len(data.sources), -1)
    position[images] = np.arange(len(images))
    rows = np.flatnonzero(position[data.image_of_row] >= 0)
    return HeadData(
        semantic=data.semantic[images],
        embedding_dim=data.embedding_dim,
        sources=tuple(data.sources[i] for i in images),
        fold_names=tuple(data.fold_names[i] for i in images),
        rows=data.rows[rows],
        image_of_row=position[data.image_of_row[rows]],
        targets=data.targets[rows],
        weights=data.weights[rows],
    )


def _predict(head: QualityHead, data: HeadData) -> NDArray[np.float64]:
    return head.predict(
        data.semantic[data.image_of_row],
        data.rows,
        [data.sources[i] for i in data.image_of_row],
        head.card.encoder_fingerprint,
    ).score


def _recalibrated(
    head: QualityHead, labels: HeadData, predicted: NDArray[np.float64]
) -> QualityHead:
    """Scale the interval so that it covers COVERAGE of the cross-validated errors."""
    floor, times = head.card.interval
    spread = head.predict(
        labels.semantic[labels.image_of_row],
        labels.rows,
        [labels.sources[i] for i in labels.image_of_row],
        head.card.encoder_fingerprint,
    ).spread
    half = floor + times * spread
    ratios = np.sort(np.abs(predicted - labels.targets) / np.maximum(half, 1e-6))
    rank = min(int(np.ceil(COVERAGE * (len(ratios) + 1))), len(ratios)) - 1
    factor = float(ratios[rank])
    card = replace(head.card, interval=(floor * factor, times * factor))
    return QualityHead(head.network, head.preparation, card)

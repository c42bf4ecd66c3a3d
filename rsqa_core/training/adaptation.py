"""Retrain a head from a project's labels, and say honestly what that changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rsqa_core.errors import InvalidInputError
from rsqa_core.evaluation.agreement import Pooled, pooled
from rsqa_core.evaluation.resampling import paired_mae_change
from rsqa_core.heads.card import COVERAGE
from rsqa_core.heads.head import Prediction, QualityHead
from rsqa_core.heads.inputs import HeadInputs, Places
from rsqa_core.heads.process import Process, condition
from rsqa_core.heads.residual import Points
from rsqa_core.progress import Progress, no_progress

Values = NDArray[np.float64]

MINIMUM_LABELS = 8
MINIMUM_IMAGES = 4
CALIBRATION_LABELS = 40
"""Labels from which the intervals are measured anew; fewer keep those of the base."""


@dataclass(frozen=True, slots=True)
class Labels:
    """Labelled candidates of one project, n of them.

    Attributes:
        inputs: what the head is given of them.
        places: where they lie.
        targets: (n,) quality in 0..1.
        noise: (n,) standard deviation of each label, 0 where nothing is known of it.
    """

    inputs: HeadInputs
    places: Places
    targets: Values
    noise: Values


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
        labels: (n,) the labels, with ``predicted_before`` and ``predicted_after``.
    """

    head: QualityHead
    before: Pooled
    after: Pooled
    interval: tuple[float, float]
    labels: Values
    predicted_before: Values
    predicted_after: Values


def adapt(
    current: QualityHead,
    base: QualityHead,
    labels: Labels,
    said: NDArray[np.float32] | None = None,
    *,
    splits: int = 5,
    seed: int = 0,
    progress: Progress = no_progress,
) -> Adaptation:
    """Retrain ``base`` on ``labels``, and compare with ``current`` by cross-validation.

    Starting from the base and not from the current head keeps the result independent of how often
    somebody retrained on the way. ``current`` may have learnt from the same labels, which flatters
    it; so it is compared as it was before them: retrained without the image in question too.

    Args:
        said: what the base's ``network_says`` gives of the labels, if it was asked before.

    Raises:
        InvalidInputError: too few labels or labelled images to learn from and to check.
    """
    names = sorted(set(labels.places.images))
    if len(labels.targets) < MINIMUM_LABELS or len(names) < MINIMUM_IMAGES:
        raise InvalidInputError(
            f"Expected at least {MINIMUM_LABELS} labelled candidates on {MINIMUM_IMAGES} images, "
            f"but got {len(labels.targets)} on {len(names)}. Review more images, then train again."
        )
    view = BaseView.of(base, labels, said)
    learnt = view.process(np.arange(len(labels.targets)))
    known = np.flatnonzero(_known_to(current, labels))
    earlier = learnt if len(known) == len(labels.targets) else view.process(known)
    parts = np.random.default_rng(seed).permutation(len(names)) % splits
    part_of = dict(zip(names, parts.tolist(), strict=True))
    part = np.array([part_of[name] for name in labels.places.images])
    before = np.empty(len(part))
    after = np.empty(len(part))
    for number in range(splits):
        progress("checking on held-out labels", number, splits + 1)
        held_out = np.flatnonzero(part == number)
        if held_out.size:
            after[held_out] = view.corrected(learnt, held_out)
            before[held_out] = (
                after[held_out] if earlier is learnt else view.corrected(earlier, held_out)
            )
    head = base.with_residual(learnt.residual(base.card.interval.factor))
    if len(labels.targets) >= CALIBRATION_LABELS:
        head = _recalibrated(head, view, after)
    progress("checking on held-out labels", splits + 1, splits + 1)
    first, second = pooled(before, labels.targets), pooled(after, labels.targets)
    if first is None or second is None:
        raise InvalidInputError("Expected finite predictions for the labels, but got none.")
    position = {name: index for index, name in enumerate(names)}
    image = np.array([position[name] for name in labels.places.images])
    return Adaptation(
        head=head,
        before=first,
        after=second,
        interval=paired_mae_change(before, after, labels.targets, image, seed=seed),
        labels=labels.targets,
        predicted_before=before,
        predicted_after=after,
    )


@dataclass(frozen=True, slots=True)
class BaseView:
    """What a base head says of labelled candidates, computed once for many residuals.

    Attributes:
        labels: n labelled candidates.
        prediction: the base head's.
        points: the candidates as a residual takes them.
        factor: of the base head's intervals.
    """

    labels: Labels
    prediction: Prediction
    points: Points
    factor: float

    @classmethod
    def of(
        cls, base: QualityHead, labels: Labels, said: NDArray[np.float32] | None = None
    ) -> BaseView:
        plain = base.without_residual()
        inputs, places = labels.inputs, labels.places
        found = plain.predict(inputs, places, plain.card.encoder_fingerprint, said)
        points = plain.points(inputs, places, found.score, found.spread)
        return cls(labels, found, points, plain.card.interval.factor)

    def process(self, rows: NDArray[np.int64]) -> Process:
        """Condition a process on the labels of ``rows``; it knows them by these numbers."""
        labels = self.labels
        return condition(
            self.points.only(rows),
            labels.targets[rows] - self.prediction.score[rows],
            labels.noise[rows],
            names=rows,
        )

    def corrected(self, process: Process, asked: NDArray[np.int64]) -> Values:
        """Return the scores of ``asked`` after learning everything but their own labels."""
        score = self.prediction.score[asked]
        residual = process.residual(self.factor, without=asked)
        if not len(residual.points):
            return score
        added, _ = residual.correction(self.points.only(asked))
        return np.clip(score + added, 0.0, 1.0)


def retrained(base: QualityHead, labels: Labels) -> QualityHead:
    """Return ``base`` with a residual fitted to ``labels``; without labels, as it is."""
    plain = base.without_residual()
    if not len(labels.targets):
        return plain
    process = BaseView.of(base, labels).process(np.arange(len(labels.targets)))
    return plain.with_residual(process.residual(plain.card.interval.factor))


def _known_to(current: QualityHead, labels: Labels) -> NDArray[np.bool_]:
    """Return which labels' images the current head has learnt from."""
    seen: Sequence[str] = () if current.residual is None else current.residual.points.places.images
    learnt = set(seen)
    return np.array([name in learnt for name in labels.places.images])


def _recalibrated(head: QualityHead, view: BaseView, predicted: Values) -> QualityHead:
    """Scale the interval so that it covers COVERAGE of the cross-validated errors."""
    interval = head.card.interval
    half = interval.half_width(view.prediction.spread, view.prediction.score)
    ratios = np.sort(np.abs(predicted - view.labels.targets) / np.maximum(half, 1e-6))
    rank = min(int(np.ceil(COVERAGE * (len(ratios) + 1))), len(ratios)) - 1
    factor = interval.factor * float(ratios[rank])
    return head.with_card(interval=replace(interval, factor=factor))

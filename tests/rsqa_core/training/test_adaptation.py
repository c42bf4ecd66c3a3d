"""Retraining from labels: what it gains elsewhere, and that its figures are honest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from rsqa_core.errors import CancelledError, InvalidInputError
from rsqa_core.evaluation.agreement import pooled
from rsqa_core.heads.head import COVERAGE, Prediction, QualityHead
from rsqa_core.heads.residual import USUAL_HALF_WIDTH
from rsqa_core.training.adaptation import (
    CALIBRATION_LABELS,
    MINIMUM_IMAGES,
    MINIMUM_LABELS,
    Labels,
    adapt,
    retrained,
)
from rsqa_core.training.head import HeadTraining, train_head
from rsqa_core.training.head_data import HeadData
from tests.rsqa_core.synthetic import head_data

SHIFT = 0.2
"""How much worse candidates are in the project than they look."""


def predict(head: QualityHead, labels: Labels) -> Prediction:
    return head.predict(labels.inputs, labels.places, head.card.encoder_fingerprint)


def labels_of(data: HeadData) -> Labels:
    """Every candidate labelled; a fold is a source image of many tiles, side by side."""
    sources = tuple(data.fold_names[i] for i in data.image_of_row)
    return Labels(
        inputs=data.inputs,
        places=replace(data.places, sources=sources),
        targets=data.targets.astype(np.float64),
        noise=np.zeros(len(data.targets)),
    )


def only(labels: Labels, rows: NDArray[np.int64]) -> Labels:
    return Labels(
        labels.inputs.only(rows),
        labels.places.only(rows),
        labels.targets[rows],
        labels.noise[rows],
    )


def one_an_image(labels: Labels) -> Labels:
    first = {name: row for row, name in reversed(list(enumerate(labels.places.images)))}
    return only(labels, np.array(sorted(first.values())))


@pytest.fixture(scope="module")
def base() -> QualityHead:
    options = HeadTraining(epochs=12, seeds=1, width=4, weight_decay=0.5, learning_rate=2e-2)
    return train_head(head_data(images=24, seed=1), ("colours", "e" * 64), options)


@pytest.fixture(scope="module")
def project() -> Labels:
    return labels_of(head_data(60, 4, seed=7, shift=SHIFT, source="project"))


@pytest.fixture(scope="module")
def labels(project: Labels) -> Labels:
    """One label on each of 48 images."""
    return only(one_an_image(project), np.arange(48))


def mae(head: QualityHead, labels: Labels) -> float:
    return float(np.abs(predict(head, labels).score - labels.targets).mean())


def without_label(project: Labels, labels: Labels) -> Labels:
    rows = [
        row
        for row, name in enumerate(project.places.images)
        if name not in set(labels.places.images)
    ]
    return only(project, np.array(rows))


def test_labels_lower_the_error_on_images_without_one(
    base: QualityHead, project: Labels, labels: Labels
) -> None:
    elsewhere = without_label(project, labels)

    head = adapt(base, base, labels).head

    assert mae(base, elsewhere) > 0.15
    assert mae(head, elsewhere) < 0.75 * mae(base, elsewhere)


def test_the_change_is_reported_with_an_interval_below_zero(
    base: QualityHead, labels: Labels
) -> None:
    found = adapt(base, base, labels)

    assert found.before.n == found.after.n == len(labels.targets)
    assert found.after.mae < 0.75 * found.before.mae
    low, high = found.interval
    assert low < found.after.mae - found.before.mae < high < 0
    assert found.before == pooled(found.predicted_before, found.labels)
    assert found.after == pooled(found.predicted_after, found.labels)
    assert np.array_equal(found.labels, labels.targets)


def test_labels_that_agree_with_the_head_change_little(base: QualityHead) -> None:
    alike = one_an_image(labels_of(head_data(40, 4, seed=8)))

    found = adapt(base, base, alike)

    assert abs(found.after.mae - found.before.mae) < 0.02
    assert found.interval[1] > -0.02


def test_the_base_is_left_as_it_was(base: QualityHead, labels: Labels) -> None:
    before = base.to_bytes()

    found = adapt(base, base, labels)

    assert base.to_bytes() == before
    assert base.residual is None
    assert found.head.residual is not None
    assert found.head is not base


def test_before_is_what_the_current_head_says(base: QualityHead, labels: Labels) -> None:
    found = adapt(base, base, labels)

    assert found.predicted_before == pytest.approx(predict(base, labels).score)


def test_a_label_is_predicted_without_its_image(base: QualityHead, project: Labels) -> None:
    several = only(project, np.arange(48))  # four labels on each of twelve images
    mine = np.array([name == several.places.images[0] for name in several.places.images])
    changed = replace(several, targets=np.where(mine, 0.95, several.targets))

    first, second = adapt(base, base, several), adapt(base, base, changed)

    assert not np.allclose(several.targets[mine], 0.95)
    assert np.array_equal(first.predicted_after[mine], second.predicted_after[mine])
    assert not np.allclose(first.predicted_after[~mine], second.predicted_after[~mine])
    told = predict(second.head, changed).score[mine]
    untold = predict(first.head, several).score[mine]
    assert (told > untold + 0.1).all()  # the head itself has seen it


def test_a_current_head_is_not_flattered_by_labels_that_it_knows(
    base: QualityHead, labels: Labels
) -> None:
    current = adapt(base, base, labels).head

    again = adapt(current, base, labels)

    assert again.predicted_before == pytest.approx(again.predicted_after)
    assert again.before.mae > 1.2 * mae(current, labels)


def test_new_labels_are_compared_with_a_current_head_that_lacks_them(
    base: QualityHead, labels: Labels
) -> None:
    known, new = only(labels, np.arange(16)), np.arange(16, 48)
    current = adapt(base, base, known).head

    found = adapt(current, base, labels)

    half_way = predict(current, labels).score[new]
    assert np.abs(found.predicted_before[new] - half_way).mean() < 0.03
    assert not np.allclose(found.predicted_before[new], predict(base, labels).score[new])
    assert found.after.mae < found.before.mae


def test_retraining_starts_from_the_base_however_often_it_is_done(
    base: QualityHead, labels: Labels
) -> None:
    once = adapt(base, base, labels).head
    twice = adapt(once, base, labels).head

    assert once.to_bytes() == twice.to_bytes()


def test_too_few_labels_or_images_are_refused_with_the_counts(
    base: QualityHead, project: Labels
) -> None:
    few = only(one_an_image(project), np.arange(MINIMUM_LABELS - 1))
    crowded = only(project, np.arange((MINIMUM_IMAGES - 1) * 4))  # four an image

    with pytest.raises(InvalidInputError, match=r"8 labelled .* but got 7 on 7\. Review more"):
        adapt(base, base, few)
    with pytest.raises(InvalidInputError, match=r"on 4 images, but got 12 on 3"):
        adapt(base, base, crowded)


def test_the_fewest_labels_that_are_enough_are_enough(base: QualityHead, project: Labels) -> None:
    eight = only(project, np.array([image * 4 + k for image in range(4) for k in range(2)]))

    found = adapt(base, base, eight)

    assert found.after.n == MINIMUM_LABELS
    assert np.isfinite(found.predicted_after).all()


def test_enough_labels_measure_the_interval_anew(base: QualityHead, labels: Labels) -> None:
    enough, fewer = only(labels, np.arange(CALIBRATION_LABELS)), only(labels, np.arange(20))

    found = adapt(base, base, enough)

    interval = found.head.card.interval
    plain = predict(base, enough)
    half = interval.factor * (
        interval.floor + interval.spread * plain.spread + interval.doubt * (1 - plain.score)
    )
    covered = np.abs(found.predicted_after - enough.targets) <= half + 1e-12
    assert covered.mean() == pytest.approx(COVERAGE, abs=1.5 / CALIBRATION_LABELS)
    assert replace(interval, factor=1.0) == replace(base.card.interval, factor=1.0)
    assert adapt(base, base, fewer).head.card.interval == base.card.interval


def test_the_new_interval_covers_images_without_a_label(
    base: QualityHead, project: Labels, labels: Labels
) -> None:
    elsewhere = without_label(project, labels)

    given = predict(adapt(base, base, labels).head, elsewhere)

    inside = (given.low <= elsewhere.targets) & (elsewhere.targets <= given.high)
    assert inside.mean() > COVERAGE - 0.15


def test_a_label_known_to_be_unsure_counts_less(base: QualityHead, labels: Labels) -> None:
    unsure = replace(labels, noise=np.full(len(labels.targets), 0.5))
    # Labels are as unsure as they are beside errors of the usual size.
    width = (predict(base, labels).high - predict(base, labels).low).mean() / 2
    usual = base.card.interval.factor * USUAL_HALF_WIDTH / width
    base = base.with_card(interval=replace(base.card.interval, factor=float(usual)))
    before = predict(base, labels).score

    firm = np.abs(predict(retrained(base, labels), labels).score - before).mean()
    loose = np.abs(predict(retrained(base, unsure), labels).score - before).mean()

    assert 0 < loose < 0.5 * firm


def test_without_labels_the_base_stays(base: QualityHead, labels: Labels) -> None:
    same = retrained(base, only(labels, np.array([], dtype=np.int64)))

    assert same.residual is None
    assert np.array_equal(predict(same, labels).score, predict(base, labels).score)


def test_retraining_can_be_stopped(base: QualityHead, labels: Labels) -> None:
    seen = []

    def stopping(step: str, done: int, total: int) -> None:
        seen.append((done, total))
        if done == 2:
            raise CancelledError("stop")

    with pytest.raises(CancelledError):
        adapt(base, base, labels, progress=stopping)
    assert [done for done, _ in seen] == [0, 1, 2]
    assert all(done < total for done, total in seen)

"""What is compared: every baseline, and the head, behind one call.

A method fits on labelled candidates and predicts others: ``fit_predict(train, test, seed)``. The
test candidates come without targets, component accuracies and reference paths.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from benchmarks.quality.candidates import Candidates
from rsqa_core.evaluation.baselines import atc, doc, group_means, label_free, recalibrated
from rsqa_core.evaluation.components import fit_components, predict_candidates
from rsqa_core.heads.alarms import raise_alarms
from rsqa_core.heads.error_map import predict_errors, probability_of_mask
from rsqa_core.heads.head import Prediction, QualityHead
from rsqa_core.raster import read_mask
from rsqa_core.training.adaptation import Labels, retrained
from rsqa_core.training.head import HeadTraining, train_head
from rsqa_core.training.head_data import HeadData
from rsqa_core.training.qualifying import interval_at

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Predictions:
    """Predicted quality of N test candidates, each (N,) in 0..1, NaN where there is none.

    Attributes:
        low80, high80, low90, high90: intervals of 80 and 90 %, if the method states them.
        error_map: gives (H, W) in 0..1 for a test row, the probability that a pixel is wrong.
    """

    score: Values
    low80: Values | None = None
    high80: Values | None = None
    low90: Values | None = None
    high90: Values | None = None
    error_map: Callable[[int], NDArray[np.floating]] | None = None


FitPredict = Callable[[Candidates, Candidates, int], Predictions]


@dataclass(frozen=True)
class Method:
    """A way to predict quality; one that draws nothing is run for one seed only.

    Attributes:
        maps_errors: whether its predictions hold an error map.
        identity: all that tells it from others, its name aside; "" for one that is quick enough to
            be made again each time.
    """

    name: str
    fit_predict: FitPredict
    seeded: bool = False
    identity: str = ""
    maps_errors: bool = False


def baselines() -> list[Method]:
    """Return every baseline: raw, fitted, and each raw one mapped to accuracy two ways."""
    raw = [Method(name, partial(_raw, name)) for name in (*RAW, "cleanlab")]
    mapped = [
        Method(f"{method.name}_{kind}", partial(_mapped, method.name, kind))
        for method in raw
        for kind in ("linear", "isotonic")
    ]
    return [
        *raw,
        *mapped,
        Method("atc_max_prob", partial(_atc, 0)),
        Method("atc_entropy", partial(_atc, 1)),
        Method("doc", _doc),
        Method("metaseg", _metaseg, seeded=True),
        Method("constant_best", _constant_best),
        Method("random", _random, seeded=True),
    ]


RAW = ("ac", "entropy", "margin", "agreement", "vote")


def _raw_score(name: str, train: Candidates, rows: Candidates) -> Values:
    if name != "cleanlab":
        return label_free(rows.features)[name]
    # Softmin or mean, whichever ranks the training candidates better.
    ranks = []
    for kind in range(2):
        known = np.isfinite(train.cleanlab[:, kind])
        pair = train.cleanlab[known, kind], train.target[known]
        varied = known.sum() > 2 and np.ptp(pair[0]) > 0 and np.ptp(pair[1]) > 0
        ranks.append(float(stats.spearmanr(*pair).statistic) if varied else -1.0)
    return rows.cleanlab[:, int(np.argmax(ranks))]


def _raw(name: str, train: Candidates, test: Candidates, seed: int) -> Predictions:
    return Predictions(_raw_score(name, train, test))


def _mapped(name: str, kind: str, train: Candidates, test: Candidates, seed: int) -> Predictions:
    # A score's meaning differs between data sets: labels of the test's own are the ones to use.
    own = np.isin(train.dataset, np.unique(test.dataset))
    chosen = train.select(np.flatnonzero(own)) if own.any() else train
    score = _raw_score(name, train, chosen), _raw_score(name, train, test)
    return Predictions(recalibrated(score[0], chosen.target, score[1], kind))  # type: ignore[arg-type]


def _atc(kind: int, train: Candidates, test: Candidates, seed: int) -> Predictions:
    return Predictions(
        atc(
            train.confidence[:, kind],
            train.target,
            train.segmenter,
            test.confidence[:, kind],
            test.segmenter,
        )
    )


def _doc(train: Candidates, test: Candidates, seed: int) -> Predictions:
    confidence = [label_free(rows.features)["ac"] for rows in (train, test)]
    return Predictions(
        doc(confidence[0], train.target, train.segmenter, confidence[1], test.segmenter)
    )


def _metaseg(train: Candidates, test: Candidates, seed: int) -> Predictions:
    model = fit_components(train.components_of()[0], seed)
    components, owner = test.components_of()
    return Predictions(predict_candidates(model, components, owner, len(test)))


def _constant_best(train: Candidates, test: Candidates, seed: int) -> Predictions:
    return Predictions(group_means(train.target, train.segmenter, test.segmenter))


def _random(train: Candidates, test: Candidates, seed: int) -> Predictions:
    rng = np.random.default_rng([seed, len(train), len(test)])
    return Predictions(rng.choice(train.target, size=len(test)))


HEAD = HeadTraining(seeds=1)
"""One member a fold of the training part: as many as score a held-out scene in the shipped head."""


def head_method(options: HeadTraining = HEAD, name: str = "head") -> Method:
    """Return the gated head of `rsqa train-head`, cross-fitted by scene on the training part.

    Its intervals come from out-of-fold errors of the training part. Labels of the test's own data
    set, where the training part has any, correct it as they do in a review.
    """
    fit_predict = partial(_head, options, {})
    return Method(name, fit_predict, seeded=True, identity=repr(options), maps_errors=True)


Trained = dict[tuple[int, bytes], tuple[QualityHead, HeadData]]
"""Heads by seed and labels that they learnt from: few further ones are added to the same base."""


def _head(
    options: HeadTraining, trained: Trained, train: Candidates, test: Candidates, seed: int
) -> Predictions:
    every = train.labelled
    foreign = ~np.isin(train.dataset, np.unique(test.dataset))
    base_rows = np.flatnonzero(foreign) if foreign.any() else np.arange(len(train))
    key = seed, train.candidate[base_rows].tobytes() + train.target[base_rows].tobytes()
    if key not in trained:
        data = with_folds(every.only(train.head[base_rows]), train.scene[base_rows])
        trained[key] = train_head(data, train.encoder, replace(options, seed=seed)), data
    head, data = trained[key]
    own = np.setdiff1d(np.arange(len(train)), base_rows)
    if own.size:
        labelled = every.only(train.head[own])
        noise = np.zeros(len(own))
        targets = labelled.targets.astype(np.float64)
        head = retrained(head, Labels(labelled.inputs, labelled.places, targets, noise))
    asked = test.labelled
    inputs, places = asked.inputs.only(test.head), asked.places.only(test.head)
    predicted = head.predict(inputs, places, train.encoder[1])
    _, wider = raise_alarms(head, inputs, places, every.class_names)
    share = interval_at(head, data, 0.8) / max(head.card.interval.factor, 1e-9)
    return Predictions(
        predicted.score,
        *predicted.interval_scaled(wider * share),
        *predicted.interval_scaled(wider),
        error_map=partial(_error_map, head, test, predicted),
    )


def _error_map(
    head: QualityHead, test: Candidates, predicted: Prediction, row: int
) -> NDArray[np.floating]:
    mask = read_mask(Path(str(test.mask_path[row])))
    own = probability_of_mask(test.together[test.image[row]].astype(np.float32), mask)
    return predict_errors(
        mask, predicted.cells[row], own, float(predicted.score[row]), head.card.pixels
    )


def with_folds(data: HeadData, scenes: NDArray[np.str_]) -> HeadData:
    """Return data whose folds are scenes of at least five images; the others train every member.

    A lone scene is cut in two by its source images.
    """
    folds = [""] * len(data.fold_names)
    if len(set(scenes.tolist())) < 2:
        place = np.unique(data.places.sources, return_inverse=True)[1]
        scenes = np.array([f"{s} {p % 2}" for s, p in zip(scenes, place, strict=True)])
    for image, scene in zip(data.image_of_row, scenes, strict=True):
        folds[int(image)] = str(scene)
    names, counts = np.unique([name for name in folds if name], return_counts=True)
    large = set(names[counts >= 5].tolist())
    if len(large) >= 2:
        folds = [name if name in large else "" for name in folds]
    return replace(data, fold_names=tuple(folds))

"""What is compared: every baseline, and the head, behind one call.

A method fits on labelled candidates and predicts others: ``fit_predict(train, test, seed)``. The
test candidates come without targets, component accuracies and reference paths.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from benchmarks.quality.candidates import Candidates
from rsqa_core.evaluation.baselines import atc, doc, group_means, label_free, recalibrated
from rsqa_core.evaluation.components import fit_components, predict_candidates
from rsqa_core.training.head import HeadData, HeadTraining, train_head

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
    """A way to predict quality; one that draws nothing is run for one seed only."""

    name: str
    fit_predict: FitPredict
    seeded: bool = False


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

    Its intervals are conformal: out-of-fold errors of the training part, every image alike.
    """
    return Method(name, partial(_head, options), seeded=True)


def _head(options: HeadTraining, train: Candidates, test: Candidates, seed: int) -> Predictions:
    data = head_data(train)
    head = train_head(data, train.encoder, replace(options, seed=seed))
    outside = np.array([bool(name) for name in data.fold_names])[data.image_of_row]
    rows = np.flatnonzero(outside)
    seen = head.predict(
        train.semantic[train.image[rows]],
        train.features[rows],
        list(train.source[rows]),
        train.encoder[1],
    )
    error = np.abs(seen.score - train.target[rows])
    predicted = head.predict(
        test.semantic[test.image], test.features, list(test.source), test.encoder[1]
    )
    bounds = []
    for level in (0.8, 0.9):
        factor = _factor(error / (FLOOR + seen.spread), train.image[rows], level)
        half = factor * (FLOOR + predicted.spread)
        bounds += [np.clip(predicted.score - half, 0, 1), np.clip(predicted.score + half, 0, 1)]
    return Predictions(predicted.score, *bounds)


FLOOR = 0.03
"""Half-widths are proportional to this plus the spread over members."""


def head_data(train: Candidates) -> HeadData:
    """Return a table as the head learns from it; folds are scenes of at least five images."""
    images, position = np.unique(train.image, return_inverse=True)
    first = np.unique(position, return_index=True)[1]
    scenes = train.scene[first]
    counts = {str(name): int((scenes == name).sum()) for name in np.unique(scenes)}
    large = max(counts.values()) >= 5
    folds = tuple(str(s) if counts[str(s)] >= 5 or not large else "" for s in scenes)
    return HeadData(
        semantic=train.semantic[images],
        embedding_dim=train.embedding_dim,
        sources=tuple(str(s) for s in train.source[first]),
        fold_names=folds,
        rows=train.features,
        image_of_row=position,
        targets=train.target.astype(np.float32),
        weights=np.ones(len(train), dtype=np.float32),
    )


def _factor(ratios: Values, image: NDArray[np.int64], level: float) -> float:
    """Return the quantile of ``ratios`` at ``level``, every image counting the same."""
    weights = 1.0 / np.bincount(image)[image]
    order = np.argsort(ratios)
    reached = np.cumsum(weights[order]) / weights.sum()
    return float(ratios[order][min(np.searchsorted(reached, level), len(ratios) - 1)])

"""How the error on a scene falls with labels of it, in a random order and in chosen ones.

Reference accuracies stand in for the expert. The base predictions are those of members that never
saw the scene; labels correct them as they do in a review.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.candidates import Candidates
from benchmarks.quality.methods import with_folds
from benchmarks.quality.parts import Content, table
from rsqa_core.heads.choosing import informative
from rsqa_core.heads.residual import Kernel, covariance
from rsqa_core.progress import Progress, no_progress
from rsqa_core.training.adaptation import BaseView, Labels
from rsqa_core.training.head import HeadTraining, train_head

Values = NDArray[np.float64]
Rows = NDArray[np.int64]

STEP = 5
MOST = 100
COUNTS = (0, 10, 20, 40, 60, 100)
DRAWS = 20
LEFT_OUT = 0.1
"""Share of images that no order may label in a draw, so that chosen orders vary too."""
FALL = 0.25


@dataclass(frozen=True)
class Scene:
    """One scene's candidates and what is known before any label.

    Attributes:
        view: base predictions and the description by which a residual finds alike candidates.
        image: (N,) image of each.
        doubt: (N,) half-width of the stated interval.
    """

    view: BaseView
    image: Rows
    doubt: Values


Order = Callable[[Scene, NDArray[np.bool_], int, np.random.Generator], Rows]
"""Gives the candidates to label, first first: scene, (N,) which may be, how many, draw."""


def learning_curve(
    found: Candidates,
    options: HeadTraining,
    draws: int = DRAWS,
    *,
    progress: Progress = no_progress,
) -> Content:
    """Return MAE and its fall by scene, order and number of labels, of the first data set."""
    main = found.select(np.flatnonzero(found.dataset == found.dataset[0]))
    data = with_folds(main.labelled, main.scene)
    head = train_head(data, main.encoder, options, progress=progress)
    scenes: Content = {}
    names = np.unique(main.scene)
    for done, name in enumerate(names):
        progress("learning curve", done, len(names))
        rows = np.flatnonzero(main.scene == name)
        targets = main.target[rows]
        labels = Labels(
            data.inputs.only(rows), data.places.only(rows), targets, np.zeros(len(rows))
        )
        view = BaseView.of(head, labels)
        doubt = (view.prediction.high - view.prediction.low) / 2
        scene = Scene(view, main.image[rows], doubt)
        # Half of a small scene stays without a label, or nothing is left to measure on.
        most = min(MOST, len(rows) // 2)
        counts = [0, *range(STEP, most + 1, STEP)]
        scenes[str(name)] = {
            "candidates": len(rows),
            "images": len(np.unique(scene.image)),
            "labels": counts,
            "orders": {kind: _curve(scene, order, counts, draws) for kind, order in ORDERS.items()},
        }
    progress("learning curve", len(names), len(names))
    return {
        "draws": draws,
        "scenes": scenes,
        "mean": {kind: _mean(scenes, kind) for kind in ORDERS},
        "wins": {
            kind: {str(k): _wins(scenes, kind, k) for k in COUNTS[1:]}
            for kind in ORDERS
            if kind != "random"
        },
    }


def _curve(scene: Scene, order: Order, counts: list[int], draws: int) -> Content:
    """Return MAE on what is not labelled, and its fall, of each draw and number of labels."""
    maes = np.zeros((draws, len(counts)))
    before = np.zeros_like(maes)
    targets = scene.view.labels.targets
    plain = np.abs(scene.view.prediction.score - targets)
    images = np.unique(scene.image)
    for draw in range(draws):
        rng = np.random.default_rng(draw)
        left_out = rng.permutation(images)[: int(LEFT_OUT * len(images))]
        allowed = ~np.isin(scene.image, left_out)
        chosen = order(scene, allowed, max(counts), rng)
        for place, count in enumerate(counts):
            learnt = chosen[:count]
            rest = np.setdiff1d(np.arange(len(targets)), learnt)
            after = scene.view.corrected(scene.view.process(learnt), rest)
            maes[draw, place] = np.abs(after - targets[rest]).mean()
            before[draw, place] = plain[rest].mean()
    falls = 1 - maes / np.maximum(before, 1e-12)
    return {
        "mae": _listed(maes.mean(axis=0)),
        "mae_low": _listed(np.quantile(maes, 0.05, axis=0)),
        "mae_high": _listed(np.quantile(maes, 0.95, axis=0)),
        "fall": _listed(falls.mean(axis=0)),
        "fall_low": _listed(np.quantile(falls, 0.05, axis=0)),
        "fall_high": _listed(np.quantile(falls, 0.95, axis=0)),
        "labels_for_fall": _needed(counts, falls.mean(axis=0)),
    }


def random_order(
    scene: Scene, allowed: NDArray[np.bool_], most: int, rng: np.random.Generator
) -> Rows:
    """A random candidate of each image in random order, then again."""
    return _rounds(scene, allowed, most, rng, lambda own: int(rng.choice(own)))


def best_first(
    scene: Scene, allowed: NDArray[np.bool_], most: int, rng: np.random.Generator
) -> Rows:
    """Images in random order, of each the candidate that is predicted best: no queue order."""
    score = scene.view.prediction.score
    return _rounds(scene, allowed, most, rng, lambda own: int(own[np.argmax(score[own])]))


def queue_order(
    scene: Scene, allowed: NDArray[np.bool_], most: int, rng: np.random.Generator
) -> Rows:
    """The queue's order "most informative": the best predicted candidate stands for its image.

    When every image has a label, the next candidates stand for their images.
    """
    score = scene.view.prediction.score
    chosen: list[int] = []
    while len(chosen) < most:
        standing = [
            int(own[np.argmax(score[own])]) for own in _left(scene, allowed, chosen) if own.size
        ]
        if not standing:
            break
        rows = np.array([*chosen, *standing])
        done = np.arange(len(rows)) < len(chosen)
        value = informative(scene.view.points.only(rows), done)
        ranked = [int(row) for row in rows[np.argsort(-value, kind="stable")] if row in standing]
        chosen += ranked[: most - len(chosen)]
    return np.array(chosen, dtype=np.int64)


def free_order(
    scene: Scene, allowed: NDArray[np.bool_], most: int, rng: np.random.Generator
) -> Rows:
    """The same gain over all candidates, so that it also chooses which one of an image."""
    return _greedy(scene, allowed, most)


def widest_order(
    scene: Scene, allowed: NDArray[np.bool_], most: int, rng: np.random.Generator
) -> Rows:
    """The candidate with the widest interval of each image, widest first, then again."""
    chosen: list[int] = []
    while len(chosen) < most:
        standing = [
            int(own[np.argmax(scene.doubt[own])])
            for own in _left(scene, allowed, chosen)
            if own.size
        ]
        if not standing:
            break
        ranked = sorted(standing, key=lambda row: -scene.doubt[row])
        chosen += ranked[: most - len(chosen)]
    return np.array(chosen, dtype=np.int64)


def spaced_order(
    scene: Scene, allowed: NDArray[np.bool_], most: int, rng: np.random.Generator
) -> Rows:
    """The gain over all candidates, one an image before a second."""
    return _greedy(scene, allowed, most, by_image=True)


ORDERS: dict[str, Order] = {
    "random": random_order,
    "random_best": best_first,
    "queue": queue_order,
    "free": free_order,
    "free_by_image": spaced_order,
    "widest": widest_order,
}


def curve_lines(content: Content, plot: str | None) -> list[str]:
    """Return the part of the report."""
    rows = []
    for name, own in content["scenes"].items():
        for kind, curve in own["orders"].items():
            falls = dict(zip(own["labels"], curve["fall"], strict=True))
            needed = curve["labels_for_fall"]
            cells = [f"{falls[k]:.0%}" if k in falls else "–" for k in COUNTS[1:]]
            rows.append([name, kind, *cells, "–" if needed is None else str(needed)])
    for kind, curve in content["mean"].items():
        falls = dict(zip(curve["labels"], curve["fall"], strict=True))
        cells = [f"{falls[k]:.0%}" if k in falls else "–" for k in COUNTS[1:]]
        needed = curve["labels_for_fall"]
        rows.append(["mean", kind, *cells, "–" if needed is None else str(needed)])
    wins = "; ".join(
        f"`{kind}` " + ", ".join(f"{won[0]} of {won[1]} with {k}" for k, won in by.items())
        for kind, by in content["wins"].items()
    )
    lines = [
        "## Labels and error",
        "",
        f"Fall of the MAE on candidates without a label, mean of {content['draws']} draws that "
        f"each keep a random {LEFT_OUT:.0%} of the images from being labelled. `queue` is the "
        "app's order.",
        "",
        *table(
            ("scene", "order", *(f"{k} labels" for k in COUNTS[1:]), f"labels for {FALL:.0%}"),
            rows,
        ),
        "",
        f"Scenes on which the fall is larger than in random order: {wins}.",
    ]
    return lines if plot is None else [*lines, "", f"![Error against labels]({plot})"]


def _rounds(
    scene: Scene,
    allowed: NDArray[np.bool_],
    most: int,
    rng: np.random.Generator,
    pick: Callable[[Rows], int],
) -> Rows:
    chosen: list[int] = []
    left = [own for own in _left(scene, allowed, []) if own.size]
    order = rng.permutation(len(left))
    while len(chosen) < most and any(own.size for own in left):
        for place in order:
            if left[place].size and len(chosen) < most:
                row = pick(left[place])
                left[place] = left[place][left[place] != row]
                chosen.append(row)
    return np.array(chosen, dtype=np.int64)


def _left(scene: Scene, allowed: NDArray[np.bool_], chosen: list[int]) -> list[Rows]:
    """Return the candidates of each image that may still be labelled."""
    free = allowed.copy()
    free[chosen] = False
    return [np.flatnonzero((scene.image == name) & free) for name in np.unique(scene.image)]


def _greedy(scene: Scene, allowed: NDArray[np.bool_], most: int, *, by_image: bool = False) -> Rows:
    """Choose what lowers the summed variance of all errors most, one after another.

    Args:
        by_image: no image has a second label before every image has its first.
    """
    kernel = Kernel()
    points = replace(scene.view.points, size=np.ones(len(scene.doubt)))  # as `informative` does
    matrix = covariance(kernel, points, points)
    noise = kernel.noise**2
    free = allowed.copy()
    taken = np.zeros(int(scene.image.max()) + 1, dtype=np.int64)
    chosen: list[int] = []
    while len(chosen) < most and free.any():
        gain = (matrix**2).sum(axis=0) / (np.diag(matrix) + noise)
        able = free
        if by_image:
            able = free & (taken[scene.image] == taken[scene.image[free]].min())
        best = int(np.where(able, gain, -1.0).argmax())
        chosen.append(best)
        free[best] = False
        taken[scene.image[best]] += 1
        column = matrix[:, best]
        matrix = matrix - np.outer(column, column) / (column[best] + noise)
    return np.array(chosen, dtype=np.int64)


def _mean(scenes: Content, kind: str) -> Content:
    """Average an order over the scenes, as far as all of them reach."""
    counts = min((own["labels"] for own in scenes.values()), key=len)
    curves = [own["orders"][kind] for own in scenes.values()]
    mean = {
        name: np.mean([curve[name][: len(counts)] for curve in curves], axis=0)
        for name in curves[0]
        if name != "labels_for_fall"
    }
    return {
        "labels": counts,
        **{name: _listed(values) for name, values in mean.items()},
        "labels_for_fall": _needed(counts, mean["fall"]),
    }


def _wins(scenes: Content, kind: str, count: int) -> tuple[int, int]:
    """Return on how many scenes an order lowers the error more than the random one, and of many."""
    won = [
        own["orders"][kind]["fall"][own["labels"].index(count)]
        > own["orders"]["random"]["fall"][own["labels"].index(count)]
        for own in scenes.values()
        if count in own["labels"]
    ]
    return sum(won), len(won)


def _needed(counts: list[int], falls: Values) -> int | None:
    reached = np.flatnonzero(falls >= FALL)
    return counts[int(reached[0])] if reached.size else None


def _listed(values: Values) -> list[float]:
    return [round(float(value), 5) for value in values]

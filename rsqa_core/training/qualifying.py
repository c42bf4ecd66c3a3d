"""What out-of-fold errors say of a trained head: offsets, intervals, margins, further targets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rsqa_core.features.grids import CELL_SIDE
from rsqa_core.features.names import FEATURE_NAMES
from rsqa_core.heads.card import COVERAGE, RISK, Familiar, Interval
from rsqa_core.heads.error_map import fit_pixel_weights
from rsqa_core.heads.further_targets import (
    BOUNDARY_F1,
    CLASS_IOU,
    GUESSES,
    MEAN_IOU,
    fit_target,
)
from rsqa_core.heads.head import Prediction, QualityHead
from rsqa_core.training.head_data import HeadData

Values = NDArray[np.float64]

SHRINKAGE = 2.0
"""Scenes' worth of evidence that a segmenter is like any other."""
TIE = 0.005


def qualified(head: QualityHead, data: HeadData) -> QualityHead:
    """Return the head with everything in its card that is measured on its training images."""
    head = head.with_card(offsets=segmenter_offsets(head, data))
    rows, prediction = out_of_fold(head, data)
    seen = data.only(rows)
    score = prediction.score
    raw = seen.inputs.rows.astype(np.float64)
    further = {MEAN_IOU: seen.mean_iou, BOUNDARY_F1: seen.boundary_f1}
    targets = {
        name: fit_target(
            score, raw[:, [FEATURE_NAMES.index(g) for g in GUESSES[name]]], values.astype(float)
        )
        for name, values in further.items()
    }
    targets[CLASS_IOU] = fit_target(
        np.repeat(score, seen.class_iou.shape[1]),
        seen.class_guess.astype(np.float64).reshape(-1, 1),
        seen.class_iou.astype(np.float64).ravel(),
    )
    interval = head.card.interval
    return head.with_card(
        targets={name: weights for name, weights in targets.items() if weights is not None},
        pixels=pixel_weights(prediction.cells, seen.pixels),
        interval=replace(interval, factor=_factor(interval, prediction, seen, COVERAGE)),
        best_margin=best_margin(score, seen),
        familiar=Familiar(data.class_names, tuple(sorted(set(data.places.segmenters)))),
    )


def interval_at(head: QualityHead, data: HeadData, coverage: float) -> float:
    """Return the factor with which the head's intervals hold ``coverage`` of out-of-fold errors."""
    rows, prediction = out_of_fold(head.without_residual(), data)
    return _factor(head.card.interval, prediction, data.only(rows), coverage)


def _factor(interval: Interval, prediction: Prediction, seen: HeadData, coverage: float) -> float:
    width = replace(interval, factor=1.0).half_width(prediction.spread, prediction.score)
    return weighted_quantile(np.abs(prediction.score - seen.targets) / width, _even(seen), coverage)


def out_of_fold(head: QualityHead, data: HeadData) -> tuple[NDArray[np.int64], Prediction]:
    """Predict the trusted candidates of images in a fold, each by members that never saw it.

    Degraded masks, which weigh less than 1, are learnt from and never measured on.

    Returns:
        (n,) rows of ``data``; their prediction.
    """
    inside = np.array([bool(name) for name in data.fold_names])[data.image_of_row]
    rows = np.flatnonzero(inside & (data.weights >= 1.0))
    return rows, head.predict(
        data.inputs.only(rows), data.places.only(rows), head.card.encoder_fingerprint
    )


def segmenter_offsets(head: QualityHead, data: HeadData) -> dict[str, dict[str, float]]:
    """Return what each segmenter's candidates are better than the network says, by fold.

    Measured for the members of a fold on the images that they trained on, so that no label of the
    fold enters; "" stands for all members and all images. Each scene has the same say, and a
    segmenter of few scenes is thought to be like any other.
    """
    names = list(head.card.folds)
    folds = np.array(data.fold_names)[data.image_of_row]
    member_fold = np.array(head.card.member_fold)
    segmenters = np.array(data.places.segmenters)
    cells = np.concatenate(
        [
            head.member_cells(data.inputs.only(part)).mean(axis=2)
            for part in np.array_split(np.arange(len(data.inputs)), -(-len(data.inputs) // 256))
        ],
        axis=1,
    )
    tables: dict[str, dict[str, float]] = {}
    for name in ["", *names]:
        members = np.ones(len(member_fold), bool)
        if name:
            members = member_fold == names.index(name)
        residual = data.targets - cells[members].mean(axis=0)
        table: dict[str, float] = {}
        for segmenter in np.unique(segmenters):
            own = (segmenters == segmenter) & (folds != name if name else True)
            # How it differs from the other candidates of its scene, not how the scene differs.
            by_scene = [
                float(residual[own & (folds == scene)].mean() - residual[folds == scene].mean())
                for scene in np.unique(folds[own])
            ]
            if by_scene:
                table[str(segmenter)] = sum(by_scene) / (len(by_scene) + SHRINKAGE)
        tables[name] = table
    return tables


def best_margin(score: Values, data: HeadData) -> float:
    """Return how far below the best score an image's truly best candidate lies, at RISK."""
    margins, weights = [], []
    even = _even(data)
    for image in np.unique(data.image_of_row):
        rows = np.flatnonzero(data.image_of_row == image)
        truth = data.targets[rows]
        best = rows[truth >= truth.max() - TIE]
        margins.append(float(score[rows].max() - score[best].max()))
        weights.append(float(even[rows].sum()))
    return weighted_quantile(np.array(margins), np.array(weights), 1 - RISK)


def pixel_weights(cells: Values, pixels: NDArray[np.float32]) -> tuple[float, ...]:
    """Fit the error map to sampled pixels.

    Args:
        cells: (N, P) out-of-fold quality of each cell.
        pixels: (N, S, 4) as in HeadData.
    """
    places = pixels[:, :, :2].astype(np.float64) * CELL_SIDE - 0.5
    low = np.clip(np.floor(places).astype(int), 0, CELL_SIDE - 2)
    share = np.clip(places - low, 0.0, 1.0)
    grid = cells.reshape(-1, CELL_SIDE, CELL_SIDE)
    row = np.arange(len(grid))[:, None]
    (y, x), (down, along) = (low[:, :, 0], low[:, :, 1]), (share[:, :, 0], share[:, :, 1])
    above = grid[row, y, x] * (1 - along) + grid[row, y, x + 1] * along
    below = grid[row, y + 1, x] * (1 - along) + grid[row, y + 1, x + 1] * along
    by_cell = above * (1 - down) + below * down
    known = np.isfinite(pixels).all(axis=2)
    return fit_pixel_weights(
        by_cell[known], pixels[:, :, 2][known].astype(np.float64), pixels[:, :, 3][known] > 0.5
    )


def weighted_quantile(values: Values, weights: Values, level: float) -> float:
    """Return the smallest value that ``level`` of the weight does not exceed."""
    order = np.argsort(values)
    reached = np.cumsum(weights[order]) / weights.sum()
    place = min(int(np.searchsorted(reached, level - 1e-12)), len(order) - 1)
    return float(values[order][place])


def _even(data: HeadData) -> Values:
    """Return weights by which every fold, and in it every image, has the same say."""
    folds = np.array(data.fold_names)[data.image_of_row]
    candidates = np.bincount(data.image_of_row, minlength=len(data.fold_names))
    weights = 1.0 / candidates[data.image_of_row]
    for name in np.unique(folds):
        weights[folds == name] /= weights[folds == name].sum()
    return weights

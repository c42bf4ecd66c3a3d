"""Quality from a mask's connected components, after MetaSeg.

Rottmann et al., "Prediction error meta classification in semantic segmentation", IJCNN 2020: each
component is described by how sure the segmenter is in its inside and along its outline, by size,
shape and class; a regression predicts how good it is. Here that is the share of its pixels that is
right, because the mean over components, weighted by area, is then the candidate's overall accuracy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from sklearn.ensemble import HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from rsqa_core.errors import InvalidInputError
from rsqa_core.features.names import CANONICAL_CLASSES
from rsqa_core.records import VOID, normalised_class_name

Values = NDArray[np.float64]

_SURENESS = ("entropy", "margin", "max_prob")
COMPONENT_FEATURES = (
    "class",
    "area_log",
    "image_share",
    "inside_share",
    "area_per_outline",
    "box_fill",
    "own_prob",
    *(f"{name}_{part}" for name in _SURENESS for part in ("mean", "std", "inside", "outline")),
)
TRAINING_COMPONENTS = 40_000
"""At most so many, drawn at random, are learnt from."""

_EIGHT_NEIGHBOURS = np.ones((3, 3), dtype=bool)


@dataclass(frozen=True, slots=True)
class Components:
    """Connected components of candidates.

    Attributes:
        features: (n, F) float32 in COMPONENT_FEATURES order, NaN where there is no inside.
        area_px: (n,) float32.
        accuracy: (n,) float32 share of valid pixels that is right, NaN without a valid pixel.
    """

    features: NDArray[np.float32]
    area_px: NDArray[np.float32]
    accuracy: NDArray[np.float32]


def label_components(mask: NDArray[np.uint8]) -> tuple[NDArray[np.int64], int]:
    """Number the 8-connected components of one class from 0, (H, W); -1 where the mask is VOID.

    Components without an inner pixel (all four neighbours in the same class) say little by
    themselves; those of one class share a number.
    """
    inside = _inside(mask)
    labels = np.full(mask.shape, -1, dtype=np.int64)
    count = 0
    for k in np.unique(mask[mask != VOID]):
        own, found = ndimage.label(mask == k, structure=_EIGHT_NEIGHBOURS)
        solid = np.zeros(found + 1, dtype=bool)
        solid[np.unique(own[inside & (own > 0)])] = True
        solid[0] = False
        number = np.full(found + 1, count + int(solid.sum()), dtype=np.int64)
        number[solid] = count + np.arange(int(solid.sum()))
        where = own > 0
        labels[where] = number[own[where]]
        count += int(solid.sum()) + int(found > solid.sum())
    return labels, count


def describe_components(
    probs: NDArray[np.float32],
    mask: NDArray[np.uint8],
    classes: Sequence[str],
    reference_mask: NDArray[np.uint8] | None = None,
) -> Components:
    """Describe the components of one mask.

    Args:
        probs: (K, H, W) in 0..1, sums to 1 over classes, K >= 2.
        mask: (H, W) uint8 class ids.
        classes: K names; the class number among features is by name, so that it means the same in
            every project.
        reference_mask: (H, W) uint8, VOID where there is no label.
    """
    if probs.shape != (len(classes), *mask.shape):
        raise InvalidInputError(
            f"Expected `probs` of shape {(len(classes), *mask.shape)}, but got {probs.shape}."
        )
    labels, count = label_components(mask)
    where = labels >= 0
    index = labels[where]
    inner = _inside(mask)[where]
    area = np.bincount(index, minlength=count).astype(np.float64)
    inside_px = np.bincount(index[inner], minlength=count).astype(np.float64)
    outline_px = area - inside_px

    def means(values: Values, chosen: NDArray[np.bool_] | None = None) -> Values:
        at = index if chosen is None else index[chosen]
        weights = values if chosen is None else values[chosen]
        counts = np.bincount(at, minlength=count)
        sums = np.bincount(at, weights=weights, minlength=count)
        averaged: Values = np.divide(sums, counts, out=np.full(count, np.nan), where=counts > 0)
        return averaged

    boxes = ndimage.find_objects(labels + 1, max_label=count)
    box_px = np.array([np.prod([s.stop - s.start for s in box]) if box else 1 for box in boxes])
    clipped = np.clip(probs, 1e-7, 1.0)
    top_two = np.partition(probs, len(probs) - 2, axis=0)[-2:]
    maps = {
        "entropy": -(clipped * np.log(clipped)).sum(axis=0) / np.log(len(probs)),
        "margin": top_two[1] - top_two[0],
        "max_prob": top_two[1],
    }
    own = np.take_along_axis(probs, np.minimum(mask, len(probs) - 1)[None].astype(np.int64), 0)[0]
    codes = np.array([_class_code(name) for name in classes], dtype=np.float64)
    columns: list[Values] = [
        means(codes[mask[where]]),
        np.log1p(area),
        area / mask.size,
        inside_px / np.maximum(area, 1),
        area / np.maximum(outline_px, 1),
        area / np.maximum(box_px, 1),
        means(own[where].astype(np.float64)),
    ]
    for name in _SURENESS:
        flat = maps[name][where].astype(np.float64)
        mean = means(flat)
        spread = np.sqrt(np.maximum(means(flat**2) - mean**2, 0.0))
        columns += [mean, spread, means(flat, inner), means(flat, ~inner)]
    accuracy = np.full(count, np.nan)
    if reference_mask is not None:
        valid = (reference_mask != VOID)[where]
        accuracy = means((mask == reference_mask)[where].astype(np.float64), valid)
    return Components(
        np.stack(columns, axis=1).astype(np.float32) if count else _no_rows(),
        area.astype(np.float32),
        accuracy.astype(np.float32),
    )


def fit_components(train: Components, seed: int, *, limit: int = TRAINING_COMPONENTS) -> Any:
    """Fit gradient boosting on the accuracy of components, each counting by its area.

    Returns:
        the fitted regressor; None without a labelled component.
    """
    known = np.flatnonzero(np.isfinite(train.accuracy))
    if not known.size:
        return None
    if known.size > limit:
        known = np.random.default_rng(seed).choice(known, size=limit, replace=False)
    model = HistGradientBoostingRegressor(
        max_iter=100, learning_rate=0.1, l2_regularization=1.0, random_state=seed
    )
    with threadpool_limits(1):  # its threads wait for one another where cores are shared
        return model.fit(train.features[known], train.accuracy[known], train.area_px[known])


def predict_candidates(
    model: Any, test: Components, owner: NDArray[np.int64], candidates: int
) -> Values:
    """Predict the overall accuracy of candidates from their components.

    Args:
        owner: (n,) candidate of each component, 0..candidates - 1.

    Returns:
        (candidates,) mean over components by area, in 0..1; NaN without a component.
    """
    predicted = np.full(candidates, np.nan)
    if model is None or not len(owner):
        return predicted
    with threadpool_limits(1):
        each = np.clip(model.predict(test.features), 0.0, 1.0)
    sums = np.bincount(owner, weights=each * test.area_px, minlength=candidates)
    areas = np.bincount(owner, weights=test.area_px, minlength=candidates)
    np.divide(sums, areas, out=predicted, where=areas > 0)
    return predicted


def _inside(mask: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return where all four neighbours have the pixel's class; the image's edge does not count."""
    inside = np.ones(mask.shape, dtype=bool)
    down, across = mask[1:] == mask[:-1], mask[:, 1:] == mask[:, :-1]
    inside[1:] &= down
    inside[:-1] &= down
    inside[:, 1:] &= across
    inside[:, :-1] &= across
    return inside


def _class_code(name: str) -> int:
    names = CANONICAL_CLASSES
    key = normalised_class_name(name)
    return names.index(key) if key in names else len(names)


def _no_rows() -> NDArray[np.float32]:
    return np.zeros((0, len(COMPONENT_FEATURES)), dtype=np.float32)

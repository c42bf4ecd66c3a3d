"""Numbers from a segmenter's probabilities, tapped features and its own consistency."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rsqa_core.features.grids import CELL_SIDE, Described, pooled
from rsqa_core.features.masks import boundary_of

if TYPE_CHECKING:
    from rsqa_core.segmenters.network import Segmentation, Segmenter


def describe_probs(probs: NDArray[np.float32], mask: NDArray[np.uint8]) -> Described:
    """Describe how sure a segmenter is.

    Args:
        probs: (K, H, W) in 0..1, K >= 2, sums to 1 over classes.
        mask: (H, W) uint8 class ids, the argmax of ``probs`` unless it was edited.

    Returns:
        the numbers and cells of group ``probs``; shares and probabilities in 0..1.
    """
    classes = probs.shape[0]
    top_two = np.partition(probs, classes - 2, axis=0)[-2:]
    top, second = top_two[1], top_two[0]
    clipped = np.clip(probs, 1e-7, 1.0)
    entropy = -(clipped * np.log(clipped)).sum(axis=0) / np.log(classes)
    boundary = boundary_of(mask)
    per_class = [float(top[mask == k].mean()) for k in _present(mask, classes)]
    soft = []
    for k in _present(mask, classes):
        inside = float(probs[k][mask == k].sum())
        union = float(probs[k].sum()) + float((mask == k).sum()) - inside
        soft.append(inside / union)
    low, quarter, half = np.quantile(top, (0.05, 0.25, 0.5))
    upper, extreme = np.quantile(entropy, (0.75, 0.95))
    values = {
        "max_prob_mean": float(top.mean()),
        "max_prob_std": float(top.std()),
        "max_prob_q05": float(low),
        "max_prob_q25": float(quarter),
        "max_prob_q50": float(half),
        "max_prob_boundary": _mean_where(top, boundary),
        "max_prob_interior": _mean_where(top, ~boundary),
        "max_prob_class_mean": float(np.mean(per_class)) if per_class else float("nan"),
        "max_prob_class_min": float(np.min(per_class)) if per_class else float("nan"),
        "below_50": float((top < 0.5).mean()),
        "below_70": float((top < 0.7).mean()),
        "below_90": float((top < 0.9).mean()),
        "entropy_mean": float(entropy.mean()),
        "entropy_q75": float(upper),
        "entropy_q95": float(extreme),
        "margin_mean": float((top - second).mean()),
        "soft_iou": float(np.mean(soft)) if soft else float("nan"),
    }
    maps = {"max_prob": top, "entropy": entropy, "margin": top - second}
    return Described(values, {name: pooled(value, CELL_SIDE) for name, value in maps.items()})


def describe_taps(segmentation: Segmentation, segmenter: Segmenter) -> Described:
    """Compare tapped features with those of the segmenter's training imagery.

    Returns:
        the numbers and cells of group ``taps``, empty without a reference: cosine similarity to
        the mean feature of the predicted class, how far ahead of the next class it is, share of
        places whose
        nearest class mean is the predicted class, log Mahalanobis distance of the pooled decoder
        feature, relative spread of the deepest encoder feature.
    """
    reference = segmenter.reference
    if reference is None or "decoder" not in segmentation.features:
        return Described({}, {})
    decoder = segmentation.features["decoder"]
    channels, height, width = decoder.shape
    flat = decoder.reshape(channels, -1)
    unit = flat / np.maximum(np.linalg.norm(flat, axis=0, keepdims=True), 1e-9)
    similarity = reference.centroids @ unit
    labels = np.asarray(
        Image.fromarray(segmentation.mask).resize((width, height), Image.Resampling.NEAREST)
    ).ravel()
    own = np.take_along_axis(similarity, labels[None].astype(np.int64), axis=0)[0]
    top_two = np.partition(similarity, similarity.shape[0] - 2, axis=0)[-2:]
    offset = flat.mean(axis=1) - reference.pooled_mean
    distance = float(offset @ reference.pooled_precision @ offset) / channels
    deepest = segmentation.features["encoder"]
    spread = deepest.std(axis=(1, 2)).mean() / max(float(np.abs(deepest).mean()), 1e-9)
    margin = top_two[1] - top_two[0]
    values = {
        "tap_similarity_mean": float(own.mean()),
        "tap_similarity_q10": float(np.quantile(own, 0.1)),
        "tap_margin_mean": float(margin.mean()),
        "tap_nearest_agreement": float((similarity.argmax(axis=0) == labels).mean()),
        "tap_distance": float(np.log1p(max(distance, 0.0))),
        "tap_encoder_spread": float(spread),
    }
    maps = {"tap_similarity": own, "tap_margin": margin}
    return Described(
        values,
        {name: pooled(flat.reshape(height, width), CELL_SIDE) for name, flat in maps.items()},
    )


def describe_consistency(
    rgb: NDArray[np.uint8], segmentation: Segmentation, segmenter: Segmenter
) -> Described:
    """Run the segmenter on changed copies of the image and compare its answers.

    The copies are at half size to keep this to three quarters of the first pass.

    Returns:
        the numbers and cells of group ``consistency``: agreement with its answer at half size,
        probability mass that moved, and agreement at half size after a flip and after brightening.
    """
    height, width = segmentation.mask.shape
    size = (max(width // 2, 16), max(height // 2, 16))
    picture = Image.fromarray(np.ascontiguousarray(rgb.transpose(1, 2, 0)))
    small = np.asarray(picture.resize(size, Image.Resampling.BOX)).transpose(2, 0, 1)
    base = segmenter.predict(np.ascontiguousarray(small))
    mirrored = segmenter.predict(np.ascontiguousarray(small[:, :, ::-1]))
    brighter = (255 * (small / 255.0) ** 0.7 + 0.5).astype(np.uint8)
    lit = segmenter.predict(brighter)
    full_small = np.stack(
        [
            np.asarray(Image.fromarray(p).resize(size, Image.Resampling.BOX))
            for p in segmentation.probs
        ]
    )
    maps = {
        "scale_gap": np.abs(full_small - base.probs).sum(axis=0) / 2,
        "flip_gap": np.abs(mirrored.probs[:, :, ::-1] - base.probs).sum(axis=0) / 2,
        "light_gap": np.abs(lit.probs - base.probs).sum(axis=0) / 2,
    }
    values = {
        "scale_agreement": float((full_small.argmax(axis=0) == base.mask).mean()),
        "scale_prob_gap": float(maps["scale_gap"].mean()),
        "flip_agreement": float((mirrored.mask[:, ::-1] == base.mask).mean()),
        "light_agreement": float((lit.mask == base.mask).mean()),
    }
    return Described(values, {name: pooled(value, CELL_SIDE) for name, value in maps.items()})


def _present(mask: NDArray[np.uint8], classes: int) -> list[int]:
    """Return the classes that cover at least 1 % of the mask."""
    counts = np.bincount(mask.ravel(), minlength=classes)[:classes]
    return [k for k in range(classes) if counts[k] >= 0.01 * mask.size]


def _mean_where(values: NDArray[np.float32], where: NDArray[np.bool_]) -> float:
    return float(values[where].mean()) if where.any() else float("nan")

"""Numbers from masks alone and from how they lie on the picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from rsqa_core.features.names import CANONICAL_CLASSES, GROUPS
from rsqa_core.records import VOID, normalised_class_name

Values = dict[str, float]

SMALL_COMPONENT_PX = 64
_EIGHT_NEIGHBOURS = np.ones((3, 3), dtype=bool)


def boundary_of(mask: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return where a pixel differs from its right or lower neighbour, (H, W) bool."""
    boundary = np.zeros(mask.shape, dtype=bool)
    boundary[:, :-1] |= mask[:, :-1] != mask[:, 1:]
    boundary[:-1, :] |= mask[:-1, :] != mask[1:, :]
    return boundary


def describe_mask(mask: NDArray[np.uint8], classes: Sequence[str]) -> Values:
    """Describe the shape of a mask: the numbers of group ``mask``."""
    counts = np.bincount(mask.ravel(), minlength=256).astype(np.float64)
    shares = counts[: len(classes)] / mask.size
    present = shares[shares > 0]
    components = small = 0
    for k in np.flatnonzero(shares):
        labels, count = ndimage.label(mask == k, structure=_EIGHT_NEIGHBOURS)
        sizes = np.bincount(labels.ravel())[1:]
        components += int(count)
        small += int(sizes[sizes < SMALL_COMPONENT_PX].sum())
    names = [normalised_class_name(name) for name in classes]
    by_name = dict(zip(names, shares, strict=True))
    per_class = {f"share_{name}": float(by_name.get(name, 0.0)) for name in CANONICAL_CLASSES}
    entropy = float(-(present * np.log(present)).sum() / np.log(max(len(classes), 2)))
    return {
        "class_entropy": entropy,
        "classes_present": float((shares >= 0.01).sum() / len(classes)),
        "dominant_share": float(shares.max()),
        "void_share": float(counts[VOID] / mask.size),
        "boundary_density": float(boundary_of(mask).mean()),
        "components_log": float(np.log1p(components * 262_144 / mask.size)),
        "small_component_share": small / mask.size,
        **per_class,
    }


class PictureGrid:
    """What ``describe_picture`` needs of an image, computed once for all its candidates."""

    def __init__(self, rgb: NDArray[np.uint8]) -> None:
        self.rgb = rgb.reshape(3, *rgb.shape[1:]).astype(np.float32) / np.float32(255)
        self.grey = self.rgb.mean(axis=0)
        smooth = ndimage.gaussian_filter(self.grey, 1.0)
        self.gradient = np.hypot(ndimage.sobel(smooth, 0), ndimage.sobel(smooth, 1))
        self.strong = self.gradient > np.quantile(self.gradient, 0.9)
        self.texture = ndimage.uniform_filter(self.gradient, 9)
        self.excess_green = 2 * self.rgb[1] - self.rgb[0] - self.rgb[2]


def describe_picture(grid: PictureGrid, mask: NDArray[np.uint8], classes: Sequence[str]) -> Values:
    """Describe how a mask lies on its picture: the numbers of group ``picture``.

    Ratios of gradient at outlines to elsewhere, share of strong edges near an outline, variance of
    colour and texture that the classes explain, and whether water is dark and vegetation green for
    this picture (NaN without such a class).
    """
    boundary = boundary_of(mask)
    near = ndimage.binary_dilation(boundary, iterations=2)
    mean_gradient = max(float(grid.gradient.mean()), 1e-6)
    names = [normalised_class_name(name) for name in classes]
    return {
        "edge_on_boundary": (
            float(grid.gradient[boundary].mean()) / mean_gradient if boundary.any() else 0.0
        ),
        "boundary_on_edge": float(near[grid.strong].mean()) if grid.strong.any() else 0.0,
        "colour_explained": float(np.mean([_explained(band, mask) for band in grid.rgb])),
        "texture_explained": _explained(grid.texture, mask),
        "water_brightness": _contrast_of(grid.grey, mask, names, "water"),
        "vegetation_greenness": _contrast_of(grid.excess_green, mask, names, "vegetation"),
    }


def describe_agreement(masks: Sequence[NDArray[np.uint8]], class_count: int) -> list[Values]:
    """Compare the candidates of one image with one another: group ``agreement`` for each.

    Empty for a lone candidate. ``vote_entropy`` is the same for all: mean over pixels of the
    entropy of the votes, 0 when all agree, 1 when they spread over all classes.
    """
    if len(masks) < 2:
        return [{} for _ in masks]
    stack = np.stack([np.minimum(mask, class_count) for mask in masks])
    count = len(masks)
    pairs = np.ones((count, count))
    for i in range(count):
        for j in range(i):
            pairs[i, j] = pairs[j, i] = float((stack[i] == stack[j]).mean())
    votes = np.stack([(stack == k).sum(axis=0, dtype=np.int16) for k in range(class_count + 1)])
    shares = votes / count
    logs = np.log(np.maximum(shares, 1e-9))
    entropy = float(-(shares * logs).sum(axis=0).mean() / np.log(min(count, class_count + 1)))
    described = []
    for i in range(count):
        others = votes - (np.arange(class_count + 1)[:, None, None] == stack[i])
        winner = others.argmax(axis=0)
        united = others.max(axis=0) == count - 1
        peers = np.delete(pairs[i], i)
        described.append(
            {
                "peer_mean": float(peers.mean()),
                "peer_max": float(peers.max()),
                "peer_min": float(peers.min()),
                "peer_majority": float((winner == stack[i]).mean()),
                "peer_dissent": float((united & (winner != stack[i])).mean()),
                "vote_entropy": entropy,
            }
        )
    return described


def describe_region(
    mask: NDArray[np.uint8], tokens: NDArray[np.float32], class_vectors: NDArray[np.float32]
) -> Values:
    """Compare what the encoder sees in each part with the class that the mask puts there.

    Args:
        mask: (H, W) uint8 class ids.
        tokens: (h, w, D) float32 unit vectors.
        class_vectors: (K, D) float32 unit vectors of the class prompts.

    Returns:
        the numbers of group ``region``; higher means better agreement.
    """
    rows, columns, _ = tokens.shape
    classes = class_vectors.shape[0]
    shares = np.stack([_cell_means(mask == k, rows, columns) for k in range(classes)], axis=-1)
    similarity = tokens @ class_vectors.T
    scaled = np.exp(30.0 * (similarity - similarity.max(axis=-1, keepdims=True)))
    seen = scaled / scaled.sum(axis=-1, keepdims=True)
    majority = shares.argmax(axis=-1)
    own = np.take_along_axis(similarity, majority[..., None], axis=-1)[..., 0]
    others = similarity.copy()
    np.put_along_axis(others, majority[..., None], -np.inf, axis=-1)
    return {
        "region_agreement": float((shares * seen).sum(axis=-1).mean()),
        "region_top_agreement": float((similarity.argmax(axis=-1) == majority).mean()),
        "region_margin": float((own - others.max(axis=-1)).mean()),
    }


def missing_values(group: str) -> Values:
    """Return NaN for every number of ``group``."""
    return dict.fromkeys(GROUPS[group], float("nan"))


def _cell_means(where: NDArray[np.bool_], rows: int, columns: int) -> NDArray[np.float64]:
    """Return the share of True in each cell of an even grid, (rows, columns)."""
    height, width = where.shape
    y = np.linspace(0, height, rows + 1).astype(int)
    x = np.linspace(0, width, columns + 1).astype(int)
    summed = np.zeros((height + 1, width + 1))
    summed[1:, 1:] = where.cumsum(axis=0).cumsum(axis=1)
    totals = (
        summed[y[1:, None], x[None, 1:]]
        - summed[y[:-1, None], x[None, 1:]]
        - summed[y[1:, None], x[None, :-1]]
        + summed[y[:-1, None], x[None, :-1]]
    )
    areas = np.maximum(np.diff(y)[:, None] * np.diff(x)[None], 1)
    means: NDArray[np.float64] = totals / areas
    return means


def _explained(values: NDArray[np.float32], mask: NDArray[np.uint8]) -> float:
    """Return the share of variance that the classes of the mask explain, 0..1."""
    flat, labels = values.ravel().astype(np.float64), mask.ravel()
    counts = np.bincount(labels, minlength=256)
    sums = np.bincount(labels, weights=flat, minlength=256)
    total = float(((flat - flat.mean()) ** 2).sum())
    if total < 1e-9:
        return 0.0
    used = counts > 0
    between = float((counts[used] * (sums[used] / counts[used] - flat.mean()) ** 2).sum())
    return between / total


def _contrast_of(
    values: NDArray[np.float32], mask: NDArray[np.uint8], names: Sequence[str], name: str
) -> float:
    """Return how far the class's mean lies from the image's mean; NaN where it is absent."""
    if name not in names:
        return float("nan")
    where = mask == names.index(name)
    if where.mean() < 0.005:
        return float("nan")
    return float(values[where].mean() - values.mean())

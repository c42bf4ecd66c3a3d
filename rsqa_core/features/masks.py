"""Numbers from masks alone and from how they lie on the picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from rsqa_core.features.grids import CELL_SIDE, Cells, Described, pooled
from rsqa_core.features.names import CANONICAL_CLASSES
from rsqa_core.records import VOID, normalised_class_name

SMALL_COMPONENT_PX = 64
_EIGHT_NEIGHBOURS = np.ones((3, 3), dtype=bool)


def boundary_of(mask: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return where a pixel differs from its right or lower neighbour, (H, W) bool."""
    boundary = np.zeros(mask.shape, dtype=bool)
    boundary[:, :-1] |= mask[:, :-1] != mask[:, 1:]
    boundary[:-1, :] |= mask[:-1, :] != mask[1:, :]
    return boundary


def describe_mask(mask: NDArray[np.uint8], classes: Sequence[str]) -> Described:
    """Describe the shape of a mask: the numbers of group ``mask``, and cells of its outlines."""
    counts = np.bincount(mask.ravel(), minlength=256).astype(np.float64)
    shares = counts[: len(classes)] / mask.size
    present = shares[shares > 0]
    components = small = 0
    size_of = np.zeros(mask.shape, dtype=np.float32)
    for k in np.flatnonzero(shares):
        labels, count = ndimage.label(mask == k, structure=_EIGHT_NEIGHBOURS)
        sizes = np.bincount(labels.ravel())
        sizes[0] = 0
        components += int(count)
        small += int(sizes[sizes < SMALL_COMPONENT_PX].sum())
        size_of += np.log1p(sizes * (262_144 / mask.size)).astype(np.float32)[labels]
    names = [normalised_class_name(name) for name in classes]
    by_name = dict(zip(names, shares, strict=True))
    per_class = {f"share_{name}": float(by_name.get(name, 0.0)) for name in CANONICAL_CLASSES}
    entropy = float(-(present * np.log(present)).sum() / np.log(max(len(classes), 2)))
    boundary = boundary_of(mask)
    values = {
        "class_entropy": entropy,
        "classes_present": float((shares >= 0.01).sum() / len(classes)),
        "dominant_share": float(shares.max()),
        "void_share": float(counts[VOID] / mask.size),
        "boundary_density": float(boundary.mean()),
        "components_log": float(np.log1p(components * 262_144 / mask.size)),
        "small_component_share": small / mask.size,
        **per_class,
    }
    cell_shares = [pooled(mask == k, CELL_SIDE) for k in np.flatnonzero(shares)]
    cells: Cells = {
        "boundary": pooled(boundary, CELL_SIDE),
        "majority_share": np.max(cell_shares, axis=0) if cell_shares else _no_cells(),
        "component_log": pooled(size_of, CELL_SIDE),
        "boundary_distance": pooled(_distance_to(boundary), CELL_SIDE),
        "labelled": pooled(mask != VOID, CELL_SIDE),
    }
    return Described(values, cells)


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
        self.colour_codes = _colour_codes(rgb, self.texture)
        self.colour_spread = [Spread(band) for band in self.rgb]
        self.texture_spread = Spread(self.texture)

    def colour_posterior(self, shares: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return P(class | colour and texture) where classes lie as ``shares`` says, (K, H, W).

        The histogram is of this very picture, smoothed by the classes' overall shares.

        Args:
            shares: (K, H, W) float32 probability of each class, pixel by pixel.
        """
        counts = np.stack(
            [
                np.bincount(self.colour_codes.ravel(), weights=one.ravel(), minlength=_CODES)
                for one in shares
            ],
            axis=1,
        )
        prior = counts.sum(axis=0) / max(float(counts.sum()), 1e-9)
        posterior = (counts + 2 * prior) / (counts.sum(axis=1, keepdims=True) + 2)
        spread: NDArray[np.float32] = posterior.astype(np.float32)[self.colour_codes]
        return spread.transpose(2, 0, 1)


def describe_picture(
    grid: PictureGrid,
    mask: NDArray[np.uint8],
    classes: Sequence[str],
    colours: NDArray[np.float32],
) -> Described:
    """Describe how a mask lies on its picture: the numbers of group ``picture``.

    Ratios of gradient at outlines to elsewhere, share of strong edges near an outline, variance of
    colour and texture that the classes explain, and whether water is dark and vegetation green for
    this picture (NaN without such a class); how likely the classes are by colour alone.

    Args:
        colours: (K, H, W) what ``PictureGrid.colour_posterior`` says for all candidates together.
    """
    boundary = boundary_of(mask)
    near = ndimage.binary_dilation(boundary, iterations=2)
    mean_gradient = max(float(grid.gradient.mean()), 1e-6)
    names = [normalised_class_name(name) for name in classes]
    known = np.minimum(mask, len(classes) - 1)
    likely = np.take_along_axis(colours, known[None].astype(np.int64), axis=0)[0]
    likely = np.where(mask == VOID, 0.0, likely)
    values = {
        "edge_on_boundary": (
            float(grid.gradient[boundary].mean()) / mean_gradient if boundary.any() else 0.0
        ),
        "boundary_on_edge": float(near[grid.strong].mean()) if grid.strong.any() else 0.0,
        "colour_explained": float(np.mean([band.explained(mask) for band in grid.colour_spread])),
        "texture_explained": grid.texture_spread.explained(mask),
        "colour_likelihood": float(likely.mean()),
        "water_brightness": _contrast_of(grid.grey, mask, names, "water"),
        "vegetation_greenness": _contrast_of(grid.excess_green, mask, names, "vegetation"),
    }
    cells = {
        "gradient": pooled(grid.gradient, CELL_SIDE) / np.float32(mean_gradient),
        "colour_likelihood": pooled(likely, CELL_SIDE),
    }
    return Described(values, cells)


def describe_agreement(masks: Sequence[NDArray[np.uint8]], class_count: int) -> list[Described]:
    """Compare the candidates of one image with one another: group ``agreement`` for each.

    Empty for a lone candidate. ``vote_entropy`` is the same for all: mean over pixels of the
    entropy of the votes, 0 when all agree, 1 when they spread over all classes.
    """
    if len(masks) < 2:
        return [Described({}, {}) for _ in masks]
    stack = np.stack([np.minimum(mask, class_count) for mask in masks])
    count = len(masks)
    pairs = np.ones((count, count))
    for i in range(count):
        for j in range(i):
            pairs[i, j] = pairs[j, i] = float((stack[i] == stack[j]).mean())
    votes = np.stack([(stack == k).sum(axis=0, dtype=np.int16) for k in range(class_count + 1)])
    shares = votes / count
    logs = np.log(np.maximum(shares, 1e-9))
    per_pixel = -(shares * logs).sum(axis=0) / np.log(min(count, class_count + 1))
    entropy = float(per_pixel.mean())
    described = []
    for i in range(count):
        others = votes - (np.arange(class_count + 1)[:, None, None] == stack[i])
        winner = others.argmax(axis=0)
        majority = winner == stack[i]
        dissent = (others.max(axis=0) == count - 1) & ~majority
        peers = np.delete(pairs[i], i)
        own = np.take_along_axis(votes, stack[i][None].astype(np.int64), axis=0)[0]
        values = {
            "peer_mean": float(peers.mean()),
            "peer_max": float(peers.max()),
            "peer_min": float(peers.min()),
            "peer_majority": float(majority.mean()),
            "peer_dissent": float(dissent.mean()),
            "vote_entropy": entropy,
        }
        maps = {
            "peers": (own - 1) / np.float32(count - 1),
            "peer_majority": majority,
            "dissent": dissent,
            "vote_entropy": per_pixel,
        }
        described.append(Described(values, {n: pooled(m, CELL_SIDE) for n, m in maps.items()}))
    return described


def describe_region(
    mask: NDArray[np.uint8], tokens: NDArray[np.float32], class_vectors: NDArray[np.float32]
) -> Described:
    """Compare what the encoder sees in each part with the class that the mask puts there.

    Args:
        mask: (H, W) uint8 class ids.
        tokens: (h, w, D) float32 unit vectors.
        class_vectors: (K, D) float32 unit vectors of the class prompts.

    Returns:
        the numbers and cells of group ``region``; higher means better agreement.
    """
    rows, columns, _ = tokens.shape
    classes = class_vectors.shape[0]
    shares = _cell_shares(mask, classes, rows, columns)
    similarity = tokens @ class_vectors.T
    scaled = np.exp(30.0 * (similarity - similarity.max(axis=-1, keepdims=True)))
    seen = scaled / scaled.sum(axis=-1, keepdims=True)
    majority = shares.argmax(axis=-1)
    own = np.take_along_axis(similarity, majority[..., None], axis=-1)[..., 0]
    others = similarity.copy()
    np.put_along_axis(others, majority[..., None], -np.inf, axis=-1)
    agreement = (shares * seen).sum(axis=-1)
    margin = own - others.max(axis=-1)
    values = {
        "region_agreement": float(agreement.mean()),
        "region_top_agreement": float((similarity.argmax(axis=-1) == majority).mean()),
        "region_margin": float(margin.mean()),
    }
    maps = {"region": agreement, "region_margin": margin}
    return Described(values, {name: pooled(value, CELL_SIDE) for name, value in maps.items()})


_LEVELS = 8
_TEXTURES = 4
_CODES = _LEVELS**3 * _TEXTURES


def _colour_codes(rgb: NDArray[np.uint8], texture: NDArray[np.float32]) -> NDArray[np.int64]:
    """Number the colour and texture of every pixel, 0.._CODES - 1; textures in quarters."""
    red, green, blue = (band.astype(np.int64) >> 5 for band in rgb)
    cuts = np.quantile(texture, np.arange(1, _TEXTURES) / _TEXTURES)
    colour = (red * _LEVELS + green) * _LEVELS + blue
    codes: NDArray[np.int64] = colour * _TEXTURES + np.searchsorted(cuts, texture)
    return codes


def _distance_to(boundary: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the distance to the next outline in px, cut at 64 and divided by it."""
    if not boundary.any():
        return np.ones(boundary.shape, dtype=np.float32)
    far = ndimage.distance_transform_cdt(~boundary, "chessboard")
    distance: NDArray[np.float32] = np.minimum(far, 64).astype(np.float32) / 64
    return distance


def _no_cells() -> NDArray[np.float32]:
    return np.zeros((CELL_SIDE, CELL_SIDE), dtype=np.float32)


def _cell_shares(
    mask: NDArray[np.uint8], classes: int, rows: int, columns: int
) -> NDArray[np.float64]:
    """Return the share of every class in each cell of an even grid, (rows, columns, classes).

    A cell without a pixel, where the grid is finer than the mask, has none of any class.
    """
    height, width = mask.shape
    y = np.linspace(0, height, rows + 1).astype(int)
    x = np.linspace(0, width, columns + 1).astype(int)
    row = np.searchsorted(y, np.arange(height), side="right") - 1
    column = np.searchsorted(x, np.arange(width), side="right") - 1
    cell = (row[:, None] * columns + column[None]) * (classes + 1)
    codes = cell + np.minimum(mask, classes)
    counts = np.bincount(codes.ravel(), minlength=rows * columns * (classes + 1))
    counts = counts.reshape(rows, columns, classes + 1)[..., :classes]
    areas = np.maximum(np.diff(y)[:, None] * np.diff(x)[None], 1)
    shares: NDArray[np.float64] = counts / areas[..., None]
    return shares


class Spread:
    """Values of a picture with what does not depend on a mask, computed once."""

    def __init__(self, values: NDArray[np.float32]) -> None:
        self._flat = values.ravel().astype(np.float64)
        self._mean = self._flat.mean()
        self._total = float(((self._flat - self._mean) ** 2).sum())

    def explained(self, mask: NDArray[np.uint8]) -> float:
        """Return the share of variance that the classes of a mask explain, 0..1."""
        if self._total < 1e-9:
            return 0.0
        labels = mask.ravel()
        counts = np.bincount(labels, minlength=256)
        sums = np.bincount(labels, weights=self._flat, minlength=256)
        used = counts > 0
        between = (counts[used] * (sums[used] / counts[used] - self._mean) ** 2).sum()
        return float(between) / self._total


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

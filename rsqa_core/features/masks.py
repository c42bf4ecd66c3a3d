"""Numbers from masks alone and from how they lie on the picture."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from rsqa_core.features.grids import (
    CELL_SIDE,
    Cells,
    Described,
    pooled,
    shares_by_cell,
)
from rsqa_core.features.names import CANONICAL_CLASSES
from rsqa_core.records import VOID, normalised_class_name

SMALL_COMPONENT_PX = 64
_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
_FARTHEST_PX = 64


def boundary_of(mask: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return where a pixel differs from its right or lower neighbour, (H, W) bool."""
    boundary = np.zeros(mask.shape, dtype=bool)
    boundary[:, :-1] |= mask[:, :-1] != mask[:, 1:]
    boundary[:-1, :] |= mask[:-1, :] != mask[1:, :]
    return boundary


def describe_mask(mask: NDArray[np.uint8], classes: Sequence[str]) -> Described:
    """Describe the shape of a mask: the numbers of group ``mask``, and cells of its outlines."""
    counts = _counts(mask)
    shares = counts[: len(classes)] / mask.size
    present = shares[shares > 0]
    component_of, sizes = _components(mask, np.flatnonzero(shares))
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
        "components_log": float(np.log1p((sizes > 0).sum() * 262_144 / mask.size)),
        "small_component_share": float(sizes[sizes < SMALL_COMPONENT_PX].sum() / mask.size),
        **per_class,
    }
    logs = np.log1p(sizes * (262_144 / mask.size)).astype(np.float32)
    cells: Cells = {
        "boundary": pooled(boundary, CELL_SIDE),
        "majority_share": pooled(mask == _ids(len(classes)), CELL_SIDE).max(axis=0),
        "component_log": pooled(logs.take(component_of), CELL_SIDE),
        "boundary_distance": pooled(_distance_to(boundary), CELL_SIDE),
        "labelled": pooled(mask != VOID, CELL_SIDE),
    }
    return Described(values, cells)


class PictureGrid:
    """What ``describe_picture`` needs of an image, computed once for all its candidates."""

    def __init__(self, rgb: NDArray[np.uint8]) -> None:
        self.rgb = rgb.reshape(3, *rgb.shape[1:]).astype(np.float32) / np.float32(255)
        self.grey = self.rgb.mean(axis=0)
        smooth = cv2.GaussianBlur(self.grey, (9, 9), 1.0, borderType=cv2.BORDER_REFLECT)
        self.gradient = cv2.magnitude(_sobel(smooth, 1, 0), _sobel(smooth, 0, 1))
        self.mean_gradient = max(float(self.gradient.mean()), 1e-6)
        self.gradient_cells = pooled(self.gradient, CELL_SIDE) / np.float32(self.mean_gradient)
        self.strong = np.flatnonzero(self.gradient > np.quantile(self.gradient, 0.9))
        texture = cv2.blur(self.gradient, (9, 9), borderType=cv2.BORDER_REFLECT)
        self.texture = np.asarray(texture, dtype=np.float32)
        self.excess_green = 2 * self.rgb[1] - self.rgb[0] - self.rgb[2]
        self.colour_codes = _colour_codes(rgb, self.texture)
        layers = np.stack([*self.rgb, self.texture], axis=-1)
        self.centred = layers - layers.mean(axis=(0, 1), dtype=np.float64).astype(np.float32)
        self.variation = np.square(self.centred).sum(axis=(0, 1), dtype=np.float64)

    def colour_posterior(self, shares: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return P(class | colour and texture) where classes lie as ``shares`` says, (K, H, W).

        The histogram is of this very picture, smoothed by the classes' overall shares.

        Args:
            shares: (K, H, W) float32 probability of each class, pixel by pixel.
        """
        codes = self.colour_codes.ravel()
        counts = np.stack(
            [np.bincount(codes, weights=one.ravel(), minlength=_CODES) for one in shares]
        )
        prior = counts.sum(axis=1, keepdims=True) / max(float(counts.sum()), 1e-9)
        posterior = (counts + 2 * prior) / (counts.sum(axis=0) + 2)
        return np.stack([one.take(self.colour_codes) for one in posterior.astype(np.float32)])


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
    near = cv2.dilate(boundary.view(np.uint8), _CROSS, iterations=2).ravel()
    outline_px = int(boundary.sum())
    on_outline = float(grid.gradient.ravel() @ boundary.ravel().astype(np.float32))
    names = [normalised_class_name(name) for name in classes]
    counts = _counts(mask)
    means = np.zeros((4, counts.size))
    likely = np.zeros(mask.shape, dtype=np.float32)  # stays 0 where there is no class
    for k in np.flatnonzero(counts):
        inside = (mask == k).view(np.uint8)
        means[:, k] = cv2.mean(grid.centred, mask=inside)
        if k < len(classes):
            cv2.copyTo(colours[k], inside, likely)
    between = (counts * means**2).sum(axis=1)
    explained = np.where(grid.variation < 1e-9, 0.0, between / np.maximum(grid.variation, 1e-9))

    def contrast(name: str, *weights: float) -> float:
        """Return how far the class lies from the image's mean colour; NaN where it is absent."""
        k = names.index(name) if name in names else -1
        absent = k < 0 or counts[k] < 0.005 * mask.size
        return float("nan") if absent else float(np.dot(weights, means[:3, k]))

    values = {
        "edge_on_boundary": on_outline / max(outline_px, 1) / grid.mean_gradient,
        "boundary_on_edge": float(near[grid.strong].mean()) if grid.strong.size else 0.0,
        "colour_explained": float(explained[:3].mean()),
        "texture_explained": float(explained[3]),
        "colour_likelihood": float(likely.mean()),
        "water_brightness": contrast("water", 1 / 3, 1 / 3, 1 / 3),
        "vegetation_greenness": contrast("vegetation", -1.0, 2.0, -1.0),
    }
    cells = {
        "gradient": grid.gradient_cells,
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
    # For the class of each candidate, its own vote among them.
    votes = np.ones(stack.shape, dtype=np.min_scalar_type(count))
    for i in range(count):
        for j in range(i):
            same = (stack[i] == stack[j]).view(np.uint8)
            pairs[i, j] = pairs[j, i] = np.count_nonzero(same) / same.size
            votes[i] += same
            votes[j] += same
    # Each class's share of the votes is one term for each of its votes.
    terms = -np.log(np.maximum(np.arange(count + 1), 1) / count) / count
    terms = (terms / np.log(min(count, class_count + 1))).astype(np.float32)
    spread = np.zeros(stack.shape[1:], dtype=np.float32)
    for one in votes:
        spread += terms.take(one)
    most = votes.max(axis=0)
    winner = np.where(votes == most, stack, 255).min(axis=0)
    # Without one of its votes the winner still wins: against later classes it needs as many as
    # they have, against earlier ones more.
    rivals = ((votes == most) & (stack > winner)) | ((votes == most - 1) & (stack < winner))
    clear = ~rivals.any(axis=0)
    spread_cells = pooled(spread, CELL_SIDE)
    described = []
    for i in range(count):
        majority = (stack[i] == winner) & clear
        dissent = (votes[i] == 1) & (most == count - 1)
        peers = np.delete(pairs[i], i)
        values = {
            "peer_mean": float(peers.mean()),
            "peer_max": float(peers.max()),
            "peer_min": float(peers.min()),
            "peer_majority": float(majority.mean()),
            "peer_dissent": float(dissent.mean()),
            "vote_entropy": float(spread.mean()),
        }
        cells = {
            "peers": (pooled(votes[i], CELL_SIDE) - 1) / np.float32(count - 1),
            "peer_majority": pooled(majority, CELL_SIDE),
            "dissent": pooled(dissent, CELL_SIDE),
            "vote_entropy": spread_cells,
        }
        described.append(Described(values, cells))
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
    shares = shares_by_cell(mask, classes, rows, columns)
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


def _counts(mask: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the pixels of each class id, (256,)."""
    counts = cv2.calcHist([mask], [0], None, [256], [0, 256])
    return np.asarray(counts.ravel(), dtype=np.float64)


def _ids(class_count: int) -> NDArray[np.uint8]:
    """Return class ids that a mask is compared with all at once, (K, 1, 1)."""
    return np.arange(class_count, dtype=np.uint8)[:, None, None]


_LEVELS = 8
_TEXTURES = 4
_CODES = _LEVELS**3 * _TEXTURES


def _colour_codes(rgb: NDArray[np.uint8], texture: NDArray[np.float32]) -> NDArray[np.int64]:
    """Number the colour and texture of every pixel, 0.._CODES - 1; textures in quarters."""
    red, green, blue = (band.astype(np.int64) >> 5 for band in rgb)
    cuts = np.quantile(texture, np.arange(1, _TEXTURES) / _TEXTURES)
    colour = (red * _LEVELS + green) * _LEVELS + blue
    quarter = sum((texture > cut).view(np.uint8) for cut in cuts)
    codes: NDArray[np.int64] = colour * _TEXTURES + quarter
    return codes


def _components(
    mask: NDArray[np.uint8], present: NDArray[np.int64]
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Return the number of the component of each pixel, and the size of each component in px.

    Components are of eight neighbours and one class. Number 0 stands for what lies in no class of
    ``present`` and has size 0.
    """
    component_of = np.zeros(mask.shape, dtype=np.int32)
    count = 0
    for k in present:
        inside = (mask == k).view(np.uint8)
        found, labels = cv2.connectedComponents(inside, connectivity=8, ltype=cv2.CV_32S)
        labels += np.int32(count)
        cv2.copyTo(labels, inside, component_of)
        count += found - 1
    sizes = np.bincount(component_of.ravel(), minlength=count + 1).astype(np.float64)
    sizes[0] = 0
    return component_of, sizes


def _sobel(values: NDArray[np.float32], x: int, y: int) -> NDArray[np.float32]:
    slope = cv2.Sobel(values, cv2.CV_32F, x, y, ksize=3, borderType=cv2.BORDER_REFLECT)
    return np.asarray(slope, dtype=np.float32)


def _distance_to(boundary: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the distance to the next outline in px, cut at _FARTHEST_PX and divided by it."""
    if not boundary.any():
        return np.ones(boundary.shape, dtype=np.float32)
    far = cv2.distanceTransform((~boundary).view(np.uint8), cv2.DIST_C, 3)
    return np.asarray(np.minimum(far, _FARTHEST_PX) / np.float32(_FARTHEST_PX))

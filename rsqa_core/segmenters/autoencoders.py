"""Unsupervised clustering of an image's pixels: two stacked autoencoders, then k-means.

Every pixel's bands are stretched to 0..1 by their own smallest and largest, which leaves the shape
of its spectrum and takes its brightness away. The first autoencoder learns to give that back, the
second is fed with the answer beside the input, and its two middle numbers are clustered. Nothing
here knows what the bands are, so any number of them from two on will do.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from sklearn.cluster import KMeans
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score
from torch import Tensor, nn

from rsqa_core.errors import InvalidInputError

_FIRST = (6, 4, 2)
_SECOND = (10, 5, 2)
_SCORED_PIXELS = 2000


@dataclass(frozen=True, slots=True)
class ClusteringOptions:
    """How an image is clustered.

    Attributes:
        clusters: k of k-means.
        sample: pixels that autoencoders and k-means learn from.
        steps: of each autoencoder.
        mode_px: side of the mode filter, odd.
        seed: of sample, weights and k-means.
    """

    clusters: int = 8
    sample: int = 1024
    steps: int = 40
    mode_px: int = 7
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Clustering:
    """An image's clusters.

    Attributes:
        labels: (H, W) uint8 cluster of each pixel after the mode filter.
        memberships: (C, H, W) float32, sums to 1; larger for a cluster whose centre is closer, and
            largest for the one in ``labels``.
        code: (2, H, W) float32 middle numbers of the second autoencoder.
        calinski_harabasz: between-cluster over within-cluster spread, higher is better; NaN for a
            single cluster.
        davies_bouldin: mean likeness of each cluster to its closest, lower is better; NaN as above.
    """

    labels: NDArray[np.uint8]
    memberships: NDArray[np.float32]
    code: NDArray[np.float32]
    calinski_harabasz: float
    davies_bouldin: float


def cluster_bands(
    bands: NDArray[np.float32], options: ClusteringOptions | None = None
) -> Clustering:
    """Cluster the pixels of one image.

    Args:
        bands: (B, H, W) of any unit, B >= 2.

    Raises:
        InvalidInputError: another form, or values that are not finite.
    """
    chosen = options or ClusteringOptions()
    if bands.ndim != 3 or bands.shape[0] < 2 or not bands[0].size or not np.isfinite(bands).all():
        raise InvalidInputError(
            f"Expected `bands` to be (B, H, W) of finite values with B >= 2, but got {bands.shape} "
            f"{bands.dtype}. Fill missing pixels first."
        )
    count, height, width = bands.shape
    pixels = stretched_by_pixel(bands.reshape(count, -1).T.astype(np.float32))
    rng = np.random.default_rng(chosen.seed)
    drawn = rng.choice(len(pixels), size=min(chosen.sample, len(pixels)), replace=False)
    with _one_thread(chosen.seed):
        code = _stacked_code(torch.from_numpy(pixels), torch.from_numpy(drawn), chosen.steps)
    sample = code[drawn]
    wanted = min(chosen.clusters, len(np.unique(sample, axis=0)))
    means = KMeans(wanted, n_init=2, random_state=chosen.seed).fit(sample)
    distance = np.square(code[:, None, :] - means.cluster_centers_[None]).sum(axis=2)
    own = distance.argmin(axis=1).reshape(height, width)
    labels = mode_filtered(own.astype(np.uint8), wanted, chosen.mode_px)
    soft = _memberships(distance.T.reshape(wanted, height, width), own, labels)
    judged = drawn[:_SCORED_PIXELS]
    named = own.ravel()[judged]
    several = 2 <= len(np.unique(named)) < len(judged)
    return Clustering(
        labels=labels,
        memberships=soft,
        code=np.ascontiguousarray(code.T.reshape(2, height, width)),
        calinski_harabasz=float(calinski_harabasz_score(code[judged], named))
        if several
        else float("nan"),
        davies_bouldin=float(davies_bouldin_score(code[judged], named))
        if several
        else float("nan"),
    )


def stretched_by_pixel(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Stretch each row of (N, B) to 0..1 by its own extremes; a flat row becomes 0."""
    low = pixels.min(axis=1, keepdims=True)
    span = pixels.max(axis=1, keepdims=True) - low
    stretched: NDArray[np.float32] = (pixels - low) / np.where(span > 0, span, 1)
    return stretched


def mode_filtered(labels: NDArray[np.uint8], count: int, side_px: int) -> NDArray[np.uint8]:
    """Give each pixel the label that is most frequent around it; of equal ones the smallest.

    Args:
        labels: (H, W) below ``count``; edges are mirrored.
        side_px: of the square around a pixel, odd.
    """
    best = np.full(labels.shape, -1.0, dtype=np.float32)
    chosen = np.zeros_like(labels)
    for label in range(count):
        share = ndimage.uniform_filter((labels == label).astype(np.float32), side_px)
        better = share > best + 1e-6
        best[better] = share[better]
        chosen[better] = label
    return chosen


class _Autoencoder(nn.Module):
    def __init__(self, bands: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        sides = [bands, *widths]
        self.inward = nn.Sequential(*_dense(sides))
        outward = _dense(sides[::-1])
        self.outward = nn.Sequential(*outward[:-1], nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        restored: Tensor = self.outward(self.inward(x))
        return restored


def _dense(sides: list[int]) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise(sides):
        layers += [nn.Linear(fan_in, fan_out), nn.SELU()]
    return layers


def _stacked_code(pixels: Tensor, drawn: Tensor, steps: int) -> NDArray[np.float32]:
    """Train both autoencoders on the drawn pixels; return the second's code of all, (N, 2)."""
    first = _Autoencoder(pixels.shape[1], _FIRST)
    _fit(first, pixels[drawn], steps)
    with torch.no_grad():
        stacked = torch.cat([first(pixels), pixels], dim=1)
    second = _Autoencoder(stacked.shape[1], _SECOND)
    _fit(second, stacked[drawn], steps)
    with torch.no_grad():
        code: NDArray[np.float32] = second.inward(stacked).numpy()
    return code


def _fit(network: nn.Module, data: Tensor, steps: int) -> None:
    optimiser = torch.optim.Adam(network.parameters(), lr=0.02)
    for _ in range(steps):
        loss = nn.functional.mse_loss(network(data), data)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()


def _memberships(
    distance: NDArray[np.float32], own: NDArray[np.intp], labels: NDArray[np.uint8]
) -> NDArray[np.float32]:
    """Turn (C, H, W) squared distances into shares; a pixel whose label the filter changed swaps
    the share of its own cluster for that of the new one."""
    spread = float(np.take_along_axis(distance, own[None], axis=0).mean())
    weight = np.exp(-(distance - distance.min(axis=0)) / max(2 * spread, 1e-12))
    soft: NDArray[np.float32] = (weight / weight.sum(axis=0)).astype(np.float32)
    new = labels[None].astype(np.int64)
    old = own[None]
    of_new = np.take_along_axis(soft, new, axis=0)
    of_old = np.take_along_axis(soft, old, axis=0)
    np.put_along_axis(soft, old, of_new, axis=0)
    np.put_along_axis(soft, new, of_old, axis=0)
    return soft


@contextmanager
def _one_thread(seed: int) -> Iterator[None]:
    """Seed torch and keep it to one thread meanwhile: with more, networks this small are slower."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            yield
    finally:
        torch.set_num_threads(threads)

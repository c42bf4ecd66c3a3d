"""What labels teach a head about one project: a Gaussian process on its errors.

The base head says what holds everywhere; its errors on a project are alike for candidates that look
alike and are predicted alike, above all where they lie close together, for candidates of one source
image and, most of all, of one image; and they are the larger, the less sure the head is. A Gaussian
process with those terms turns a few labels into corrections of every other candidate, in closed
form.

References:
    Rasmussen and Williams 2006, Gaussian Processes for Machine Learning, chapter 2.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rsqa_core.heads.inputs import Places

Values = NDArray[np.float64]

USUAL_HALF_WIDTH = 0.13
"""Half-width of a head's interval at which errors are as large as `Kernel` says."""

_ROWS_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class Kernel:
    """Standard deviations of the terms of an error of usual size, in units of quality.

    The defaults are rounded from maximum likelihood on the out-of-fold errors of the sample's
    scenes. All that two candidates share falls off with the distance of their predicted scores.

    Attributes:
        everywhere: shared by the whole project.
        alike: shared by candidates that look alike; falls off over ``alike_length``.
        image: shared by all candidates of an image.
        image_alike: shared by candidates of an image that look alike; over ``image_length``.
        source: shared by all tiles of a source image.
        near: shared by candidates of a source image that look alike and lie close together; over
            ``near_px`` between the centres of their tiles.
        score_length: distance of predicted scores over which errors stop being alike.
        noise: of a label.
    """

    everywhere: float = 0.02
    alike: float = 0.10
    alike_length: float = 1.0
    image: float = 0.035
    image_alike: float = 0.05
    image_length: float = 1.7
    source: float = 0.035
    near: float = 0.08
    near_px: float = 512.0
    score_length: float = 0.3
    noise: float = 0.015

    @property
    def variance(self) -> float:
        """Prior variance of an error of usual size, without the noise."""
        parts = (
            self.everywhere,
            self.alike,
            self.image,
            self.image_alike,
            self.source,
            self.near,
        )
        return float(sum(part**2 for part in parts))


@dataclass(frozen=True, slots=True)
class Points:
    """n candidates as the process sees them.

    Attributes:
        inputs: (n, p) float32 description of each; near ones look alike.
        places: where they lie.
        score: (n,) float64 the base head's score in 0..1.
        size: (n,) float64 how large their errors are beside the usual.
    """

    inputs: NDArray[np.float32]
    places: Places
    score: Values
    size: Values

    def __len__(self) -> int:
        return len(self.score)

    def only(self, rows: NDArray[np.int64]) -> Points:
        """Return the candidates of ``rows``."""
        return Points(self.inputs[rows], self.places.only(rows), self.score[rows], self.size[rows])


@dataclass(frozen=True, slots=True)
class Residual:
    """What labels say of the errors of all candidates.

    Attributes:
        points: the n labelled candidates.
        weights: (n,) float64 of each.
        trust: share of a correction that holds far from every label, in 0..1; at a label all does.
        factor: of the intervals of the base head, from which `Points.size` comes.
        kernel: terms of the process.
    """

    points: Points
    weights: Values
    trust: float = 1.0
    factor: float = 1.0
    kernel: Kernel = Kernel()

    def correction(self, points: Points) -> tuple[Values, Values]:
        """Return what to add to the base head's scores, and how much of the doubt that takes away.

        Args:
            points: N candidates.

        Returns:
            (N,) correction in units of quality; (N,) share of the variance of the error that the
            nearest label alone explains, 0 far from every label, almost 1 at one.
        """
        kernel = self.kernel
        variance = kernel.variance * self.points.size**2
        nearest = (kernel.variance * (variance + kernel.noise**2)).astype(np.float32)
        weights = self.weights.astype(np.float32)
        mean = np.empty(len(points))
        explained = np.empty(len(points))
        for start in range(0, len(points), _ROWS_AT_ONCE):
            rows = np.arange(start, min(start + _ROWS_AT_ONCE, len(points)))
            asked = points.only(rows)
            found = covariance(kernel, asked, self.points, np.float32)
            mean[rows] = found @ weights
            np.square(found, out=found)
            found /= nearest
            explained[rows] = found.max(axis=1) / asked.size**2
        explained = np.clip(explained, 0.0, 1.0)
        share = self.trust + (1.0 - self.trust) * np.sqrt(explained)
        return share * mean, share * explained


def covariance(
    kernel: Kernel,
    left: Points,
    right: Points,
    dtype: Any = np.float64,
) -> Any:
    """Return the prior covariance of the errors of candidates, (n, m) in squared quality.

    Args:
        dtype: of the answer and of what it is computed in. Single precision is several times
            faster, and enough unless the matrix is inverted.
    """
    a, b = left.inputs, right.inputs
    square = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None] - 2 * a @ b.T
    square = np.maximum(square, 0.0, dtype=dtype)
    total = square * dtype(-1 / (2 * kernel.alike_length**2))
    np.exp(total, out=total)
    total *= dtype(kernel.alike**2)
    # Few pairs share a source: what only those have is computed for them alone.
    added = []
    for rows, columns in _shared(left.places.sources, right.places.sources):
        offset = left.places.centres_px[rows][:, None] - right.places.centres_px[columns][None]
        near = np.exp(-(offset**2).sum(axis=2) / (2 * kernel.near_px**2))
        place = np.ix_(rows, columns)
        alike = np.exp(-square[place] / (2 * kernel.alike_length**2))
        added.append((place, kernel.source**2 + kernel.near**2 * near * alike))
    for rows, columns in _shared(left.places.images, right.places.images):
        place = np.ix_(rows, columns)
        sibling = np.exp(-square[place] / (2 * kernel.image_length**2))
        added.append((place, kernel.image**2 + kernel.image_alike**2 * sibling))
    total += dtype(kernel.everywhere**2)
    for place, more in added:
        total[place] += more
    first, second = (one.score.astype(dtype) / dtype(kernel.score_length) for one in (left, right))
    apart = np.subtract(first[:, None], second[None], out=square)
    np.square(apart, out=apart)
    apart *= dtype(-0.5)
    total *= np.exp(apart, out=apart)
    total *= left.size.astype(dtype)[:, None]
    total *= right.size.astype(dtype)[None]
    return total


def _shared(
    left: tuple[str, ...], right: tuple[str, ...]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield rows of ``left`` and of ``right`` that have one name; an empty name is none."""
    places: dict[str, tuple[list[int], list[int]]] = {}
    for row, name in enumerate(left):
        if name:
            places.setdefault(name, ([], []))[0].append(row)
    for column, name in enumerate(right):
        if name in places:
            places[name][1].append(column)
    for rows, columns in places.values():
        if columns:
            yield np.array(rows, dtype=np.int64), np.array(columns, dtype=np.int64)

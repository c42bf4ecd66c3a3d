"""What labels teach a head about one project: a Gaussian process on its errors.

The base head says what holds everywhere; its errors on a project are alike for candidates that look
alike, above all where they lie close together, for candidates of one source image and, most of
all, of one image. A Gaussian process with
those terms turns a few labels into corrections of every other candidate, in closed form.

References:
    Rasmussen and Williams 2006, Gaussian Processes for Machine Learning, chapter 2.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rsqa_core.errors import InvalidInputError
from rsqa_core.heads.inputs import Places

Values = NDArray[np.float64]

MAX_POINTS = 3000
"""Labels that one residual keeps; of more, a random choice. The cost grows with its cube."""

_ROWS_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class Kernel:
    """Standard deviations of the terms of an error, in units of quality.

    The defaults are rounded from maximum likelihood on the out-of-fold errors of the sample's
    scenes.

    Attributes:
        everywhere: shared by the whole project.
        alike: shared by candidates that look alike; falls off over ``alike_length``.
        image: shared by all candidates of an image.
        image_alike: shared by candidates of an image that look alike; over ``image_length``.
        source: shared by all tiles of a source image.
        near: shared by candidates of a source image that look alike and lie close together; over
            ``near_px`` between the centres of their tiles.
        noise: of a label.
    """

    everywhere: float = 0.02
    alike: float = 0.10
    alike_length: float = 1.0
    image: float = 0.035
    image_alike: float = 0.05
    image_length: float = 1.7
    source: float = 0.035
    near: float = 0.06
    near_px: float = 512.0
    noise: float = 0.02

    @property
    def variance(self) -> float:
        """Prior variance of an error without the noise."""
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
class Residual:
    """A fitted Gaussian process.

    Attributes:
        inputs: (n, p) float32 description of each labelled candidate.
        places: of each.
        alpha: (n,) float64 weights.
        kernel: its terms.
    """

    inputs: NDArray[np.float32]
    places: Places
    alpha: Values
    kernel: Kernel = Kernel()

    def correction(self, inputs: NDArray[np.float32], places: Places) -> tuple[Values, Values]:
        """Return what to add to the base head's scores, and how close the nearest label is.

        Args:
            inputs: (N, p) description of each candidate.
            places: of each.

        Returns:
            (N,) correction in units of quality; (N,) closeness, 0 far from every label, 1 at one.
        """
        mean = np.empty(len(inputs))
        closeness = np.empty(len(inputs))
        for start in range(0, len(inputs), _ROWS_AT_ONCE):
            rows = np.arange(start, min(start + _ROWS_AT_ONCE, len(inputs)))
            found = covariance(
                self.kernel, inputs[rows], places.only(rows), self.inputs, self.places
            )
            mean[rows] = found @ self.alpha
            closeness[rows] = found.max(axis=1) / self.kernel.variance
        return mean, np.clip(closeness, 0.0, 1.0)


def fit_residual(
    inputs: NDArray[np.float32],
    places: Places,
    errors: Values,
    noise: Values,
    kernel: Kernel | None = None,
    seed: int = 0,
) -> Residual:
    """Fit the process to n labelled candidates.

    Args:
        inputs: (n, p) description of each.
        places: of each.
        errors: (n,) label minus the base head's score.
        noise: (n,) standard deviation of each label beyond the kernel's noise, 0 for a plain one.

    Raises:
        InvalidInputError: an error is not finite.
    """
    chosen = kernel or Kernel()
    if not np.isfinite(errors).all():
        raise InvalidInputError("Expected finite labels and scores, but got NaN or infinity.")
    if len(errors) > MAX_POINTS:
        kept = np.sort(np.random.default_rng(seed).permutation(len(errors))[:MAX_POINTS])
        inputs, errors, noise = inputs[kept], errors[kept], noise[kept]
        places = places.only(kept)
    matrix = covariance(chosen, inputs, places, inputs, places)
    matrix[np.diag_indices_from(matrix)] += chosen.noise**2 + noise**2
    alpha: Values = np.linalg.solve(matrix, errors).astype(np.float64)
    return Residual(inputs, places, alpha, chosen)


def covariance(
    kernel: Kernel,
    left: NDArray[np.float32],
    left_places: Places,
    right: NDArray[np.float32],
    right_places: Places,
) -> Values:
    """Return the prior covariance of the errors of candidates, (n, m) in squared quality."""
    square = (
        (left**2).sum(axis=1)[:, None] + (right**2).sum(axis=1)[None] - 2 * left @ right.T
    ).astype(np.float64)
    np.maximum(square, 0.0, out=square)
    total: Values = square * (-1 / (2 * kernel.alike_length**2))
    np.exp(total, out=total)
    total *= kernel.alike**2
    # Few pairs share a source: what only those have is computed for them alone.
    added = []
    for rows, columns in _shared(left_places.sources, right_places.sources):
        offset = left_places.centres_px[rows][:, None] - right_places.centres_px[columns][None]
        near = np.exp(-(offset**2).sum(axis=2) / (2 * kernel.near_px**2))
        place = np.ix_(rows, columns)
        alike = np.exp(-square[place] / (2 * kernel.alike_length**2))
        added.append((place, kernel.source**2 + kernel.near**2 * near * alike))
    for rows, columns in _shared(left_places.images, right_places.images):
        place = np.ix_(rows, columns)
        sibling = np.exp(-square[place] / (2 * kernel.image_length**2))
        added.append((place, kernel.image**2 + kernel.image_alike**2 * sibling))
    total += kernel.everywhere**2
    for place, more in added:
        total[place] += more
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

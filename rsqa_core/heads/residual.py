"""What labels teach a head about one project: a Gaussian process on its errors.

The base head says what holds everywhere; its errors on a project are alike for candidates that look
alike, lie in the same source image, or, most of all, show the same image. A Gaussian process with
those three terms turns a few labels into corrections of every other candidate, in closed form.

References:
    Rasmussen and Williams 2006, Gaussian Processes for Machine Learning, chapter 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rsqa_core.errors import InvalidInputError

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
        noise: of a label.
    """

    everywhere: float = 0.02
    alike: float = 0.10
    alike_length: float = 1.0
    image: float = 0.035
    image_alike: float = 0.05
    image_length: float = 1.7
    source: float = 0.035
    noise: float = 0.02

    @property
    def variance(self) -> float:
        """Prior variance of an error without the noise."""
        parts = (self.everywhere, self.alike, self.image, self.image_alike, self.source)
        return float(sum(part**2 for part in parts))


@dataclass(frozen=True, slots=True)
class Residual:
    """A fitted Gaussian process.

    Attributes:
        inputs: (n, p) float32 description of each labelled candidate.
        images, sources: name of the image and of the source image of each.
        alpha: (n,) float64 weights.
        kernel: its terms.
    """

    inputs: NDArray[np.float32]
    images: tuple[str, ...]
    sources: tuple[str, ...]
    alpha: Values
    kernel: Kernel = Kernel()

    def correction(
        self, inputs: NDArray[np.float32], images: Sequence[str], sources: Sequence[str]
    ) -> tuple[Values, Values]:
        """Return what to add to the base head's scores, and how close the nearest label is.

        Args:
            inputs: (N, p) description of each candidate.
            images, sources: N names each.

        Returns:
            (N,) correction in units of quality; (N,) closeness, 0 far from every label, 1 at one.
        """
        image_codes = _codes(self.images, images)
        source_codes = _codes(self.sources, sources)
        mean = np.empty(len(inputs))
        closeness = np.empty(len(inputs))
        for start in range(0, len(inputs), _ROWS_AT_ONCE):
            rows = slice(start, start + _ROWS_AT_ONCE)
            covariance = _covariance(
                self.kernel,
                inputs[rows],
                self.inputs,
                image_codes[1][rows, None] == image_codes[0],
                source_codes[1][rows, None] == source_codes[0],
            )
            mean[rows] = covariance @ self.alpha
            closeness[rows] = covariance.max(axis=1) / self.kernel.variance
        return mean, np.clip(closeness, 0.0, 1.0)


def fit_residual(
    inputs: NDArray[np.float32],
    images: Sequence[str],
    sources: Sequence[str],
    errors: Values,
    noise: Values,
    kernel: Kernel | None = None,
    seed: int = 0,
) -> Residual:
    """Fit the process to n labelled candidates.

    Args:
        inputs: (n, p) description of each.
        images, sources: n names each.
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
        images = [images[i] for i in kept]
        sources = [sources[i] for i in kept]
    image_codes = _codes(images, images)[0]
    source_codes = _codes(sources, sources)[0]
    covariance = _covariance(
        chosen,
        inputs,
        inputs,
        image_codes[:, None] == image_codes,
        source_codes[:, None] == source_codes,
    )
    covariance[np.diag_indices_from(covariance)] += chosen.noise**2 + noise**2
    alpha: Values = np.linalg.solve(covariance, errors).astype(np.float64)
    return Residual(inputs, tuple(images), tuple(sources), alpha, chosen)


def _covariance(
    kernel: Kernel,
    left: NDArray[np.float32],
    right: NDArray[np.float32],
    same_image: NDArray[np.bool_],
    same_source: NDArray[np.bool_],
) -> Values:
    square = (
        (left**2).sum(axis=1)[:, None] + (right**2).sum(axis=1)[None] - 2 * left @ right.T
    ).astype(np.float64)
    square = np.maximum(square, 0.0)
    alike = kernel.alike**2 * np.exp(-square / (2 * kernel.alike_length**2))
    sibling = kernel.image**2 + kernel.image_alike**2 * np.exp(
        -square / (2 * kernel.image_length**2)
    )
    covariance: Values = (
        kernel.everywhere**2 + alike + same_image * sibling + same_source * kernel.source**2
    )
    return covariance


def _codes(
    known: Sequence[str], asked: Sequence[str]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Number names so that equal ones are equal; -1 for an asked name that is not known."""
    numbers: dict[str, int] = {}
    first = np.array([numbers.setdefault(name, len(numbers)) for name in known], dtype=np.int64)
    return first, np.array([numbers.get(name, -1) for name in asked], dtype=np.int64)

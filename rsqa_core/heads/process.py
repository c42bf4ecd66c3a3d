"""The Gaussian process on a head's errors, conditioned on labels.

It keeps the inverse of its matrix, so that labels can be taken back in closed form: that is how
its corrections are checked on labels that they did not see.

References:
    Rasmussen and Williams 2006, Gaussian Processes for Machine Learning, section 5.4.2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dpotrf, dpotri

from rsqa_core.errors import InvalidInputError
from rsqa_core.heads.residual import Kernel, Points, Residual, covariance

Values = NDArray[np.float64]
Rows = NDArray[np.int64]

MAX_POINTS = 2500
"""Labels that a process keeps; of more, a random choice. The cost grows with its cube."""
TRUST_DEVIATION = 0.5
"""Standard deviation of the share of a correction that is right, before labels say so."""


@dataclass(frozen=True, slots=True)
class Process:
    """A process conditioned on n labels.

    Attributes:
        points: the labelled candidates.
        errors: (n,) label minus the base head's score.
        inverse: (n, n) inverse of the covariance of the labels.
        kernel: terms of the covariance.
        names: (n,) number of each label.
    """

    points: Points
    errors: Values
    inverse: Values
    kernel: Kernel
    names: Rows

    @property
    def weights(self) -> Values:
        """(n,) by which the covariances of a candidate with the labels give its correction."""
        found: Values = self.inverse @ self.errors
        return found

    def residual(self, factor: float, without: Rows | None = None) -> Residual:
        """Return what is kept of the process in a head's file.

        Args:
            factor: of the intervals from which the points' sizes come.
            without: numbers of labels that are taken back first, as if they had not been there.
        """
        rest = self._without(without)
        return Residual(
            self.points.only(rest.rows), rest.weights, self._trust(rest), factor, self.kernel
        )

    def _without(self, names: Rows | None) -> _Rest:
        gone = np.zeros(len(self.names), dtype=bool)
        if names is not None:
            gone = np.isin(self.names, names)
        stay, weights = np.flatnonzero(~gone), self.weights
        across = self.inverse[np.ix_(stay, gone)]
        own = self.inverse[np.ix_(gone, gone)]
        joined = np.concatenate([across, weights[None, gone]]).T
        solved = np.linalg.solve(own, joined)
        return _Rest(stay, weights[stay] - across @ solved[:, -1], across, solved[:, :-1])

    def _left_out(self, rest: _Rest) -> Values:
        """Return what the labels of the other images say of the error of each label that stays."""
        errors = self.errors[rest.rows]
        found = np.empty(len(errors))
        images: dict[str, list[int]] = {}
        for place, row in enumerate(rest.rows):
            name = self.points.places.images[row]
            images.setdefault(name or f"nameless {row}", []).append(place)
        by_size: dict[int, list[list[int]]] = {}
        for places in images.values():
            by_size.setdefault(len(places), []).append(places)
        for same in by_size.values():
            own = np.array(same)
            rows = rest.rows[own]
            blocks = self.inverse[rows[:, :, None], rows[:, None, :]]
            blocks -= rest.across[own] @ rest.solved[:, own].transpose(1, 0, 2)
            said = np.linalg.solve(blocks, rest.weights[own][:, :, None])[:, :, 0]
            found[own] = errors[own] - said
        return found

    def _trust(self, rest: _Rest) -> float:
        """Return the share of a correction that holds for images without a label, in 0..1.

        It is the slope of the labels' errors over what the labels of other images said of them,
        with a prior around 1: few labels hardly change it, many that contradict each other bring it
        to 0.
        """
        errors, said = self.errors[rest.rows], self._left_out(rest)
        scatter = float(np.mean((errors - said) ** 2)) if len(errors) else 0.0
        # A handful of labels may agree by chance: the scatter is thought to be no smaller than so.
        scatter = max(scatter, 0.25 * float(np.mean(errors**2)) if len(errors) else 0.0)
        if scatter == 0.0:
            return 1.0
        prior = scatter / TRUST_DEVIATION**2
        return float(np.clip((said @ errors + prior) / (said @ said + prior), 0.0, 1.0))


@dataclass(frozen=True, slots=True)
class _Rest:
    """What is left of a process when r of its n labels are taken back.

    The inverse of what is left is ``inverse[rows, rows] - across @ solved``, of which only the
    blocks of one image are ever needed.

    Attributes:
        rows: (m,) labels that stay, of the process's n.
        weights: (m,) as ``Process.weights``.
        across: (m, r) inverse between labels that stay and labels that go.
        solved: (r, m) the same through the inverse of the labels that go among themselves.
    """

    rows: Rows
    weights: Values
    across: Values
    solved: Values


def condition(
    points: Points,
    errors: Values,
    noise: Values,
    kernel: Kernel | None = None,
    *,
    names: Rows | None = None,
    seed: int = 0,
) -> Process:
    """Condition a process on n labels.

    Args:
        points: the labelled candidates.
        errors: (n,) label minus the base head's score.
        noise: (n,) standard deviation of each label beyond the kernel's noise, 0 for a plain one.
        names: (n,) numbers by which labels are taken back, by default their positions.

    Raises:
        InvalidInputError: an error is not finite.
    """
    chosen = kernel or Kernel()
    if not np.isfinite(errors).all():
        raise InvalidInputError("Expected finite labels and scores, but got NaN or infinity.")
    numbers = np.arange(len(points)) if names is None else names
    kept = np.arange(len(points))
    if len(kept) > MAX_POINTS:
        kept = np.sort(np.random.default_rng(seed).permutation(len(kept))[:MAX_POINTS])
    own = points.only(kept)
    matrix = covariance(chosen, own, own)
    matrix[np.diag_indices_from(matrix)] += chosen.noise**2 + noise[kept] ** 2
    return Process(own, errors[kept], _inverse(matrix), chosen, numbers[kept])


def _inverse(matrix: Values) -> Values:
    """Return the inverse of a symmetric positive definite matrix, which is overwritten."""
    if not matrix.size:
        return matrix
    # LAPACK reads by columns: what is a row here is a column there, and the matrix is symmetric.
    factor, failed = dpotrf(matrix.T, lower=False, clean=False, overwrite_a=True)
    if failed:
        raise InvalidInputError(
            f"The covariance of {len(matrix)} labels is not positive definite. Expected finite "
            "features; describe the candidates anew, then train again."
        )
    inverse, _ = dpotri(factor, lower=False, overwrite_c=True)
    upper = np.triu(inverse)
    found: Values = upper + np.triu(upper, 1).T
    return found

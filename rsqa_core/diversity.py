"""An order of images in which every beginning shows as much variety as can be.

Gonzalez 1985, Theoretical Computer Science 38: taking again and again the point that lies farthest
from those taken covers every cluster before it shows a second of one, and the radius that is left
uncovered is at most twice the best.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rsqa_core.errors import InvalidInputError

MOST_STEPS = 2000
"""Images that are taken one by one; the others go by how far they lie from all of those."""

Array = NDArray[np.float32]


def diverse_places(vectors: Array, steps: int = MOST_STEPS) -> NDArray[np.float64]:
    """Return the place of each image: 1 for the first, then falling, equal for what is alike.

    The first is the most ordinary one, nearest to the mean. Each further one is the image farthest
    from those before, and its place is that distance as a share of the largest possible, so that
    the place of one does not depend on how many come after it.

    Args:
        vectors: (N, D), one an image; only their directions from the mean count.
        steps: images that are taken one by one, at least 1.

    Returns:
        (N,) in [0, 1].

    Raises:
        InvalidInputError: the vectors are no finite (N, D) or ``steps`` is below 1.

    Example:
        >>> alike = [[1.0, 0.0], [1.0, 0.001], [-1.0, 0.0], [0.0, 1.0]]
        >>> places = diverse_places(np.array(alike, np.float32))
        >>> np.argsort(-places, kind="stable")[-1]  # one of the two that are alike
        np.int64(1)
    """
    if vectors.ndim != 2 or not np.isfinite(vectors).all() or steps < 1:
        raise InvalidInputError(
            f"Expected finite vectors (N, D) and 1 step or more, but got {vectors.shape} and "
            f"{steps}."
        )
    if not len(vectors):
        return np.zeros(0)
    points = directions(vectors)
    middle = points.mean(axis=0)
    first = int(np.argmin(((points - middle) ** 2).sum(axis=1)))
    places = np.zeros(len(points))
    places[first] = 1.0
    # Of directions the squared distance is 2 - 2 cos, and 4 at most.
    squares = (points**2).sum(axis=1, dtype=np.float64)
    nearest = _squared_to(points, squares, first)
    nearest[first] = -1.0
    for _ in range(min(steps, len(points)) - 1):
        chosen = int(np.argmax(nearest))
        if nearest[chosen] <= 0.0:
            break  # what is left is equal to something that was taken
        places[chosen] = np.sqrt(nearest[chosen]) / 2
        np.minimum(nearest, _squared_to(points, squares, chosen), out=nearest)
        nearest[chosen] = -1.0
    left = nearest >= 0.0
    places[left] = np.sqrt(nearest[left]) / 2
    return np.clip(places, 0.0, 1.0)


def directions(vectors: Array) -> Array:
    """Return (N, D) vectors as directions from their mean, of length 1 or 0.

    Each number counts by how much it tells images apart.
    """
    scaled = (vectors - vectors.mean(axis=0)) / np.maximum(vectors.std(axis=0), 1e-6)
    lengths = np.linalg.norm(scaled, axis=1, keepdims=True)
    result: Array = (scaled / np.maximum(lengths, 1e-6)).astype(np.float32)
    return result


def _squared_to(points: Array, squares: NDArray[np.float64], chosen: int) -> NDArray[np.float64]:
    alike = (points @ points[chosen]).astype(np.float64)
    found: NDArray[np.float64] = np.maximum(squares + squares[chosen] - 2 * alike, 0.0)
    found[found < 1e-6] = 0.0  # float32 does not tell such from equal
    return found

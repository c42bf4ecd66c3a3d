"""What a head's network said before, kept on disk: it is asked again at every retraining.

A retrained head is the base head and a correction. The network's part of a prediction depends only
on what the network is given, so it is found again by the content of that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rsqa_core.features.names import VERSION
from rsqa_core.features.store import FeatureStore
from rsqa_core.heads.inputs import HeadInputs

Rows = NDArray[np.float32]


class NetworkMemory:
    """Rows of numbers by the content of a candidate's inputs.

    Args:
        root: folder of the feature cache.
        network: identity of network, preparation and folds.
    """

    def __init__(self, root: Path, network: str) -> None:
        self._store = FeatureStore(root, f"network-v{VERSION}", network)

    def keys(self, inputs: HeadInputs, folds: Sequence[int | None]) -> list[str]:
        """Return what each of N candidates is found by: its numbers, its image's and its fold."""
        images = np.unique(inputs.image_of_row)
        of_image = {
            int(i): hashlib.sha256(inputs.semantic[i].tobytes() + inputs.tokens[i].tobytes())
            for i in images
        }
        keys = []
        for row, image in enumerate(inputs.image_of_row):
            digest = of_image[int(image)].copy()
            digest.update(inputs.rows[row].tobytes())
            digest.update(inputs.cells[row].tobytes())
            digest.update(str(folds[row]).encode())
            keys.append(digest.hexdigest()[:32])
        return keys

    def recall(self, keys: Sequence[str]) -> dict[str, Rows]:
        """Return the rows that are known."""
        return self._store.load(keys)

    def keep(self, rows: dict[str, Rows]) -> None:
        """Keep rows of one length."""
        self._store.append(rows)

"""What segmenters said of the candidates of some images, and what these say together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rsqa_core.features.keys import candidate_key, segmenter_features, soft_features
from rsqa_core.raster import read_mask, read_probs
from rsqa_core.records import Candidate, ImageRecord, is_synthetic
from workflows.opening import Installation
from workflows.segmenter_cache import append_sides

if TYPE_CHECKING:
    from rsqa_core.features.consensus import Consensus
    from rsqa_core.features.description import SegmenterSide

Groups = Sequence[tuple[ImageRecord, Sequence[Candidate]]]
Key = tuple[str | None, str]


class SegmenterSides:
    """Sides by candidate; those of imported masks are computed from their probabilities.

    Numbers are read at once. Probabilities on the grid, a hundred times the rest, are read for one
    image when they are asked for.

    Args:
        groups: images with candidates of them.
        class_count: of the project.
    """

    def __init__(self, installation: Installation, groups: Groups, class_count: int) -> None:
        from rsqa_core.features.description import imported_side

        self._files = installation.files
        self._class_count = class_count
        root = installation.settings.features_dir
        wanted: dict[str | None, dict[str, Candidate]] = {}
        for image, found in groups:
            for candidate in found:
                fingerprint, key = _key(image, candidate)
                wanted.setdefault(fingerprint, {})[key] = candidate
        nothing = imported_side(None, np.zeros((1, 1), dtype=np.uint8)).packed()
        self._packed: dict[Key, NDArray[np.float32]] = {}
        self._bare: set[Key] = set()
        self._soft = {name: soft_features(root, name, class_count) for name in wanted}
        for fingerprint, by_key in wanted.items():
            if fingerprint is None:
                missing = segmenter_features(root, None).missing(list(by_key))
                append_sides(root, None, {k: self._imported(by_key[k]) for k in missing})
            loaded = segmenter_features(root, fingerprint).load(list(by_key))
            self._packed |= {(fingerprint, key): loaded.get(key, nothing) for key in by_key}
            untold = self._soft[fingerprint].missing(list(by_key))
            self._bare |= {(fingerprint, key) for key in untold}

    def packed(self, image: ImageRecord, candidate: Candidate) -> NDArray[np.float32]:
        """Return a candidate's numbers, without its probabilities, as ``SegmenterSide.packed``."""
        return self._packed[_key(image, candidate)]

    def is_bare(self, image: ImageRecord, candidate: Candidate) -> bool:
        """Return whether a candidate is a mask without probabilities."""
        return _key(image, candidate) in self._bare

    def soft(
        self, image: ImageRecord, found: Sequence[Candidate]
    ) -> list[NDArray[np.float32] | None]:
        """Return probabilities as in SegmenterSide for each candidate, None for a bare mask."""
        from rsqa_core.features.grids import SOFT_SIDE

        shape = (self._class_count, SOFT_SIDE, SOFT_SIDE)
        values: list[NDArray[np.float32] | None] = []
        for candidate in found:
            fingerprint, key = _key(image, candidate)
            loaded = self._soft[fingerprint].load([key]).get(key)
            values.append(None if loaded is None else loaded.reshape(shape))
        return values

    def consensus(self, image: ImageRecord, found: Sequence[Candidate]) -> Consensus:
        """Return what the real ones of an image's candidates say together."""
        from rsqa_core.features.consensus import consensus_of

        real = [c for c in found if not is_synthetic(c.segmenter)] or list(found)
        masks = [read_mask(self._files.path(c.mask_path)) for c in real]
        return consensus_of(masks, self.soft(image, real), self._class_count)

    def _imported(self, candidate: Candidate) -> SegmenterSide:
        from rsqa_core.features.description import imported_side

        probs = None
        if candidate.probs_path is not None:
            probs = read_probs(self._files.path(candidate.probs_path)).astype(np.float32)
        return imported_side(probs, read_mask(self._files.path(candidate.mask_path)))


def _key(image: ImageRecord, candidate: Candidate) -> Key:
    return candidate.segmenter_fingerprint, candidate_key(image.sha256, candidate.mask_sha256)

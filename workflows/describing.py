"""The feature rows of a project's candidates, from the cache or computed now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rsqa_core.errors import FingerprintError
from rsqa_core.features.keys import (
    candidate_key,
    context_features,
    context_key,
    segmenter_features,
    semantic_features,
    token_features,
)
from rsqa_core.features.names import FEATURE_NAMES, SEGMENTER_GROUPS, names_of
from rsqa_core.progress import Progress, no_progress
from rsqa_core.raster import read_mask, read_probs, read_rgb
from rsqa_core.records import Candidate, ImageRecord, Project
from workflows.opening import Installation

if TYPE_CHECKING:
    from rsqa_core.features.masks import PictureGrid
    from rsqa_core.features.semantic import SemanticDescriber

Row = NDArray[np.float32]
IMAGES_PER_SHARD = 32


@dataclass(frozen=True, slots=True)
class DescribedCandidates:
    """Candidates with what a head takes.

    Attributes:
        images: I images that have candidates.
        candidates: N candidates, those of one image side by side.
        image_of_row: (N,) index into ``images``.
        semantic: (I, D + rest) float32.
        rows: (N, F) float32 in FEATURE_NAMES order, NaN where missing.
    """

    images: tuple[ImageRecord, ...]
    candidates: tuple[Candidate, ...]
    image_of_row: NDArray[np.int64]
    semantic: Row
    rows: Row

    @property
    def sources(self) -> list[str]:
        """Source sha256 of each candidate's image."""
        return [self.images[i].source_sha256 for i in self.image_of_row]

    @property
    def image_names(self) -> list[str]:
        """Sha256 of each candidate's image."""
        return [self.images[i].sha256 for i in self.image_of_row]

    def column(self, name: str) -> NDArray[np.float64]:
        """Return one feature of every candidate, (N,), NaN where missing."""
        return self.rows[:, FEATURE_NAMES.index(name)].astype(np.float64)


def describe_candidates(
    installation: Installation,
    project: Project,
    groups: Sequence[tuple[ImageRecord, Sequence[Candidate]]],
    encoder: tuple[str, str],
    *,
    progress: Progress = no_progress,
) -> DescribedCandidates:
    """Return the feature rows of all candidates of the given images.

    Rows that are not cached are computed and cached, a few images at a time, so a stopped run
    loses little. The encoder is loaded only when something has to be computed.

    Args:
        groups: each image with *all* its candidates (they are compared with one another).
        encoder: name and fingerprint of the encoder that the head takes.

    Raises:
        FingerprintError: the encoder of that name is another one today.
    """
    root = installation.settings.features_dir
    classes = [c.name for c in project.classes]
    groups = [(image, list(found)) for image, found in groups if found]
    worker = _Describer(installation, classes, encoder)
    semantic_store = semantic_features(root, encoder[1])
    context_store = context_features(root, encoder[1])
    keys = [_context_keys(image, found, classes) for image, found in groups]
    unseen = set(semantic_store.missing([image.sha256 for image, _ in groups]))
    stale = set(context_store.missing([key for group in keys for key in group]))
    todo = [
        index
        for index, (image, _) in enumerate(groups)
        if image.sha256 in unseen or any(key in stale for key in keys[index])
    ]
    for start in range(0, len(todo), IMAGES_PER_SHARD):
        contexts: dict[str, Row] = {}
        for offset, index in enumerate(todo[start : start + IMAGES_PER_SHARD]):
            progress("describing candidates", start + offset, len(todo))
            image, found = groups[index]
            contexts.update(zip(keys[index], worker.contexts(image, found), strict=True))
        worker.flush()
        context_store.append(contexts)
    progress("describing candidates", len(todo), len(todo))
    semantic = semantic_store.load([image.sha256 for image, _ in groups])
    context = context_store.load([key for group in keys for key in group])
    own = _segmenter_rows(installation, groups)
    return _assembled(groups, keys, semantic, context, own)


class _Describer:
    """Computes missing rows; loads the encoder at the first of them."""

    def __init__(
        self, installation: Installation, classes: Sequence[str], encoder: tuple[str, str]
    ) -> None:
        self._installation = installation
        self._classes = classes
        self._encoder = encoder
        self._loaded: SemanticDescriber | None = None
        self._vectors: Row | None = None
        root = installation.settings.features_dir
        self._semantic = semantic_features(root, encoder[1])
        self._tokens = token_features(root, encoder[1])
        self._new_semantic: dict[str, Row] = {}
        self._new_tokens: dict[str, Row] = {}

    def contexts(self, image: ImageRecord, found: Sequence[Candidate]) -> list[Row]:
        from rsqa_core.features.description import context_rows
        from rsqa_core.features.masks import PictureGrid

        files = self._installation.files
        rgb = read_rgb(files.path(image.tile_path), image.stretch)
        grid = PictureGrid(rgb)
        tokens = self._tokens_of(image, rgb, grid)
        if self._vectors is None:
            self._vectors = self._describer().class_vectors(self._classes)
        masks = [read_mask(files.path(candidate.mask_path)) for candidate in found]
        return context_rows(grid, masks, self._classes, tokens, self._vectors)

    def flush(self) -> None:
        """Write what the encoder saw since the last call."""
        # Tokens first: an image whose vector is there is not encoded again.
        self._tokens.append(self._new_tokens, np.float16)
        self._semantic.append(self._new_semantic)
        self._new_semantic, self._new_tokens = {}, {}

    def _tokens_of(
        self, image: ImageRecord, rgb: NDArray[np.uint8], grid: PictureGrid
    ) -> Row | None:
        known = self._semantic.load([image.sha256])
        if known:
            cached = self._tokens.load([image.sha256]).get(image.sha256)
            if cached is None:
                return None
            dim = self._describer().embedding_dim
            side = round((cached.size / dim) ** 0.5)
            return cached.reshape(side, side, dim)
        seen = self._describer().describe(rgb, grid)
        self._new_semantic[image.sha256] = seen.vector
        if seen.tokens is not None:
            self._new_tokens[image.sha256] = seen.tokens
        return seen.tokens

    def _describer(self) -> SemanticDescriber:
        if self._loaded is None:
            from rsqa_core.encoders.openclip import load_encoder
            from rsqa_core.features.semantic import SemanticDescriber

            name, fingerprint = self._encoder
            settings = self._installation.settings
            encoder = load_encoder(
                name, cache_dir=settings.home / "encoders", offline=settings.offline
            )
            if encoder.fingerprint != fingerprint:
                raise FingerprintError(
                    f"The encoder {name!r} is {encoder.fingerprint[:12]} today, but the head was "
                    f"trained on {fingerprint[:12]}. Retrain the head, or restore that encoder."
                )
            self._loaded = SemanticDescriber(encoder)
        return self._loaded


def _context_keys(
    image: ImageRecord, found: Sequence[Candidate], classes: Sequence[str]
) -> list[str]:
    peers = [candidate.mask_sha256 for candidate in found]
    return [context_key(image.sha256, c.mask_sha256, peers, classes) for c in found]


def _segmenter_rows(
    installation: Installation, groups: Sequence[tuple[ImageRecord, Sequence[Candidate]]]
) -> dict[tuple[str | None, str], Row]:
    """Load SEGMENTER_GROUPS rows; those of imported masks are computed from their probabilities."""
    root = installation.settings.features_dir
    wanted: dict[str | None, dict[str, tuple[ImageRecord, Candidate]]] = {}
    for image, found in groups:
        for candidate in found:
            key = candidate_key(image.sha256, candidate.mask_sha256)
            wanted.setdefault(candidate.segmenter_fingerprint, {})[key] = (image, candidate)
    rows: dict[tuple[str | None, str], Row] = {}
    empty = np.full(len(names_of(SEGMENTER_GROUPS)), np.nan, dtype=np.float32)
    for fingerprint, by_key in wanted.items():
        store = segmenter_features(root, fingerprint)
        if fingerprint is None:
            missing = store.missing(list(by_key))
            store.append({key: _imported(installation, by_key[key][1]) for key in missing})
        loaded = store.load(list(by_key))
        for key in by_key:
            rows[fingerprint, key] = loaded.get(key, empty)
    return rows


def _imported(installation: Installation, candidate: Candidate) -> Row:
    from rsqa_core.features.description import imported_row

    files = installation.files
    path: Path | None = files.path(candidate.probs_path) if candidate.probs_path else None
    probs = None if path is None else read_probs(path).astype(np.float32)
    return imported_row(probs, read_mask(files.path(candidate.mask_path)))


def _assembled(
    groups: Sequence[tuple[ImageRecord, Sequence[Candidate]]],
    keys: Sequence[Sequence[str]],
    semantic: dict[str, Row],
    context: dict[str, Row],
    own: dict[tuple[str | None, str], Row],
) -> DescribedCandidates:
    from rsqa_core.features.description import full_row

    rows: list[Row] = []
    image_of_row: list[int] = []
    for index, (image, found) in enumerate(groups):
        for candidate, key in zip(found, keys[index], strict=True):
            name = candidate_key(image.sha256, candidate.mask_sha256)
            rows.append(full_row(own[candidate.segmenter_fingerprint, name], context[key]))
            image_of_row.append(index)
    width = len(next(iter(semantic.values()))) if semantic else 0
    return DescribedCandidates(
        images=tuple(image for image, _ in groups),
        candidates=tuple(candidate for _, found in groups for candidate in found),
        image_of_row=np.array(image_of_row, dtype=np.int64),
        semantic=(
            np.stack([semantic[image.sha256] for image, _ in groups])
            if groups
            else np.zeros((0, width), dtype=np.float32)
        ),
        rows=(np.stack(rows) if rows else np.zeros((0, len(FEATURE_NAMES)), dtype=np.float32)),
    )

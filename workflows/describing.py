"""What is known of a project's candidates, from the cache or computed now."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rsqa_core.errors import FingerprintError
from rsqa_core.features.keys import (
    context_features,
    context_key,
    semantic_features,
    token_features,
)
from rsqa_core.features.names import FEATURE_NAMES
from rsqa_core.progress import Progress, no_progress
from rsqa_core.raster import read_mask, read_rgb
from rsqa_core.records import Candidate, ImageRecord, Project, is_synthetic
from rsqa_core.settings import Settings
from workflows.looking_ahead import Picture, Task, in_order, seen_in_order
from workflows.opening import Installation
from workflows.segmenter_sides import Groups, SegmenterSides

if TYPE_CHECKING:
    from rsqa_core.encoders.preprocessing import Encoder
    from rsqa_core.features.description import ContextSide
    from rsqa_core.features.semantic import SemanticDescriber, SemanticFeatures
    from rsqa_core.heads.inputs import HeadInputs, Places

Array = NDArray[np.float32]
IMAGES_PER_SHARD = 32
Around: TypeAlias = "tuple[list[ContextSide], SemanticFeatures | None]"
"""What is around the candidates of an image, and what the encoder saw in it if it was asked."""


@dataclass(frozen=True, slots=True)
class DescribedCandidates:
    """Candidates with what a head takes.

    Attributes:
        images: I images that have candidates.
        candidates: N candidates, those of one image side by side.
        image_of_row: (N,) index into ``images``.
        semantic: (I, D + rest) float32 semantic vectors.
        tokens: (I, P, D) float32 the encoder's view of each cell.
        rows: (N, F) float32 in FEATURE_NAMES order, NaN where missing.
        cells: (N, P, C) float32 in CELL_NAMES order, NaN where missing.
        class_iou: (N, K) float32 IoU of each class if the consensus were the truth.
    """

    images: tuple[ImageRecord, ...]
    candidates: tuple[Candidate, ...]
    image_of_row: NDArray[np.int64]
    semantic: Array
    tokens: Array
    rows: Array
    cells: Array
    class_iou: Array

    @property
    def inputs(self) -> HeadInputs:
        """The candidates as a head takes them."""
        from rsqa_core.heads.inputs import HeadInputs

        return HeadInputs(self.semantic, self.tokens, self.rows, self.cells, self.image_of_row)

    @property
    def places(self) -> Places:
        """Where the candidates lie."""
        from rsqa_core.heads.inputs import Places

        return Places(
            tuple(self.image_names),
            tuple(self.sources),
            self.centres_px,
            tuple(candidate.segmenter for candidate in self.candidates),
        )

    @property
    def sources(self) -> list[str]:
        """Source sha256 of each candidate's image."""
        return [self.images[i].source_sha256 for i in self.image_of_row]

    @property
    def image_names(self) -> list[str]:
        """Sha256 of each candidate's image."""
        return [self.images[i].sha256 for i in self.image_of_row]

    @property
    def centres_px(self) -> NDArray[np.float64]:
        """Centre (x, y) of each candidate's image in its source, (N, 2)."""
        own = [(i.x_px + i.width_px / 2, i.y_px + i.height_px / 2) for i in self.images]
        return np.array(own, dtype=np.float64).reshape(-1, 2)[self.image_of_row]

    def column(self, name: str) -> NDArray[np.float64]:
        """Return one feature of every candidate, (N,), NaN where missing."""
        return self.rows[:, FEATURE_NAMES.index(name)].astype(np.float64)


def describe_candidates(
    installation: Installation,
    project: Project,
    groups: Groups,
    encoder: tuple[str, str],
    *,
    progress: Progress = no_progress,
) -> DescribedCandidates:
    """Return what is known of all candidates of the given images.

    What is not cached is computed and cached, a few images at a time, so a stopped run loses
    little. The encoder is loaded only when something has to be computed.

    Args:
        groups: each image with *all* its candidates (they are compared with one another).
        encoder: name and fingerprint of the encoder that the head takes.

    Raises:
        FingerprintError: the encoder of that name is another one today.
    """
    root = installation.settings.features_dir
    classes = [c.name for c in project.classes]
    groups = [(image, list(found)) for image, found in groups if found]
    sides = SegmenterSides(installation, groups, len(classes))
    worker = _Describer(installation, classes, encoder, sides)
    semantic_store = semantic_features(root, encoder[1])
    context_store = context_features(root, encoder[1])
    keys = [_context_keys(image, found, classes, sides) for image, found in groups]
    unseen = set(semantic_store.missing([image.sha256 for image, _ in groups]))
    stale = set(context_store.missing([key for group in keys for key in group]))
    todo = [
        index
        for index, (image, _) in enumerate(groups)
        if image.sha256 in unseen or any(key in stale for key in keys[index])
    ]
    described = worker.described([groups[index] for index in todo], unseen)
    for start in range(0, len(todo), IMAGES_PER_SHARD):
        contexts: dict[str, Array] = {}
        seen: dict[str, SemanticFeatures] = {}
        for offset, index in enumerate(todo[start : start + IMAGES_PER_SHARD]):
            progress("describing candidates", start + offset, len(todo))
            around, new = next(described)
            if new is not None:
                seen[groups[index][0].sha256] = new
            # What is there stays: tokens from the cache are rounded, fresh ones are not.
            contexts |= {
                key: side.packed()
                for key, side in zip(keys[index], around, strict=True)
                if key in stale
            }
        worker.keep(seen)
        context_store.append(contexts)
    progress("describing candidates", len(todo), len(todo))
    semantic = semantic_store.load([image.sha256 for image, _ in groups])
    tokens = token_features(root, encoder[1]).load([image.sha256 for image, _ in groups])
    context = context_store.load([key for group in keys for key in group])
    return _assembled(groups, keys, semantic, tokens, context, sides)


class _Describer:
    """Computes what is missing; loads the encoder at the first of it."""

    def __init__(
        self,
        installation: Installation,
        classes: Sequence[str],
        encoder: tuple[str, str],
        sides: SegmenterSides,
    ) -> None:
        self._installation = installation
        self._classes = classes
        self._encoder = encoder
        self._sides = sides
        self._loaded: SemanticDescriber | None = None
        self._to_encode = 0
        root = installation.settings.features_dir
        self._semantic = semantic_features(root, encoder[1])
        self._tokens = token_features(root, encoder[1])

    def described(self, groups: Groups, unseen: set[str]) -> Iterator[Around]:
        """Yield what is around the candidates of each image, those of ``unseen`` encoded too.

        Images are described by as many threads as there are cores, each a few images ahead.
        """
        if not groups:
            return
        pictures = self._pictures([image for image, _ in groups], unseen)
        vectors = self._describer().class_vectors(self._classes)
        tasks = (
            partial(self._around, image, found, picture, vectors)
            for (image, found), picture in zip(groups, pictures, strict=True)
        )
        threads = os.cpu_count() or 1
        yield from in_order(tasks, threads, threads + 1)

    def _pictures(self, images: Sequence[ImageRecord], unseen: set[str]) -> Iterator[Picture]:
        self._to_encode = sum(image.sha256 in unseen for image in images)
        encoder = self._describer().encoder if self._to_encode else None
        files = self._installation.files

        def task(image: ImageRecord) -> Task:
            path = files.path(image.tile_path)
            return Task(lambda: read_rgb(path, image.stretch), image.sha256 in unseen)

        return seen_in_order(encoder, [task(image) for image in images])

    def _around(
        self, image: ImageRecord, found: Sequence[Candidate], picture: Picture, vectors: Array
    ) -> Around:
        from rsqa_core.features.description import context_sides
        from rsqa_core.features.masks import PictureGrid

        files = self._installation.files
        grid = PictureGrid(picture.rgb)
        new = None
        if picture.seen is None:
            tokens = self._cached_tokens(image)
        else:
            new = self._describer().describe(picture.rgb, grid, picture.seen)
            tokens = new.tokens
        masks = [read_mask(files.path(candidate.mask_path)) for candidate in found]
        soft = self._sides.soft(image, found)
        sides: dict[int, ContextSide] = {}
        for among, described in _companies(found):
            around = context_sides(
                grid,
                [masks[i] for i in among],
                [soft[i] for i in among],
                self._classes,
                tokens,
                vectors,
            )
            sides |= {i: around[among.index(i)] for i in described}
        return [sides[i] for i in range(len(found))], new

    def keep(self, seen: Mapping[str, SemanticFeatures]) -> None:
        """Write what the encoder saw in images, by their sha256."""
        # Tokens first: an image whose vector is there is not encoded again.
        with_tokens = {name: new.tokens for name, new in seen.items() if new.tokens is not None}
        self._tokens.append(with_tokens, np.float16)
        self._semantic.append({name: new.vector for name, new in seen.items()})

    def _cached_tokens(self, image: ImageRecord) -> Array | None:
        cached = self._tokens.load([image.sha256]).get(image.sha256)
        if cached is None:
            return None
        dim = self._describer().embedding_dim
        side = round((cached.size / dim) ** 0.5)
        return cached.reshape(side, side, dim)

    def _describer(self) -> SemanticDescriber:
        if self._loaded is None:
            from rsqa_core.encoders.runtime import WORTH_EXPORTING
            from rsqa_core.features.semantic import SemanticDescriber

            many = self._to_encode >= WORTH_EXPORTING
            self._loaded = SemanticDescriber(encoder_of(self._installation, self._encoder, many))
        return self._loaded


def encoder_of(installation: Installation, encoder: tuple[str, str], many: bool = False) -> Encoder:
    """Load the encoder of a head; the one that was loaded last is kept.

    Args:
        encoder: its name and its fingerprint.
        many: whether so many images are to be encoded that a faster runtime repays its start.

    Raises:
        FingerprintError: the encoder of that name is another one today.
    """
    name, fingerprint = encoder
    loaded = _loaded_encoder(name, installation.settings, many)
    if loaded.fingerprint != fingerprint:
        raise FingerprintError(
            f"The encoder {name!r} is {loaded.fingerprint[:12]} today, but the head was trained on "
            f"{fingerprint[:12]}. Retrain the head, or restore that encoder."
        )
    return loaded


@lru_cache(maxsize=1)
def _loaded_encoder(name: str, settings: Settings, many: bool) -> Encoder:
    """Load an encoder for many images or few; kept, for a project is described in portions."""
    from rsqa_core.encoders.openclip import load_encoder
    from rsqa_core.encoders.runtime import WORTH_EXPORTING, with_runtime

    place = settings.encoders_dir
    encoder = load_encoder(name, cache_dir=place, offline=settings.offline, hub=settings.model_hub)
    return with_runtime(encoder, place, settings.runtime, images=WORTH_EXPORTING if many else 0)


def _companies(found: Sequence[Candidate]) -> list[tuple[list[int], list[int]]]:
    """Return which candidates are compared with one another, and which are described by that.

    A degraded mask is described among the real candidates, which do not look at it.
    """
    real = [i for i, c in enumerate(found) if not is_synthetic(c.segmenter)]
    made = [i for i, c in enumerate(found) if is_synthetic(c.segmenter)]
    return ([(real, real)] if real else []) + [([*real, i], [i]) for i in made]


def _context_keys(
    image: ImageRecord, found: Sequence[Candidate], classes: Sequence[str], sides: SegmenterSides
) -> list[str]:
    # A mask says less to the consensus while its probabilities are missing.
    told = [c.mask_sha256 + (" bare" if sides.is_bare(image, c) else "") for c in found]
    keys: dict[int, str] = {}
    for among, described in _companies(found):
        peers = [told[i] for i in among]
        keys |= {
            i: context_key(image.sha256, found[i].mask_sha256, peers, classes) for i in described
        }
    return [keys[i] for i in range(len(found))]


def _assembled(
    groups: Groups,
    keys: Sequence[Sequence[str]],
    semantic: dict[str, Array],
    tokens: dict[str, Array],
    context: dict[str, Array],
    sides: SegmenterSides,
) -> DescribedCandidates:
    from rsqa_core.features.description import joined
    from rsqa_core.features.semantic import tokens_by_cell

    sizes = [len(found) for _, found in groups]
    own = [sides.packed(image, candidate) for image, found in groups for candidate in found]
    around = [context[key] for group in keys for key in group]
    rows, cells, class_iou = (np.zeros((0, 0), dtype=np.float32),) * 3
    if own:
        rows, cells, class_iou = joined(np.stack(own), np.stack(around))
    names = [image.sha256 for image, _ in groups]
    return DescribedCandidates(
        images=tuple(image for image, _ in groups),
        candidates=tuple(candidate for _, found in groups for candidate in found),
        image_of_row=np.repeat(np.arange(len(groups)), sizes),
        semantic=_stacked([semantic[name] for name in names]),
        tokens=_stacked([tokens_by_cell(semantic[name], tokens.get(name)) for name in names]),
        rows=rows,
        cells=cells,
        class_iou=class_iou,
    )


def _stacked(parts: Sequence[Array]) -> Array:
    return np.stack(parts) if parts else np.zeros((0, 0), dtype=np.float32)

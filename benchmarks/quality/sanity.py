"""Whether a mask of another image scores lower than the image's own.

Every candidate is taken from its image, and a candidate of the same segmenter from another source
image of the same size is put in its place, among the same peers and described in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.candidates import Candidates, labelled_groups
from benchmarks.quality.methods import with_folds
from benchmarks.quality.parts import Content, clustered_mean, shown, table
from rsqa_core.encoders.openclip import load_encoder
from rsqa_core.errors import InvalidInputError
from rsqa_core.features.description import (
    SegmenterSide,
    context_sides,
    imported_side,
    joined,
)
from rsqa_core.features.keys import candidate_key, token_features
from rsqa_core.features.masks import PictureGrid
from rsqa_core.features.semantic import SemanticDescriber
from rsqa_core.heads.inputs import HeadInputs, Places
from rsqa_core.progress import Progress, no_progress
from rsqa_core.raster import read_mask, read_rgb
from rsqa_core.records import VOID, Candidate, ImageRecord
from rsqa_core.training.head import HeadTraining, train_head
from workflows.opening import Installation
from workflows.segmenter_cache import load_sides

Groups = list[tuple[ImageRecord, list[Candidate]]]
Mask = NDArray[np.uint8]

IMPORTED = "imported"
"""Name of the segmenter of a mask of which nothing is known: no head has an offset for it."""
WANTED = 0.99


@dataclass(frozen=True)
class Pairs:
    """P own candidates, each with a foreign mask in its place.

    Attributes:
        row: (P,) row of the own candidate in Candidates.
        inputs: of the foreign masks, with what their segmenter said of them; images as in the data.
        bare: of the same masks without that.
        worse: (P,) True where the foreign mask agrees less with the image's reference.
        without: candidates that no mask of another source image fits.
    """

    row: NDArray[np.int64]
    inputs: HeadInputs
    bare: HeadInputs
    worse: NDArray[np.bool_]
    without: int


def sanity(
    installation: Installation,
    found: Candidates,
    options: HeadTraining,
    repeats: int,
    *,
    progress: Progress = no_progress,
) -> Content:
    """Return how often an own mask scores higher than a foreign one, by members that saw neither.

    The members that score a scene were trained without it.
    """
    found = found.select(np.arange(len(found)))
    data = with_folds(found.labelled, found.scene)
    head = train_head(data, found.encoder, options, progress=progress)
    pairs = foreign_pairs(installation, found, progress=progress)
    places = data.places.only(pairs.row)
    nameless = Places(places.images, places.sources, places.centres_px, (IMPORTED,) * len(places))
    own = head.predict(data.inputs.only(pairs.row), places, found.encoder[1]).score
    foreign = head.predict(pairs.inputs, places, found.encoder[1]).score
    bare = head.predict(pairs.bare, nameless, found.encoder[1]).score
    source, segmenter = found.source[pairs.row], found.segmenter[pairs.row]
    target = found.target[pairs.row]
    content: Content = {
        "wanted": WANTED,
        "pairs": len(pairs.row),
        "without_pair": pairs.without,
        "truly_worse": clustered_mean(pairs.worse, source, repeats),
    }
    for name, score in (("own_higher", own > foreign), ("own_higher_imported", own > bare)):
        content[name] = clustered_mean(score, source, repeats)
        # What no predictor could rank otherwise: a foreign mask may fit as well by chance.
        content[f"{name}_where_worse"] = clustered_mean(
            score[pairs.worse], source[pairs.worse], repeats
        )
    content["own_higher_above_0.7"] = clustered_mean(
        (own > foreign)[target > 0.7], source[target > 0.7], repeats
    )
    content["by_segmenter"] = {
        str(name): {
            "pairs": int((segmenter == name).sum()),
            "truly_worse": float(pairs.worse[segmenter == name].mean()),
            "own_higher": float((own > foreign)[segmenter == name].mean()),
            "own_higher_imported": float((own > bare)[segmenter == name].mean()),
            "mean_own": float(own[segmenter == name].mean()),
            "mean_foreign": float(foreign[segmenter == name].mean()),
        }
        for name in np.unique(segmenter)
    }
    return content


def foreign_pairs(
    installation: Installation,
    found: Candidates,
    seed: int = 0,
    *,
    progress: Progress = no_progress,
) -> Pairs:
    """Put a mask of another source image in the place of every candidate and describe it.

    Raises:
        InvalidInputError: there is none for any of them.
    """
    rng = np.random.default_rng(seed)
    row_of = {int(candidate): row for row, candidate in enumerate(found.candidate)}
    encoder = load_encoder(found.encoder[0], cache_dir=installation.settings.home / "encoders")
    describer = SemanticDescriber(encoder)
    rows: list[int] = []
    worse: list[bool] = []
    parts: list[list[NDArray[np.float32]]] = []
    without = 0
    for slug in dict.fromkeys(found.dataset):
        project, groups = labelled_groups(installation, str(slug))
        classes = [c.name for c in project.classes]
        vectors = describer.class_vectors(classes)
        files = installation.files
        sides = _sides(installation, groups, len(classes))
        masks = [[read_mask(files.path(c.mask_path)) for c in group] for _, group in groups]
        root = installation.settings.features_dir
        described: tuple[list[NDArray[np.float32]], ...] = ([], [], [], [])
        known = token_features(root, found.encoder[1]).load([i.sha256 for i, _ in groups])
        for index, (image, group) in enumerate(groups):
            progress(f"foreign masks of {slug}", index, len(groups))
            grid = PictureGrid(read_rgb(files.path(image.tile_path), image.stretch))
            reference = read_mask(files.path(str(image.reference_mask_path)))
            tokens = _squared(known.get(image.sha256), describer.embedding_dim)
            for place, candidate in enumerate(group):
                other = _partner(groups, index, place, rng)
                if other is None:
                    without += 1
                    continue
                from_image, at = other
                mask = masks[from_image][at]
                peers = [*masks[index]]
                peers[place] = mask
                rows.append(row_of[candidate.id])
                own_accuracy = _accuracy(masks[index][place], reference)
                worse.append(_accuracy(mask, reference) < own_accuracy)
                for kind, side in enumerate((sides[from_image][at], imported_side(None, mask))):
                    soft = [one.soft for one in sides[index]]
                    soft[place] = side.soft
                    around = context_sides(
                        grid, peers, soft, classes, tokens, vectors, only=[place]
                    )[0]
                    described[2 * kind].append(side.packed())
                    described[2 * kind + 1].append(around.packed())
        progress(f"foreign masks of {slug}", len(groups), len(groups))
        if described[0]:
            packed = [np.stack(part) for part in described]
            # What is said of each class is left out: projects differ in their number.
            parts.append([*joined(*packed[:2])[:2], *joined(*packed[2:])[:2]])
    row = np.array(rows, dtype=np.int64)
    data = found.labelled.inputs
    images = data.image_of_row[found.head[row]]
    if not parts:
        raise InvalidInputError(
            "Expected two source images of the same size with candidates of one segmenter, but "
            "found none. Import more images."
        )
    own, own_cells, bare, bare_cells = (np.concatenate(each) for each in zip(*parts, strict=True))
    return Pairs(
        row,
        HeadInputs(data.semantic, data.tokens, own, own_cells, images),
        HeadInputs(data.semantic, data.tokens, bare, bare_cells, images),
        np.array(worse),
        without,
    )


def sanity_lines(content: Content) -> list[str]:
    """Return the part of the report."""
    rows = [
        [
            name,
            str(own["pairs"]),
            *(f"{own[key]:.3f}" for key in ("truly_worse", "own_higher", "own_higher_imported")),
        ]
        for name, own in content["by_segmenter"].items()
    ]
    every = ("truly_worse", "own_higher", "own_higher_imported")
    rows.insert(0, ["all", str(content["pairs"]), *(shown(content[key]) for key in every)])
    return [
        "## Masks of another image",
        "",
        "Each candidate's place is taken by a mask of the same segmenter from another source image "
        f"of the same size ({content['without_pair']} candidates find none). Wanted: the own mask "
        f"scores higher in {content['wanted']:.0%} of pairs. The foreign mask is truly worse in "
        f"{shown(content['truly_worse'])} of them; among these the own one scores higher in "
        f"{shown(content['own_higher_where_worse'])}, with the foreign mask taken as imported in "
        f"{shown(content['own_higher_imported_where_worse'])}; among pairs whose own mask is above "
        f"0.7 in {shown(content['own_higher_above_0.7'])}.",
        "",
        *table(
            ("segmenter", "pairs", "truly worse", "own higher", "own higher, foreign imported"),
            rows,
        ),
    ]


def _partner(
    groups: Groups, index: int, place: int, rng: np.random.Generator
) -> tuple[int, int] | None:
    """Return a random image of another source and the place of the same segmenter's candidate."""
    image, own = groups[index][0], groups[index][1][place]
    fitting = [
        (number, at)
        for number, (other, group) in enumerate(groups)
        if other.source_sha256 != image.source_sha256
        and (other.height_px, other.width_px) == (image.height_px, image.width_px)
        for at, candidate in enumerate(group)
        if candidate.segmenter == own.segmenter
    ]
    return fitting[int(rng.integers(len(fitting)))] if fitting else None


def _sides(
    installation: Installation, groups: Groups, class_count: int
) -> list[list[SegmenterSide]]:
    """Return what every candidate's segmenter said of it."""
    wanted: dict[str | None, list[str]] = {}
    for image, group in groups:
        for candidate in group:
            key = candidate_key(image.sha256, candidate.mask_sha256)
            wanted.setdefault(candidate.segmenter_fingerprint, []).append(key)
    root = installation.settings.features_dir
    loaded = {name: load_sides(root, name, keys, class_count) for name, keys in wanted.items()}
    nothing = imported_side(None, np.zeros((1, 1), dtype=np.uint8))
    return [
        [
            loaded[c.segmenter_fingerprint].get(candidate_key(image.sha256, c.mask_sha256), nothing)
            for c in group
        ]
        for image, group in groups
    ]


def _squared(flat: NDArray[np.float32] | None, dim: int) -> NDArray[np.float32] | None:
    if flat is None:
        return None
    side = round((flat.size / dim) ** 0.5)
    return flat.reshape(side, side, dim)


def _accuracy(mask: Mask, reference: Mask) -> float:
    valid = reference != VOID
    return float((mask == reference)[valid].mean())

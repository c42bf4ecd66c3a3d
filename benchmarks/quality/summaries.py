"""What the baselines need of every candidate's probabilities, from one pass over the images.

Probabilities are not kept, so the segmenter that made a candidate runs again, once for all
baselines. It is found by its fingerprint among the shipped weights and those that cross-fitting
left under HOME/training/sqed/PROJECT/FOLD. A candidate whose segmenter is not there, or gives
another mask today, has NaN for what needs probabilities. One .npz an image under HOME/benchmark/,
named by the content of image, reference and candidates, keeps the result.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from cleanlab.segmentation.rank import get_label_quality_scores
from numpy.typing import NDArray

from rsqa_core.errors import UnreadableFileError
from rsqa_core.evaluation.baselines import BINS, confidence_histogram
from rsqa_core.evaluation.components import COMPONENT_FEATURES, Components, describe_components
from rsqa_core.evaluation.reliability import ERROR_BINS, error_histogram
from rsqa_core.files import write_atomically
from rsqa_core.progress import Progress, no_progress
from rsqa_core.raster import read_mask, read_probs, read_rgb
from rsqa_core.records import VOID, Candidate, ImageRecord, Project
from rsqa_core.segmenters.mapping import class_targets, map_probs
from rsqa_core.segmenters.network import WEIGHTS_DIR, Segmenter, load_segmenter
from workflows.opening import Installation

VERSION = 1
"""Raised whenever a summary changes its meaning."""

SAME_MASK = 0.99
"""Share of pixels on which a segmenter must repeat the stored mask: other machines round others."""

Probs = NDArray[np.float32]
Mask = NDArray[np.uint8]
Finder = Callable[[str], Segmenter | None]


@dataclass(frozen=True)
class ImageSummary:
    """The candidates of one image.

    Attributes:
        confidence: (C, 2, BINS) float32 histograms of max-probability and of one minus entropy.
        cleanlab: (C, 2) softmin and mean of the label quality of each mask, by the mean
            probabilities of the other candidates.
        errors: (C, 2, 2, ERROR_BINS) pixel counts (right, wrong) by one minus max-probability and
            by the share of other candidates that say something else.
        components: of all candidates, one after another.
        sizes: (C,) components of each candidate.
    """

    confidence: NDArray[np.float32]
    cleanlab: NDArray[np.float64]
    errors: NDArray[np.int64]
    components: Components
    sizes: NDArray[np.int64]


def summarise(
    installation: Installation,
    project: Project,
    groups: Sequence[tuple[ImageRecord, Sequence[Candidate]]],
    find: Finder,
    *,
    progress: Progress = no_progress,
) -> list[ImageSummary]:
    """Return the summary of every image, computing those that are not cached.

    Args:
        groups: each image with all its labelled candidates.
        find: gives the segmenter of a fingerprint, None where there is none.
    """
    folder = installation.settings.home / "benchmark" / f"summaries-v{VERSION}"
    summaries = []
    for done, (image, found) in enumerate(groups):
        progress("summarising probabilities", done, len(groups))
        path = folder / f"{_key(image, found, project, find)}.npz"
        if path.exists():
            summaries.append(_read(path))
            continue
        summary = summarise_image(
            installation, [c.name for c in project.classes], project.class_map, image, found, find
        )
        write_atomically(path, _encode(summary))
        summaries.append(summary)
    progress("summarising probabilities", len(groups), len(groups))
    return summaries


def summarise_image(
    installation: Installation,
    classes: Sequence[str],
    class_map: Mapping[str, str],
    image: ImageRecord,
    found: Sequence[Candidate],
    find: Finder,
) -> ImageSummary:
    """Run the segmenters of one image's candidates and keep what the baselines need."""
    files = installation.files
    rgb = read_rgb(files.path(image.tile_path), image.stretch)
    reference = read_mask(files.path(str(image.reference_mask_path)))
    masks = [read_mask(files.path(candidate.mask_path)) for candidate in found]
    stack: list[Probs | None] = []
    for candidate, mask in zip(found, masks, strict=True):
        probs: Probs | None = None
        segmenter = find(candidate.segmenter_fingerprint or "")
        if segmenter is not None:
            targets = class_targets(segmenter.classes, classes, class_map)
            probs = map_probs(segmenter.predict(rgb).probs, targets, len(classes))
            if (probs.argmax(axis=0) == mask).mean() < SAME_MASK:
                probs = None
        elif candidate.probs_path is not None:
            probs = read_probs(files.path(candidate.probs_path))
        stack.append(probs)
    confidence = np.full((len(found), 2, BINS), np.nan, dtype=np.float32)
    errors = np.zeros((len(found), 2, 2, ERROR_BINS), dtype=np.int64)
    quality = np.full((len(found), 2), np.nan)
    parts = []
    valid = reference != VOID
    for i, (probs, mask) in enumerate(zip(stack, masks, strict=True)):
        wrong = mask != reference
        others = np.stack([masks[j] for j in range(len(masks)) if j != i] or [mask])
        errors[i, 1] = error_histogram((others != mask).mean(axis=0), wrong, valid)
        quality[i] = label_quality(mask, [p for j, p in enumerate(stack) if j != i])
        if probs is None:
            parts.append(_NO_COMPONENTS)
            continue
        top = probs.max(axis=0)
        clipped = np.clip(probs, 1e-7, 1.0)
        entropy = -(clipped * np.log(clipped)).sum(axis=0) / np.log(len(classes))
        confidence[i] = confidence_histogram(top), confidence_histogram(1 - np.clip(entropy, 0, 1))
        errors[i, 0] = error_histogram(1 - top, wrong, valid)
        parts.append(describe_components(probs, mask, classes, reference))
    return ImageSummary(
        confidence,
        quality,
        errors,
        Components(
            np.concatenate([part.features for part in parts]),
            np.concatenate([part.area_px for part in parts]),
            np.concatenate([part.accuracy for part in parts]),
        ),
        np.array([len(part.area_px) for part in parts]),
    )


def label_quality(mask: Mask, others: Sequence[Probs | None]) -> tuple[float, float]:
    """Return cleanlab's label quality of a mask, softmin and mean over pixels.

    Northcutt et al.; Lad and Mueller, "Estimating label quality and errors in semantic
    segmentation data via any model", 2023. The mask is the given label, the mean probabilities of
    the other candidates are the model. NaN without others, or where the mask has VOID pixels.
    """
    known = [probs for probs in others if probs is not None]
    if not known or (mask >= len(known[0])).any():
        return float("nan"), float("nan")
    mean = np.mean(known, axis=0, dtype=np.float64)
    image, pixels = get_label_quality_scores(
        mask[None].astype(np.int64), mean[None], method="softmin", verbose=False
    )
    return float(image[0]), float(pixels.mean())


def not_summarised(candidates: int) -> ImageSummary:
    """Return the summary of an image of whose candidates nothing is known."""
    return ImageSummary(
        np.full((candidates, 2, BINS), np.nan, dtype=np.float32),
        np.full((candidates, 2), np.nan),
        np.zeros((candidates, 2, 2, ERROR_BINS), dtype=np.int64),
        _NO_COMPONENTS,
        np.zeros(candidates, dtype=np.int64),
    )


class SegmenterFinder:
    """Finds weights by the sha256 of their file, and loads each once.

    Args:
        home: the installation's folder.
        live: segmenters without a file of their own, by their fingerprint.
    """

    def __init__(self, home: Path, live: Sequence[Segmenter] = ()) -> None:
        folders = (WEIGHTS_DIR, home / "training" / "sqed")
        paths = [path for folder in folders for path in sorted(folder.rglob("*.safetensors"))]
        self.paths = {hashlib.sha256(path.read_bytes()).hexdigest(): path for path in paths}
        self._loaded: dict[str, Segmenter | None] = {s.fingerprint: s for s in live}

    def __call__(self, fingerprint: str) -> Segmenter | None:
        if fingerprint not in self._loaded:
            path = self.paths.get(fingerprint)
            try:
                self._loaded[fingerprint] = load_segmenter(path) if path else None
            except UnreadableFileError:  # another kind of weights lies beside the networks'
                self._loaded[fingerprint] = None
        return self._loaded[fingerprint]


_NO_COMPONENTS = Components(
    np.zeros((0, len(COMPONENT_FEATURES)), dtype=np.float32),
    np.zeros(0, dtype=np.float32),
    np.zeros(0, dtype=np.float32),
)


def _key(image: ImageRecord, found: Sequence[Candidate], project: Project, find: Finder) -> str:
    parts = [image.sha256, str(image.reference_mask_path), *(c.name for c in project.classes)]
    parts += [f"{name}>{to}" for name, to in sorted(project.class_map.items())]
    for candidate in found:
        fingerprint = candidate.segmenter_fingerprint or ""
        runs = find(fingerprint) is not None or candidate.probs_path is not None
        parts.append(f"{candidate.mask_sha256} {fingerprint} {runs}")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:40]


def _encode(summary: ImageSummary) -> bytes:
    stream = io.BytesIO()
    arrays = {f.name: getattr(summary, f.name) for f in fields(summary) if f.name != "components"}
    arrays |= {
        f"components.{f.name}": getattr(summary.components, f.name) for f in fields(Components)
    }
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


def _read(path: Path) -> ImageSummary:
    try:
        with np.load(path) as found:
            parts = {f.name: found[f"components.{f.name}"] for f in fields(Components)}
            names = [f.name for f in fields(ImageSummary) if f.name != "components"]
            return ImageSummary(components=Components(**parts), **{n: found[n] for n in names})
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise UnreadableFileError(
            f"Cannot read the summary {path.name}: {error}. Delete it; it is computed again."
        ) from error

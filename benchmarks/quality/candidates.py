"""Labelled candidates of one or more projects as one table of arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.summaries import (
    Finder,
    ImageSummary,
    SegmenterFinder,
    not_summarised,
    summarise,
)
from db.store import candidates as candidate_store
from db.store import images as image_store
from db.store import projects
from rsqa_core.encoders.openclip import COMPACT, load_encoder
from rsqa_core.errors import InvalidInputError
from rsqa_core.evaluation.components import Components
from rsqa_core.progress import Progress, no_progress
from rsqa_core.records import Candidate, ImageRecord, Project, is_synthetic
from rsqa_core.training.head_data import HeadData
from rsqa_core.training.head_data import joined as joined_labels
from workflows.describing import DescribedCandidates, describe_candidates
from workflows.opening import Installation
from workflows.scoring import groups_of
from workflows.segmenter_sides import SegmenterSides
from workflows.training import head_data

Values = NDArray[np.float64]
Names = NDArray[np.str_]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Candidates:
    """N labelled candidates. What a method is given to fit on, and, without targets, to predict.

    Attributes:
        candidate: (N,) ids in the database.
        dataset: (N,) project.
        scene: (N,) PROJECT/SCENE.
        segmenter: (N,) name.
        source: (N,) sha256 of the file that the image was cut from: a cluster of the bootstrap.
        image: (N,) number of its image.
        target: (N,) measured overall accuracy in 0..1, NaN where it is hidden.
        features: (N, F) float32 description rows, every candidate of the image among the peers.
        head: (N,) row of each in ``labelled``.
        labelled: everything that a head learns from, of these candidates alone.
        together: (K, side, side) float16 consensus of all candidates of each image.
        encoder: name and fingerprint.
        confidence: (N, 2, BINS) histograms of max-probability and of one minus normalised entropy.
        cleanlab: (N, 2) softmin and mean of cleanlab's label quality.
        errors: (N, 2, 2, ERROR_BINS) pixel counts of one minus max-probability and of disagreement.
        components: of all candidates one after another.
        spans: (N, 2) first component of each candidate, and the one after its last.
        mask_path, reference_path: (N,) files of mask and reference mask.
    """

    candidate: Rows
    dataset: Names
    scene: Names
    segmenter: Names
    source: Names
    image: Rows
    target: Values
    features: NDArray[np.float32]
    head: Rows
    labelled: HeadData
    together: tuple[NDArray[np.float16], ...]
    encoder: tuple[str, str]
    confidence: NDArray[np.float32]
    cleanlab: Values
    errors: NDArray[np.int64]
    components: Components
    spans: Rows
    mask_path: Names
    reference_path: Names

    def __len__(self) -> int:
        return len(self.target)

    def select(self, rows: Rows, *, hidden: bool = False) -> Candidates:
        """Return some candidates; ``hidden`` takes away everything that the reference gave."""
        chosen = {name: getattr(self, name)[rows] for name in _PER_CANDIDATE}
        labelled = self.labelled.only(self.head[rows])
        chosen["head"] = np.arange(len(rows))
        if not hidden:
            return replace(self, labelled=labelled, **chosen)
        chosen |= {
            "target": np.full(len(rows), np.nan),
            "errors": np.zeros_like(chosen["errors"]),
            "reference_path": np.full(len(rows), ""),
        }
        unknown = np.full_like(self.components.accuracy, np.nan)
        return replace(
            self,
            labelled=_unlabelled(labelled),
            components=replace(self.components, accuracy=unknown),
            **chosen,
        )

    def components_of(self) -> tuple[Components, Rows]:
        """Return the components of these candidates and the candidate (0..N - 1) of each."""
        sizes = self.spans[:, 1] - self.spans[:, 0]
        owner = np.repeat(np.arange(len(self)), sizes)
        before = np.cumsum(sizes) - sizes
        at = np.arange(int(sizes.sum())) - np.repeat(before - self.spans[:, 0], sizes)
        every = self.components
        return Components(every.features[at], every.area_px[at], every.accuracy[at]), owner


_PER_CANDIDATE = (
    *("candidate", "dataset", "scene", "segmenter", "source", "image", "target", "features"),
    "head",
    *("confidence", "cleanlab", "errors", "spans", "mask_path", "reference_path"),
)


def load_candidates(
    installation: Installation,
    slugs: Sequence[str],
    *,
    encoder_name: str = COMPACT,
    find: Finder | None = None,
    summaries: bool = True,
    progress: Progress = no_progress,
) -> Candidates:
    """Describe and summarise every labelled candidate of ``slugs``.

    Features and summaries are cached in the installation, so a second call reads files only.

    Args:
        find: gives the segmenter of a fingerprint; default: one with weights in a file.
        summaries: False leaves out what only baselines need, for which segmenters run again.

    Raises:
        InvalidInputError: a project has no candidate with a measured accuracy.
    """
    encoder = load_encoder(encoder_name, cache_dir=installation.settings.home / "encoders")
    names = (encoder_name, encoder.fingerprint)
    finder = (find or SegmenterFinder(installation.settings.home)) if summaries else None
    return joined([_of_project(installation, slug, names, finder, progress) for slug in slugs])


def joined(parts: Sequence[Candidates]) -> Candidates:
    """Put tables of different images together."""
    merged = {
        name: np.concatenate([getattr(part, name) for part in parts]) for name in _PER_CANDIDATE
    }
    images = np.cumsum([0] + [len(part.labelled.fold_names) for part in parts])
    heads = np.cumsum([0] + [len(part.labelled.targets) for part in parts])
    lengths = np.cumsum([0] + [len(part.components.area_px) for part in parts])
    merged["image"] = np.concatenate([p.image + n for p, n in zip(parts, images, strict=False)])
    merged["head"] = np.concatenate([p.head + n for p, n in zip(parts, heads, strict=False)])
    merged["spans"] = np.concatenate([p.spans + n for p, n in zip(parts, lengths, strict=False)])
    return replace(
        parts[0],
        labelled=joined_labels([part.labelled for part in parts]),
        together=tuple(one for part in parts for one in part.together),
        components=_one_after_another([part.components for part in parts]),
        **merged,
    )


def _of_project(
    installation: Installation,
    slug: str,
    encoder: tuple[str, str],
    find: Finder | None,
    progress: Progress,
) -> Candidates:
    project, groups = labelled_groups(installation, slug)
    described = describe_candidates(installation, project, groups, encoder, progress=progress)
    if find is None:
        summaries = [not_summarised(len(found)) for _, found in groups]
    else:
        summaries = summarise(installation, project, groups, find, progress=progress)
    labelled = head_data(installation, slug, encoder, progress=progress)
    sides = SegmenterSides(installation, groups, len(project.classes))
    together = tuple(sides.consensus(*group).together.astype(np.float16) for group in groups)
    return _table(installation, slug, described, summaries, encoder, labelled, together)


def labelled_groups(
    installation: Installation, slug: str
) -> tuple[Project, list[tuple[ImageRecord, list[Candidate]]]]:
    """Return a project and its images with their real candidates whose accuracy is known.

    Raises:
        InvalidInputError: there are none.
    """
    with installation.database.read() as session:
        project = projects.get(session, slug)
        groups = groups_of(
            image_store.all_of(session, project.id), candidate_store.all_of(session, project.id)
        )
    groups = [
        (
            image,
            [c for c in found if c.overall_accuracy is not None and not is_synthetic(c.segmenter)],
        )
        for image, found in groups
        if image.reference_mask_path is not None
    ]
    groups = [group for group in groups if group[1]]
    if not groups:
        raise InvalidInputError(
            f"Project {slug!r} has no candidates with a reference mask. Import masks beside the "
            "images, then make candidates: rsqa segment."
        )
    return project, groups


def _table(
    installation: Installation,
    slug: str,
    described: DescribedCandidates,
    summaries: Sequence[ImageSummary],
    encoder: tuple[str, str],
    labelled: HeadData,
    together: tuple[NDArray[np.float16], ...],
) -> Candidates:
    files = installation.files
    found = described.candidates
    images = [described.images[i] for i in described.image_of_row]
    sizes = np.concatenate([summary.sizes for summary in summaries])
    ends = np.cumsum(sizes)
    place = zip(labelled.places.images, labelled.places.segmenters, strict=True)
    row_of = {key: row for row, key in enumerate(place)}
    return Candidates(
        candidate=np.array([c.id for c in found]),
        dataset=np.full(len(found), slug),
        scene=np.array([f"{slug}/{image.scene}" for image in images]),
        segmenter=np.array([c.segmenter for c in found]),
        source=np.array(described.sources),
        image=described.image_of_row,
        target=np.array([c.overall_accuracy for c in found], dtype=np.float64),
        features=described.rows,
        head=np.array([row_of[i.sha256, c.segmenter] for i, c in zip(images, found, strict=True)]),
        labelled=labelled,
        together=together,
        encoder=encoder,
        confidence=np.concatenate([summary.confidence for summary in summaries]),
        cleanlab=np.concatenate([summary.cleanlab for summary in summaries]),
        errors=np.concatenate([summary.errors for summary in summaries]),
        components=_one_after_another([summary.components for summary in summaries]),
        spans=np.stack([ends - sizes, ends], axis=1),
        mask_path=np.array([str(files.path(c.mask_path)) for c in found]),
        reference_path=np.array([str(files.path(str(i.reference_mask_path))) for i in images]),
    )


def _unlabelled(data: HeadData) -> HeadData:
    """Return data without anything that the reference gave; a target of zero counts for nothing."""
    measured = ("cell_targets", "mean_iou", "boundary_f1", "class_iou", "pixels")
    unknown = {name: np.full_like(getattr(data, name), np.nan) for name in measured}
    nothing = np.zeros_like(data.targets)
    valid = np.zeros_like(data.cell_valid)
    return replace(data, targets=nothing, weights=nothing, cell_valid=valid, **unknown)


def _one_after_another(parts: Sequence[Components]) -> Components:
    return Components(
        np.concatenate([part.features for part in parts]),
        np.concatenate([part.area_px for part in parts]),
        np.concatenate([part.accuracy for part in parts]),
    )

"""Make candidates: run the live segmenters over a project's images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from db.store import candidates as candidate_store
from db.store import images as image_store
from db.store import projects
from rsqa_core.errors import InvalidInputError, NotFoundError
from rsqa_core.features.keys import candidate_key, segmenter_features
from rsqa_core.files import turn
from rsqa_core.metrics import overall_accuracy
from rsqa_core.progress import Progress, no_progress
from rsqa_core.raster import area_shares, encode_mask, pixel_sha256, read_mask, read_rgb
from rsqa_core.records import Candidate, ImageRecord, NewCandidate, Project
from workflows.live_segmenters import live_segmenters
from workflows.opening import Installation
from workflows.segmenter_cache import append_sides

if TYPE_CHECKING:
    from rsqa_core.features.description import SegmenterSide
    from rsqa_core.segmenters.network import Segmenter

IMAGES_PER_COMMIT = 8


@dataclass(frozen=True, slots=True)
class SegmentReport:
    """What ``segment_project`` did; ``images_left`` still lack a candidate because of a limit."""

    images: int
    made: int
    already_there: int
    images_left: int = 0


def segment_project(
    installation: Installation,
    slug: str,
    *,
    scene: str | None = None,
    segmenters: Sequence[Segmenter] | None = None,
    names: Sequence[str] = (),
    limit: int | None = None,
    progress: Progress = no_progress,
) -> SegmentReport:
    """Give every image a candidate of every segmenter, and describe each while at it.

    Candidates that a segmenter of the same fingerprint made before are kept. Work is committed
    every few images, so a stopped run goes on from there. A second run on the same project waits
    for the first, and then finds its work done.

    Args:
        scene: only images of this scene.
        segmenters: default: those called ``names``, or else the shipped networks.
        names: of shipped networks and of segmenters made from the shipped encoder.
        limit: stop after so many images.

    Raises:
        NotFoundError: no such project or scene, or no segmenter.
        InvalidInputError: the project has no images, or its classes cannot be reached.
    """
    with installation.database.read() as session:
        project = projects.get(session, slug)
    lock = installation.settings.locks_dir / f"segment-{project.id}"
    with turn(lock, lambda: progress("waiting for another run on this project", 0, 1)):
        return _segment(installation, project, scene, segmenters, names, limit, progress)


def _segment(
    installation: Installation,
    project: Project,
    scene: str | None,
    segmenters: Sequence[Segmenter] | None,
    names: Sequence[str],
    limit: int | None,
    progress: Progress,
) -> SegmentReport:
    from rsqa_core.segmenters.mapping import class_targets
    from rsqa_core.segmenters.network import shipped_segmenters

    slug = project.slug
    with installation.database.read() as session:
        images = image_store.all_of(session, project.id)
        recorded = candidate_store.all_of(session, project.id)
    if scene is not None:
        scenes = {image.scene for image in images}
        images = [image for image in images if image.scene == scene]
        if not images:
            raise NotFoundError.named("scene", scene, scenes)
    if not images:
        raise InvalidInputError(
            f"Project {slug!r} has no images to segment. Import some first: rsqa import PATH "
            f"--project {slug}."
        )
    class_names = [c.name for c in project.classes]
    if segmenters is not None:
        networks = list(segmenters)
    elif names:
        networks = live_segmenters(installation, class_names, names)
    else:
        networks = list(shipped_segmenters())
    if not networks:
        raise NotFoundError(
            "There are no segmenter weights to run. Reinstall RSQA, or train one: rsqa "
            "train-segmenter."
        )
    targets = {s.name: class_targets(s.classes, class_names, project.class_map) for s in networks}
    existing = _described(installation, images, recorded)
    pending = [
        (image, [s for s in networks if (image.id, s.name, s.fingerprint) not in existing])
        for image in images
    ]
    pending = [(image, wanted) for image, wanted in pending if wanted]
    waiting = sum(len(wanted) for _, wanted in pending)
    images_left = 0 if limit is None else max(len(pending) - limit, 0)
    pending = pending[:limit]
    made = 0
    for start in range(0, len(pending), IMAGES_PER_COMMIT):
        batch: list[NewCandidate] = []
        sides: dict[str, dict[str, SegmenterSide]] = {}
        for offset, (image, wanted) in enumerate(pending[start : start + IMAGES_PER_COMMIT]):
            progress("making candidates", start + offset, len(pending) + images_left)
            for segmenter in wanted:
                candidate, side = _candidate(
                    installation, project, image, segmenter, targets[segmenter.name]
                )
                batch.append(candidate)
                key = candidate_key(image.sha256, candidate.mask_sha256)
                sides.setdefault(segmenter.fingerprint, {})[key] = side
        for fingerprint, described in sides.items():
            append_sides(installation.settings.features_dir, fingerprint, described)
        with installation.database.begin() as session:
            made += len(candidate_store.put(session, batch))
    progress("making candidates", len(pending), len(pending) + images_left)
    there = len(images) * len(networks) - waiting
    return SegmentReport(len(images), made, there, images_left)


def _described(
    installation: Installation, images: Sequence[ImageRecord], recorded: Sequence[Candidate]
) -> set[tuple[int, str, str]]:
    """Return image, name and fingerprint of candidates that are there with their features.

    Features go when their folder is removed, and when a new version of RSQA takes other ones.
    """
    sha_of = {image.id: image.sha256 for image in images}
    by_fingerprint: dict[str, dict[str, tuple[int, str, str]]] = {}
    for c in recorded:
        if c.segmenter_fingerprint is not None and c.image_id in sha_of:
            key = candidate_key(sha_of[c.image_id], c.mask_sha256)
            entry = (c.image_id, c.segmenter, c.segmenter_fingerprint)
            by_fingerprint.setdefault(c.segmenter_fingerprint, {})[key] = entry
    there: set[tuple[int, str, str]] = set()
    for fingerprint, entries in by_fingerprint.items():
        store = segmenter_features(installation.settings.features_dir, fingerprint)
        missing = set(store.missing(list(entries)))
        there |= {entry for key, entry in entries.items() if key not in missing}
    return there


def _candidate(
    installation: Installation,
    project: Project,
    image: ImageRecord,
    segmenter: Segmenter,
    targets: Sequence[int | None],
) -> tuple[NewCandidate, SegmenterSide]:
    from rsqa_core.features.description import segmenter_side
    from rsqa_core.segmenters.mapping import map_probs

    files = installation.files
    rgb = read_rgb(files.path(image.tile_path), image.stretch)
    segmentation = segmenter.predict(rgb)
    probs = map_probs(segmentation.probs, targets, len(project.classes))
    mask = probs.argmax(axis=0).astype(np.uint8)
    accuracy = None
    if image.reference_mask_path is not None:
        accuracy = overall_accuracy(mask, read_mask(files.path(image.reference_mask_path)))
    candidate = NewCandidate(
        image_id=image.id,
        segmenter=segmenter.name,
        segmenter_fingerprint=segmenter.fingerprint,
        mask_path=files.put(encode_mask(mask), ".png"),
        mask_sha256=pixel_sha256(mask),
        area_shares=area_shares(mask, len(project.classes)),
        overall_accuracy=None if accuracy is None else accuracy.overall_accuracy,
        valid_px=None if accuracy is None else accuracy.valid_px,
    )
    return candidate, segmenter_side(rgb, segmentation, segmenter, probs, mask)

"""Adds degraded masks of known quality as candidates, for a head to learn from before any label."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from db.store import candidates as candidate_store
from db.store import images as image_store
from db.store import projects
from rsqa_core.errors import InvalidInputError, NotFoundError
from rsqa_core.files import turn
from rsqa_core.metrics import overall_accuracy
from rsqa_core.progress import Progress, no_progress
from rsqa_core.raster import area_shares, encode_mask, pixel_sha256, read_mask
from rsqa_core.records import (
    SYNTHETIC_PREFIX,
    ImageRecord,
    NewCandidate,
    Project,
    is_synthetic,
)
from workflows.opening import Installation

if TYPE_CHECKING:
    from rsqa_core.training.degrading import Mask

IMAGES_PER_COMMIT = 8

MOST_WRONG = 0.6
"""Share of wrong px that the worst of an image's degraded masks aims at."""


@dataclass(frozen=True, slots=True)
class DegradeReport:
    """What ``degrade_project`` did.

    Attributes:
        images: images that have a clean mask.
        made: candidates recorded.
        unchanged: masks left out because nothing could be made wrong, such as in an image of one
            class.
        accuracies: overall accuracy of each candidate against its clean mask, 0..1.
        kinds: how often each kind of error was applied.
    """

    images: int
    made: int
    unchanged: int
    accuracies: tuple[float, ...]
    kinds: dict[str, int]


def degrade_project(
    installation: Installation,
    slug: str,
    *,
    count: int,
    seed: int = 0,
    clean_segmenter: str | None = None,
    progress: Progress = no_progress,
) -> DegradeReport:
    """Give every image that has a clean mask ``count`` degraded ones, from mild to severe.

    They are candidates of the segmenters ``synthetic-1`` to ``synthetic-N`` with their overall
    accuracy against the clean mask. The same call makes the same masks, so a stopped run is
    completed by giving it again; another seed replaces them.

    Args:
        installation: where.
        slug: the project.
        count: degraded masks an image, at least 1.
        seed: of the drawing.
        clean_segmenter: take this segmenter's candidates for clean, not the reference masks. The
            accuracy is then relative to them, and the names end in ``-of-SEGMENTER``.
        progress: told how many images are done.

    Raises:
        NotFoundError: no such project, or no candidate of that segmenter.
        InvalidInputError: ``count`` is below 1, no image has a reference mask, or the clean
            segmenter is synthetic itself.
    """
    if count < 1:
        raise InvalidInputError(f"Expected `count` to be at least 1, but got {count}.")
    if clean_segmenter is not None and is_synthetic(clean_segmenter):
        raise InvalidInputError(
            f"Expected the clean masks to come from a segmenter, but {clean_segmenter!r} are "
            "degraded masks themselves. Name one that made candidates, or take the reference masks."
        )
    with installation.database.read() as session:
        project = projects.get(session, slug)
    lock = installation.settings.locks_dir / f"degrade-{project.id}"
    with turn(lock, lambda: progress("waiting for another run on this project", 0, 1)):
        clean = _clean_masks(installation, project, clean_segmenter)
        return _degrade(installation, project, clean, count, seed, clean_segmenter, progress)


def remove_degraded(installation: Installation, slug: str) -> tuple[int, int]:
    """Remove a project's degraded masks and their scores, but none that a verdict is about.

    Returns:
        how many were removed, and how many were kept because of a verdict.

    Raises:
        NotFoundError: there is no such project.
    """
    with installation.database.begin() as session:
        project = projects.get(session, slug)
        found = [
            c.id for c in candidate_store.all_of(session, project.id) if is_synthetic(c.segmenter)
        ]
        removed = candidate_store.remove(session, found)
    return removed, len(found) - removed


def _clean_masks(
    installation: Installation, project: Project, clean_segmenter: str | None
) -> list[tuple[ImageRecord, str]]:
    """Return the images that have a clean mask, each with its name in the file store."""
    with installation.database.read() as session:
        images = image_store.all_of(session, project.id)
        found = candidate_store.all_of(session, project.id)
    if clean_segmenter is not None:
        path_of = {c.image_id: c.mask_path for c in found if c.segmenter == clean_segmenter}
        if not path_of:
            known = {c.segmenter for c in found if not is_synthetic(c.segmenter)}
            raise NotFoundError.named("segmenter", clean_segmenter, known)
        return [(image, path_of[image.id]) for image in images if image.id in path_of]
    clean = [(i, i.reference_mask_path) for i in images if i.reference_mask_path is not None]
    if not clean:
        raise InvalidInputError(
            f"Project {project.slug!r} has no reference masks to degrade. Import them beside the "
            "images (masks/), or degrade the candidates of a segmenter: --from SEGMENTER."
        )
    return clean


def _degrade(
    installation: Installation,
    project: Project,
    clean: Sequence[tuple[ImageRecord, str]],
    count: int,
    seed: int,
    clean_segmenter: str | None,
    progress: Progress,
) -> DegradeReport:
    made: list[NewCandidate] = []
    kinds = Counter[str]()
    for start in range(0, len(clean), IMAGES_PER_COMMIT):
        batch: list[NewCandidate] = []
        for offset, (image, path) in enumerate(clean[start : start + IMAGES_PER_COMMIT]):
            progress("degrading masks", start + offset, len(clean))
            mask = read_mask(installation.files.path(path))
            strengths = _strengths(count, seed, image)
            for number, strength in enumerate(strengths, 1):
                name = synthetic_name(number, clean_segmenter)
                new, applied = _candidate(installation, project, image, mask, name, strength, seed)
                if new is not None:
                    batch.append(new)
                    kinds.update(applied)
        with installation.database.begin() as session:
            candidate_store.put(session, batch)
        made += batch
    progress("degrading masks", len(clean), len(clean))
    return DegradeReport(
        images=len(clean),
        made=len(made),
        unchanged=len(clean) * count - len(made),
        accuracies=tuple(c.overall_accuracy for c in made if c.overall_accuracy is not None),
        kinds=dict(kinds.most_common()),
    )


def _candidate(
    installation: Installation,
    project: Project,
    image: ImageRecord,
    clean: Mask,
    name: str,
    strength: float,
    seed: int,
) -> tuple[NewCandidate | None, tuple[str, ...]]:
    from rsqa_core.training.degrading import degrade

    class_ids = [c.id for c in project.classes]
    mask, applied = degrade(clean, class_ids, _rng(seed, image, name), strength)
    accuracy = overall_accuracy(mask, clean)
    if accuracy is None or not applied:
        return None, ()
    files = installation.files
    new = NewCandidate(
        image_id=image.id,
        segmenter=name,
        mask_path=files.put(encode_mask(mask), ".png"),
        mask_sha256=pixel_sha256(mask),
        area_shares=area_shares(mask, len(project.classes)),
        overall_accuracy=accuracy.overall_accuracy,
        valid_px=accuracy.valid_px,
    )
    return new, applied


def _strengths(count: int, seed: int, image: ImageRecord) -> list[float]:
    """Draw one strength from each of ``count`` equal parts of 0..MOST_WRONG, in random order.

    The order is random so that no name stands for a quality.
    """
    rng = _rng(seed, image, f"strengths of {count}")
    parts = (np.arange(count) + rng.random(count)) * MOST_WRONG / count
    return [float(value) for value in rng.permutation(parts)]


def _rng(seed: int, image: ImageRecord, purpose: str) -> np.random.Generator:
    # By content, so that the masks do not depend on ids or on the order of the images.
    digest = hashlib.sha256(f"{seed}/{image.sha256}/{purpose}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))


def synthetic_name(number: int, clean_segmenter: str | None = None) -> str:
    """Return the segmenter name of a degraded mask.

    Made from another segmenter's candidate instead of the reference mask, its overall accuracy is
    relative to that candidate; the name then says so.

    Example:
        >>> synthetic_name(2), synthetic_name(2, "unet")
        ('synthetic-2', 'synthetic-2-of-unet')
    """
    suffix = "" if clean_segmenter is None else f"-of-{clean_segmenter}"
    return f"{SYNTHETIC_PREFIX}{number}{suffix}"

"""Which images of a project to label next, kept as the queue's order "most informative"."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from db.store import candidates as candidate_store
from db.store import images as image_store
from db.store import verdicts
from rsqa_core.progress import Progress, no_progress
from rsqa_core.records import ImageRecord, Project, is_synthetic
from workflows.describing import DescribedCandidates, describe_candidates
from workflows.opening import Installation
from workflows.searching import views_of

if TYPE_CHECKING:
    from rsqa_core.heads.head import Prediction, QualityHead

MOST_IMAGES = 1000
"""Images among which the order is found; of more, a random choice."""


def refresh_informative(
    installation: Installation,
    project: Project,
    head_id: str,
    head: QualityHead,
    known: tuple[DescribedCandidates, Prediction] | None = None,
    *,
    progress: Progress = no_progress,
) -> None:
    """Order the open images by what a label of each would tell about the others.

    The candidate that a reviewer sees first stands for its image. Images beyond MOST_IMAGES come
    last, in no order.

    Args:
        known: all candidates of the project and what the head says of them, if that is there.
    """
    from rsqa_core.heads.choosing import informative

    progress("finding the most informative images", 0, 1)
    with installation.database.read() as session:
        images = image_store.all_of(session, project.id)
        labelled = set(verdicts.labels(session, project.id))
    among = _drawn(images)
    described, said = known or _predicted(installation, project, head, among)
    wanted = {image.id for image in among}
    of_image: dict[int, list[int]] = {}
    for row, candidate in enumerate(described.candidates):
        if candidate.image_id in wanted and not is_synthetic(candidate.segmenter):
            of_image.setdefault(candidate.image_id, []).append(row)
    if not of_image:
        return
    chosen, done = [], []
    for rows in of_image.values():
        told = [row for row in rows if described.candidates[row].id in labelled]
        chosen.append(told[0] if told else rows[int(np.argmax(said.score[rows]))])
        done.append(bool(told))
    standing = np.array(chosen)
    points = head.points(
        described.inputs.only(standing),
        described.places.only(standing),
        said.base[standing],
        said.spread[standing],
    )
    values = informative(points, np.array(done))
    order = dict.fromkeys((image.id for image in images), 0.0)
    order |= {
        image_id: float(np.clip(value, 0.0, 1.0))
        for image_id, value in zip(of_image, values, strict=True)
    }
    with installation.database.begin() as session:
        image_store.set_informative(session, order, head_id=head_id)
    progress("finding the most informative images", 1, 1)


def refresh_diverse(
    installation: Installation,
    project: Project,
    encoder_fingerprint: str,
    *,
    progress: Progress = no_progress,
) -> None:
    """Give every image that the encoder has seen its place in the diverse order.

    All are placed anew, so that a new image comes where its variety belongs and not last. An image
    that was not described has no place and comes after those that have.
    """
    from rsqa_core.diversity import diverse_places

    progress("finding a diverse order", 0, 1)
    images, views = views_of(installation, project, encoder_fingerprint)
    places = diverse_places(views)
    with installation.database.begin() as session:
        image_store.set_diverse(
            session,
            project.id,
            {image.id: float(place) for image, place in zip(images, places, strict=True)},
        )
    progress("finding a diverse order", 1, 1)


def _drawn(images: Sequence[ImageRecord]) -> list[ImageRecord]:
    """Return at most MOST_IMAGES images, by their content's hash, up to half of them reviewed."""
    by_chance = sorted(images, key=lambda image: image.sha256)
    reviewed = [image for image in by_chance if image.status == "reviewed"][: MOST_IMAGES // 2]
    others = [image for image in by_chance if image.status != "reviewed"]
    return reviewed + others[: MOST_IMAGES - len(reviewed)]


def _predicted(
    installation: Installation, project: Project, head: QualityHead, images: Sequence[ImageRecord]
) -> tuple[DescribedCandidates, Prediction]:
    with installation.database.read() as session:
        found = candidate_store.of_images(session, [image.id for image in images])
    groups = [
        (image, [c for c in found[image.id] if not is_synthetic(c.segmenter)])
        for image in images
        if image.id in found
    ]
    fingerprint = head.card.encoder_fingerprint
    described = describe_candidates(
        installation, project, groups, (head.card.encoder_name, fingerprint)
    )
    return described, head.predict(described.inputs, described.places, fingerprint)

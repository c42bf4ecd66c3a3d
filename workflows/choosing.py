"""Which images of a project to label next, kept as the queue's order "most informative"."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from db.store import candidates as candidate_store
from db.store import images as image_store
from db.store import verdicts
from rsqa_core.progress import Progress, no_progress
from rsqa_core.records import Project, is_synthetic
from workflows.describing import describe_candidates
from workflows.opening import Installation

if TYPE_CHECKING:
    from rsqa_core.heads.head import QualityHead

MOST_IMAGES = 1000
"""Images among which the order is found; of more, those whose prediction is least certain."""


def refresh_informative(
    installation: Installation,
    project: Project,
    head_id: str,
    head: QualityHead,
    *,
    progress: Progress = no_progress,
) -> None:
    """Order the open images by what a label of each would tell about the others.

    The candidate that a reviewer sees first stands for its image. Images beyond MOST_IMAGES come
    last, in no order.
    """
    from rsqa_core.heads.choosing import informative

    progress("finding the most informative images", 0, 1)
    with installation.database.read() as session:
        images = image_store.all_of(session, project.id)
        labelled = set(verdicts.labels(session, project.id))
        ranked = sorted(images, key=lambda image: -(image.uncertainty or 0.0))[:MOST_IMAGES]
        wanted = {image.id: image for image in ranked}
        groups = [
            (wanted[image_id], found)
            for image_id, found in candidate_store.of_images(session, list(wanted)).items()
        ]
    real = [(i, [c for c in found if not is_synthetic(c.segmenter)]) for i, found in groups]
    groups = [(image, found) for image, found in real if found]
    if not groups:
        return
    encoder = (head.card.encoder_name, head.card.encoder_fingerprint)
    described = describe_candidates(installation, project, groups, encoder)
    prediction = head.predict(described.inputs, described.places, encoder[1])
    rows, done = [], []
    for index in range(len(described.images)):
        own = np.flatnonzero(described.image_of_row == index)
        known = [row for row in own if described.candidates[row].id in labelled]
        rows.append(known[0] if known else own[int(np.argmax(prediction.score[own]))])
        done.append(bool(known))
    chosen = np.array(rows)
    values = informative(
        head.residual_inputs(described.inputs.only(chosen)),
        described.places.only(chosen),
        np.array(done),
    )
    order = dict.fromkeys((image.id for image in images), 0.0)
    order |= {
        described.images[index].id: float(np.clip(value, 0.0, 1.0))
        for index, value in enumerate(values)
    }
    with installation.database.begin() as session:
        image_store.set_informative(session, order, head_id=head_id)
    progress("finding the most informative images", 1, 1)

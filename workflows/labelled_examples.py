"""The labelled candidates of a project that look most like one: precedents for its score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from db.store import candidates as candidate_store
from db.store import images as image_store
from db.store import scores as score_store
from db.store import verdicts
from rsqa_core.features.keys import semantic_features
from rsqa_core.records import Candidate, ImageRecord, Project, is_synthetic
from workflows.describing import DescribedCandidates, describe_candidates
from workflows.opening import Installation

if TYPE_CHECKING:
    from rsqa_core.heads.head import QualityHead

MOST_EXAMPLES = 5
IMAGES_COMPARED = 48
"""Labelled images whose candidates are compared, those first that the encoder finds most alike."""


@dataclass(frozen=True, slots=True)
class LabelledExample:
    """A labelled candidate beside another one.

    Attributes:
        image: its image.
        candidate: the candidate.
        label: mean score in 0..1 that reviewers gave it.
        likeness: 0..1, the factor by which an error of the head on one is expected on the other.
    """

    image: ImageRecord
    candidate: Candidate
    label: float
    likeness: float


def nearest_labelled(
    installation: Installation,
    project: Project,
    head: QualityHead,
    described: DescribedCandidates,
    row: int,
) -> list[LabelledExample]:
    """Return the labelled candidates most like one, at most MOST_EXAMPLES of as many images.

    Labels of its own image are left out: what others said of it must not lead the reviewer who has
    yet to judge it. So are synthetic candidates and those that the project's head has not scored.

    Args:
        described: candidates with what the head takes.
        row: the one that is asked about.
    """
    from rsqa_core.heads.explaining import likeness_to
    from rsqa_core.heads.residual import Kernel

    own = described.images[int(described.image_of_row[row])]
    with installation.database.read() as session:
        labels = verdicts.labels(session, project.id)
        image_of = candidate_store.images_of(session, labels)
        known = set(score_store.of_candidates(session, project.active_head_id or "", [*labels]))
        labelled = {image_of[one] for one in labels if one in known} - {own.id}
        images = image_store.some(session, labelled)
    images = _most_alike(installation, head, own, images)
    with installation.database.read() as session:
        found = candidate_store.of_images(session, [image.id for image in images])
    encoder = (head.card.encoder_name, head.card.encoder_fingerprint)
    groups = [(image, found[image.id]) for image in images]
    others = describe_candidates(installation, project, groups, encoder)
    rows = [
        number
        for number, one in enumerate(others.candidates)
        if one.id in labels and one.id in known and not is_synthetic(one.segmenter)
    ]
    if not rows:
        return []
    here = np.array([row], dtype=np.int64)
    one = head.preparation.likeness(described.inputs.only(here))[0]
    many = head.preparation.likeness(others.inputs.only(np.array(rows, dtype=np.int64)))
    kernel = Kernel() if head.residual is None else head.residual.kernel
    alike = likeness_to(kernel, one, many)
    nearest: dict[int, LabelledExample] = {}
    for place in np.argsort(-alike, kind="stable"):
        candidate = others.candidates[rows[place]]
        image = others.images[int(others.image_of_row[rows[place]])]
        if image.id not in nearest:
            label = labels[candidate.id]
            nearest[image.id] = LabelledExample(image, candidate, label, float(alike[place]))
    return list(nearest.values())[:MOST_EXAMPLES]


def _most_alike(
    installation: Installation, head: QualityHead, own: ImageRecord, images: list[ImageRecord]
) -> list[ImageRecord]:
    """Return the images whose view by the encoder is most like one's; all where they are few."""
    if len(images) <= IMAGES_COMPARED:
        return images
    store = semantic_features(installation.settings.features_dir, head.card.encoder_fingerprint)
    known = store.load([own.sha256, *(image.sha256 for image in images)])
    images = [image for image in images if image.sha256 in known]
    seen = np.stack([known[own.sha256], *(known[image.sha256] for image in images)])
    views = head.preparation.vectors(seen)[0].numpy()
    away = ((views[1:] - views[0]) ** 2).sum(axis=1)
    return [images[place] for place in np.argsort(away, kind="stable")[:IMAGES_COMPARED]]

"""Finds images by words or by another image, in the encoder's view of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from db.store import heads, projects, searches
from db.store import images as image_store
from rsqa_core.diversity import directions
from rsqa_core.errors import InvalidInputError
from rsqa_core.features.keys import semantic_features
from rsqa_core.records import ImageRecord, Project
from rsqa_core.searches import LONGEST_WORDS, MOST_HITS, Search
from workflows.opening import Installation

Array = NDArray[np.float32]


def text_vector(installation: Installation, project_id: int, words: str) -> list[float]:
    """Return the vector of a text by the encoder of the project's head, of length 1.

    Loads the encoder: for the process that holds models.

    Raises:
        InvalidInputError: the project has no head yet, or its encoder takes no text.
        FingerprintError: the encoder is another one than the head's.
    """
    from workflows.describing import encoder_of
    from workflows.scoring import load_project_head

    with installation.database.read() as session:
        project = projects.get_by_id(session, project_id)
        record = heads.get(session, _head_of(project))
    card = load_project_head(installation, record).card
    encoder = encoder_of(installation, (card.encoder_name, card.encoder_fingerprint))
    if not encoder.has_text:
        raise InvalidInputError(
            f"The encoder {card.encoder_name!r} takes no text. Find images by another image."
        )
    return [float(value) for value in encoder.encode_texts([words])[0]]


def search_words(
    installation: Installation, project: Project, words: str, vector: list[float]
) -> Search:
    """Find the images whose view is most like a text, and keep what was found.

    Args:
        vector: what ``text_vector`` gives for ``words``.

    Raises:
        InvalidInputError: no words or too many, or no image was described yet.
    """
    words = checked_words(words)
    images, views = _views(installation, project)
    query = np.array(vector, dtype=np.float32)
    return _kept(installation, project, images, views[:, : len(query)] @ query, words=words)


def search_like(installation: Installation, project: Project, image_id: int) -> Search:
    """Find the images most like one, itself first, and keep what was found.

    Raises:
        InvalidInputError: the image was not described yet.
    """
    images, views = _views(installation, project)
    place = next((i for i, image in enumerate(images) if image.id == image_id), None)
    if place is None:
        raise InvalidInputError(
            "The image was not described yet, so nothing can be compared with it. Score the "
            "project first."
        )
    scaled = directions(views)
    return _kept(installation, project, images, scaled @ scaled[place], image_id=image_id)


def checked_words(words: str) -> str:
    """Return words to search for without blanks around them.

    Raises:
        InvalidInputError: there are none, or too many.
    """
    words = " ".join(words.split())
    if not 1 <= len(words) <= LONGEST_WORDS:
        raise InvalidInputError(
            f"Expected 1 to {LONGEST_WORDS} characters to search for, but got {len(words)}."
        )
    return words


def views_of(
    installation: Installation, project: Project, encoder_fingerprint: str
) -> tuple[list[ImageRecord], Array]:
    """Return the images of a project that an encoder has seen, and its vectors of them, (N, D)."""
    with installation.database.read() as session:
        images = image_store.all_of(session, project.id)
    store = semantic_features(installation.settings.features_dir, encoder_fingerprint)
    known = store.load([image.sha256 for image in images])
    images = [image for image in images if image.sha256 in known]
    if not images:
        return [], np.zeros((0, 0), np.float32)
    return images, np.stack([known[image.sha256] for image in images])


def _views(installation: Installation, project: Project) -> tuple[list[ImageRecord], Array]:
    """Return the images that the head's encoder has seen, and its vectors of them."""
    with installation.database.read() as session:
        record = heads.get(session, _head_of(project))
    images, views = views_of(installation, project, record.encoder_fingerprint)
    if not images:
        raise InvalidInputError("No image was described yet. Score the project, then search.")
    return images, views


def _kept(
    installation: Installation,
    project: Project,
    images: list[ImageRecord],
    alike: Array,
    *,
    words: str = "",
    image_id: int | None = None,
) -> Search:
    best = np.argsort(-alike, kind="stable")[:MOST_HITS]
    found = {images[place].id: float(alike[place]) for place in best}
    with installation.database.begin() as session:
        return searches.add(session, project.id, found, words=words, image_id=image_id)


def _head_of(project: Project) -> str:
    if project.active_head_id is None:
        raise InvalidInputError("Nothing was scored yet. Score the project, then search.")
    return project.active_head_id

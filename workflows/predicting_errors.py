"""Error maps of candidates by a project's current head."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from db.store import candidates as candidate_store
from db.store import scores as score_store
from rsqa_core.errors import InvalidInputError
from rsqa_core.raster import read_mask
from rsqa_core.records import Candidate, ImageRecord, Project
from workflows.describing import describe_candidates
from workflows.opening import Installation
from workflows.scoring import kept_head
from workflows.segmenter_sides import SegmenterSides


def error_maps(
    installation: Installation, project: Project, image: ImageRecord, found: Sequence[Candidate]
) -> list[NDArray[np.float32]]:
    """Return the probability of error of every pixel of each candidate, (H, W) float32 in 0..1.

    The mean of a map is one minus the candidate's recorded score by the current head.

    Args:
        found: candidates of ``image`` that have a score.

    Raises:
        InvalidInputError: a candidate has no score.
    """
    from rsqa_core.heads.error_map import predict_errors, probability_of_mask

    with installation.database.read() as session:
        every = candidate_store.of_images(session, [image.id])[image.id]
        head_id = project.active_head_id or ""
        scores = score_store.of_candidates(session, head_id, [c.id for c in found])
    missing = [c.segmenter for c in found if c.id not in scores]
    if missing:
        raise InvalidInputError(
            f"Candidate {missing[0]!r} of image {image.name!r} has no score by the project's "
            f"current head. Score the project first: rsqa score --project {project.slug}."
        )
    head = kept_head(installation, head_id)
    encoder = (head.card.encoder_name, head.card.encoder_fingerprint)
    described = describe_candidates(installation, project, [(image, every)], encoder)
    cells = head.predict(described.inputs, described.places, encoder[1]).cells
    row_of = {candidate.id: row for row, candidate in enumerate(described.candidates)}
    sides = SegmenterSides(installation, [(image, every)], len(project.classes))
    consensus = sides.consensus(image, every)
    maps = []
    for candidate in found:
        mask = read_mask(installation.files.path(candidate.mask_path))
        maps.append(
            predict_errors(
                mask,
                cells[row_of[candidate.id]],
                probability_of_mask(consensus.together, mask),
                scores[candidate.id].score,
                head.card.pixels,
            )
        )
    return maps

"""Error maps as pictures for a screen, made when somebody looks and kept."""

from __future__ import annotations

from pathlib import Path

from db.store import candidates as candidate_store
from db.store import images as image_store
from db.store import projects
from db.store import scores as score_store
from rsqa_core.files import write_atomically
from rsqa_core.records import Candidate, Score
from rsqa_core.settings import Settings
from workflows.opening import Installation


def error_image_path(settings: Settings, candidate: Candidate, score: Score) -> Path:
    """Return where the picture of a candidate's error map lies once it is made.

    The map follows from mask, head and score: another of them is another file.
    """
    name = f"{candidate.mask_sha256[:32]}-{error_image_key(score)}.png"
    return settings.error_images_dir / name[:2] / name


def error_image_key(score: Score) -> str:
    """Return what tells the maps of one candidate apart: the head and what it said."""
    return f"{score.head_id}-{round(score.score * 1e6)}"


def make_error_images(installation: Installation, image_id: int) -> int:
    """Make the pictures of all scored candidates of an image; return how many there are.

    Each is a grey PNG of the mask's size: probability of being wrong times 255.

    Raises:
        NotFoundError: no such image.
        FingerprintError: the encoder is another one than the head's.
    """
    import numpy as np

    from rsqa_core.raster import encode_mask
    from workflows.predicting_errors import error_maps

    with installation.database.read() as session:
        image = image_store.get(session, image_id)
        project = projects.get_by_id(session, image.project_id)
        found = candidate_store.of_images(session, [image.id])[image.id]
        scores = score_store.of_candidates(
            session, project.active_head_id or "", [one.id for one in found]
        )
    scored = [one for one in found if one.id in scores]
    if not scored:
        return 0
    maps = error_maps(installation, project, image, scored)
    for candidate, wrong in zip(scored, maps, strict=True):
        grey = np.rint(np.clip(wrong, 0.0, 1.0) * 255).astype(np.uint8)
        path = error_image_path(installation.settings, candidate, scores[candidate.id])
        write_atomically(path, encode_mask(grey))
    return len(scored)

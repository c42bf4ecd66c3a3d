"""Predict the quality of a project's candidates with its current head."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from db.store import candidates as candidate_store
from db.store import heads as head_store
from db.store import images as image_store
from db.store import projects
from db.store import scores as score_store
from rsqa_core.errors import InvalidInputError, NotFoundError
from rsqa_core.files import resolve_under, write_atomically
from rsqa_core.progress import Progress, no_progress
from rsqa_core.records import Candidate, HeadRecord, ImageRecord, Project
from workflows.choosing import refresh_diverse, refresh_informative
from workflows.describing import DescribedCandidates, describe_candidates
from workflows.opening import Installation
from workflows.predictions import predicted_scores

if TYPE_CHECKING:
    from rsqa_core.heads.head import Prediction, QualityHead

IMAGES_PER_PUBLISH = 64
SYSTEM_REVIEWER = "rsqa"
"""Who promoted a head that nobody chose by hand."""


@dataclass(frozen=True, slots=True)
class ScoreReport:
    """What ``score_project`` did: candidates scored now, and those that had a score already."""

    head_id: str
    scored: int
    already_scored: int


def score_project(
    installation: Installation,
    slug: str,
    *,
    head_id: str | None = None,
    progress: Progress = no_progress,
) -> ScoreReport:
    """Score every candidate that lacks a score by the head, and publish in batches.

    When one candidate of an image is new, all of them are scored again, because each is compared
    with the others. A project without a head gets the shipped one.

    Raises:
        NotFoundError: no such project or head.
        InvalidInputError: the project has no candidates.
    """
    project, record = current_head(installation, slug, head_id)
    head = load_project_head(installation, record)
    with installation.database.read() as session:
        groups = groups_of(
            image_store.all_of(session, project.id), candidate_store.all_of(session, project.id)
        )
        unscored = set(score_store.unscored(session, project.id, record.id))
    if not groups:
        raise InvalidInputError(
            f"Project {slug!r} has no candidates to score. Make some first: rsqa segment "
            f"--project {slug}, or import masks under candidates/SEGMENTER/."
        )
    total = sum(len(found) for _, found in groups)
    pending = [group for group in groups if any(c.id in unscored for c in group[1])]
    scored = 0
    for start in range(0, len(pending), IMAGES_PER_PUBLISH):
        batch = pending[start : start + IMAGES_PER_PUBLISH]
        described = describe_candidates(
            installation,
            project,
            batch,
            (head.card.encoder_name, head.card.encoder_fingerprint),
            progress=_shifted(progress, start, len(pending)),
        )
        said = head.predict(described.inputs, described.places, head.card.encoder_fingerprint)
        scored += publish_scores(installation, project, record.id, head, described, said)
    progress("describing and scoring", len(pending), len(pending))
    if scored:
        refresh_informative(installation, project, record.id, head, progress=progress)
    # Projects that were scored before there was this order get it with the next scoring.
    if scored or any(image.diverse is None for image, _ in groups):
        refresh_diverse(installation, project, record.encoder_fingerprint, progress=progress)
    return ScoreReport(record.id, scored, total - scored)


def publish_scores(
    installation: Installation,
    project: Project,
    head_id: str,
    head: QualityHead,
    described: DescribedCandidates,
    prediction: Prediction,
) -> int:
    """Write scores and disagreement in one transaction; return how many scores.

    Args:
        prediction: what the head says of the described candidates.
    """
    rows = predicted_scores(project, head_id, head, described, prediction)
    votes = described.column("vote_entropy")
    disagreement = {
        described.images[i].id: float(np.clip(votes[row], 0.0, 1.0))
        for row, i in enumerate(described.image_of_row)
        if np.isfinite(votes[row])
    }
    with installation.database.begin() as session:
        count = score_store.publish(session, project.id, head_id, rows)
        image_store.set_disagreement(session, disagreement)
    return count


def current_head(
    installation: Installation, slug: str, head_id: str | None = None
) -> tuple[Project, HeadRecord]:
    """Return the project and a head of it: the one asked for, the current one, or the shipped one.

    A project without a current head gets the shipped one promoted, and so does one whose head is
    of an earlier RSQA: nothing can be scored with that any more. Labels and old scores
    stay, and a new head can be trained from them.
    """
    from rsqa_core.heads.head import is_outdated

    shipped = register_shipped_head(installation)
    with installation.database.begin() as session:
        project = projects.get(session, slug)
        if head_id is not None:
            return project, head_store.get(session, head_id)
        if project.active_head_id is not None:
            record = head_store.get(session, project.active_head_id)
            path = resolve_under(installation.settings.heads_dir, record.path)
            if not is_outdated(path):
                return project, record
        project = head_store.promote(session, project.id, shipped.id, reviewer=SYSTEM_REVIEWER)
        return project, shipped


def register_shipped_head(installation: Installation) -> HeadRecord:
    """Make the shipped head known to the database, and keep a copy that outlives an update."""
    from rsqa_core.heads.head import BASE_HEAD, WEIGHTS_DIR, load_head

    path = WEIGHTS_DIR / f"{BASE_HEAD}.safetensors"
    if not path.exists():
        raise NotFoundError(
            f"The shipped head {path.name} is missing. Reinstall RSQA, or train one: rsqa "
            "train-head."
        )
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    head_id = f"{BASE_HEAD}-{digest[:8]}"
    kept = installation.settings.heads_dir / f"{head_id}.safetensors"
    if not kept.exists():
        write_atomically(kept, content)
    with installation.database.read() as session:
        try:
            return head_store.get(session, head_id)
        except NotFoundError:
            pass
    figures = path.with_suffix(".json")
    record = HeadRecord(
        id=head_id,
        project_id=None,
        parent_id=None,
        path=f"{head_id}.safetensors",
        sha256=digest,
        encoder_fingerprint=load_head(path).card.encoder_fingerprint,
        label_count=0,
        metrics=json.loads(figures.read_text()) if figures.exists() else {},
        created_at=dt.datetime.now(dt.UTC),
    )
    with installation.database.begin() as session:
        known = {head.id for head in head_store.of_project(session, 0)}
        if head_id not in known:
            head_store.add(session, record)
    return record


def load_project_head(installation: Installation, record: HeadRecord) -> QualityHead:
    """Load the weights of a recorded head; it remembers what its network says."""
    from rsqa_core.heads.head import load_head

    head = load_head(resolve_under(installation.settings.heads_dir, record.path))
    return head.remembering(installation.settings.features_dir)


@lru_cache(maxsize=1)
def kept_head(installation: Installation, head_id: str) -> QualityHead:
    """Load a head by its id; kept, for screens and exports ask of one image after another."""
    with installation.database.read() as session:
        record = head_store.get(session, head_id)
    return load_project_head(installation, record)


def groups_of(
    images: Sequence[ImageRecord], candidates: Sequence[Candidate]
) -> list[tuple[ImageRecord, list[Candidate]]]:
    """Return each image that has candidates with all of them, in image order."""
    found: dict[int, list[Candidate]] = {}
    for candidate in candidates:
        found.setdefault(candidate.image_id, []).append(candidate)
    return [(image, found[image.id]) for image in images if image.id in found]


def _shifted(progress: Progress, start: int, whole: int) -> Progress:
    """Report the images of one batch as part of all of them."""

    def report(step: str, done: int, total: int) -> None:
        progress("describing and scoring", start + done, whole)

    return report

"""A small project as the pages meet it: images, candidates, two heads, scores and verdicts."""

from __future__ import annotations

import datetime as dt
import io
import uuid

import numpy as np
from PIL import Image
from sqlalchemy.orm import Session

from db.store import candidates, heads, images, projects, scores, verdicts
from rsqa_core.records import (
    Candidate,
    ClassDef,
    HeadRecord,
    NewCandidate,
    NewImage,
    Project,
    Score,
    Verdict,
)
from workflows.opening import Installation

CLASSES = (ClassDef(0, "Building", (192, 57, 43)), ClassDef(1, "Water", (46, 134, 193)))
SEGMENTERS = ("unet", "fpn", "segformer")
SIZE_PX = 64


def add_project(
    installation: Installation,
    *,
    slug: str = "harbour",
    image_count: int = 6,
    seed: int = 0,
    name: str = "Harbour survey",
) -> Project:
    """Add a project with images in two scenes; candidates come with ``add_candidates``."""
    rng = np.random.default_rng(seed)
    new = []
    for index in range(image_count):
        pixels = rng.integers(0, 255, (SIZE_PX, SIZE_PX, 3), dtype=np.uint8)
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "JPEG")
        path = installation.files.put(stream.getvalue(), ".jpg")
        new.append(
            NewImage(
                name=f"tile_{index:03d}",
                scene=f"scene {index % 2 + 1}",
                sha256=path[3:67],
                source_name=f"tile_{index:03d}.jpg",
                source_sha256=path[3:67],
                source_width_px=SIZE_PX,
                source_height_px=SIZE_PX,
                x_px=0,
                y_px=0,
                width_px=SIZE_PX,
                height_px=SIZE_PX,
                bands=3,
                dtype="uint8",
                tile_path=path,
                display_path=path,
            )
        )
    with installation.database.begin() as session:
        project = projects.create(session, slug=slug, name=name, classes=CLASSES, origin="imported")
        images.add(session, project.id, new)
    return project


def add_candidates(installation: Installation, project: Project) -> list[Candidate]:
    """Add one candidate per image and segmenter."""
    stream = io.BytesIO()
    Image.fromarray(np.zeros((SIZE_PX, SIZE_PX), dtype=np.uint8), "L").save(stream, "PNG")
    mask = installation.files.put(stream.getvalue(), ".png")
    with installation.database.begin() as session:
        return candidates.put(
            session,
            [
                NewCandidate(
                    image_id=image.id,
                    segmenter=segmenter,
                    mask_path=mask,
                    mask_sha256=f"{image.id:032d}{index:032d}",
                    area_shares=(1.0, 0.0),
                )
                for image in images.all_of(session, project.id)
                for index, segmenter in enumerate(SEGMENTERS)
            ],
        )


def add_head(
    installation: Installation,
    project: Project,
    head_id: str,
    *,
    own: bool = False,
    held_out: dict[str, object] | None = None,
    label_count: int = 500,
    age_days: int = 10,
    seed: int = 1,
) -> HeadRecord:
    """Add a head with seeded scores for every candidate; it is not promoted."""
    metrics: dict[str, object] = {}
    if held_out is not None:
        metrics = {
            "held_out": held_out,
            "held_out_points": [[0.9, 0.7, 0.85], [0.4, 0.6, 0.5], [0.7, 0.75, 0.7]],
        }
    head = HeadRecord(
        id=head_id,
        project_id=project.id if own else None,
        parent_id=None,
        path=f"{head_id}.safetensors",
        sha256=f"{seed:064d}",
        encoder_fingerprint="f" * 16,
        label_count=label_count,
        metrics=metrics,
        created_at=dt.datetime(2025, 6, 20, tzinfo=dt.UTC) - dt.timedelta(days=age_days),
    )
    rng = np.random.default_rng(seed)
    with installation.database.begin() as session:
        heads.add(session, head)
        rows = []
        for candidate in candidates.all_of(session, project.id):
            score = float(rng.uniform(0.2, 0.95))
            width = float(rng.uniform(0.01, 0.2))
            rows.append(
                Score(
                    candidate.id, head_id, score, max(0.0, score - width), min(1.0, score + width)
                )
            )
        scores.publish(session, project.id, head_id, rows)
        images.set_disagreement(
            session,
            {i.id: float(rng.uniform(0, 1)) for i in images.all_of(session, project.id)},
        )
    return head


def promote(installation: Installation, project: Project, head_id: str) -> Project:
    """Make a head the current one."""
    with installation.database.begin() as session:
        return heads.promote(session, project.id, head_id, reviewer="Ada")


def add_labels(
    installation: Installation, project: Project, count: int, *, reviewer: str = "Ada"
) -> None:
    """Confirm or correct the first ``count`` candidates in turn."""
    with installation.database.begin() as session:
        active = projects.get_by_id(session, project.id).active_head_id
        for index, candidate in enumerate(candidates.all_of(session, project.id)[:count]):
            kind = "confirm" if index % 2 == 0 else "correct"
            verdicts.record(
                session,
                Verdict(
                    id=str(uuid.UUID(int=index + 1 + 1000 * project.id)),
                    project_id=project.id,
                    image_id=candidate.image_id,
                    reviewer=reviewer,
                    kind=kind,
                    candidate_id=candidate.id,
                    score=0.25 + 0.5 * (index % 2),
                    head_id=active,
                ),
            )


def correct(
    session: Session, project: Project, candidate: Candidate, reviewer: str, score: float
) -> None:
    """Record what a reviewer scores a candidate."""
    verdicts.record(
        session,
        Verdict(
            id=str(uuid.uuid4()),
            project_id=project.id,
            image_id=candidate.image_id,
            reviewer=reviewer,
            kind="correct",
            candidate_id=candidate.id,
            score=score,
        ),
    )


GOOD = {
    "before": {"mae": 0.112, "srcc": 0.81, "n": 20},
    "after": {"mae": 0.081, "srcc": 0.88, "n": 20},
    "interval": [-0.05, -0.01],
}
"""Held-out figures that speak for a head."""


def add_ready_project(installation: Installation, *, image_count: int = 6) -> Project:
    """Add a project with a promoted base head and scores: ready to review."""
    project = add_project(installation, image_count=image_count)
    add_candidates(installation, project)
    add_head(installation, project, "base-head")
    return promote(installation, project, "base-head")

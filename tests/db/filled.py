"""A small project in a database, and the verdicts to send to it."""

from __future__ import annotations

import datetime as dt
import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from db import Database
from db.store import candidates, heads, images, projects, scores, verdicts
from rsqa_core.records import (
    Candidate,
    ClassDef,
    HeadRecord,
    ImageRecord,
    NewCandidate,
    NewImage,
    Project,
    Score,
    Verdict,
)

CLASSES = (ClassDef(0, "roof", (200, 30, 30)), ClassDef(1, "Low Vegetation", (30, 200, 30)))
SEGMENTERS = ("alpha", "beta")


@dataclass
class Filled:
    """A project "town" with images, two candidates each and scores by its current head "base"."""

    database: Database
    project: Project
    images: list[ImageRecord]
    candidates: list[Candidate]

    def of(self, image: int, segmenter: int = 0) -> Candidate:
        return self.candidates[image * len(SEGMENTERS) + segmenter]

    def verdict(self, kind: Any = "confirm", image: int = 0, **changes: Any) -> Verdict:
        fields: dict[str, Any] = {
            "id": str(uuid.uuid4()),
            "project_id": self.project.id,
            "image_id": self.images[image].id,
            "reviewer": "ada",
            "kind": kind,
        }
        if kind in ("confirm", "correct"):
            fields |= {"candidate_id": self.of(image).id, "score": 0.5}
        return Verdict(**fields | changes)

    def say(self, kind: Any = "confirm", image: int = 0, **changes: Any) -> Verdict:
        with self.database.begin() as session:
            return verdicts.record(session, self.verdict(kind, image, **changes))[0]

    def undo(self, verdict: Verdict) -> Verdict:
        with self.database.begin() as session:
            return verdicts.record(session, self.undo_of(verdict))[0]

    def undo_of(self, verdict: Verdict) -> Verdict:
        return Verdict(
            id=str(uuid.uuid4()),
            project_id=verdict.project_id,
            image_id=verdict.image_id,
            reviewer=verdict.reviewer,
            kind="undo",
            supersedes_id=verdict.id,
        )

    def status(self, image: int = 0) -> str:
        with self.database.read() as session:
            return images.get(session, self.images[image].id).status

    def holding(self) -> list[str]:
        with self.database.read() as session:
            return [v.id for v in verdicts.effective(session, self.project.id)]


def new_image(number: int, **changes: Any) -> NewImage:
    fields: dict[str, Any] = {
        "name": f"tile-{number:05d}",
        "scene": f"scene-{number % 3}",
        "sha256": f"{number:064x}",
        "source_name": f"source-{number}.tif",
        "source_sha256": f"{number + 10**6:064x}",
        "source_width_px": 64,
        "source_height_px": 64,
        "x_px": 0,
        "y_px": 0,
        "width_px": 64,
        "height_px": 64,
        "bands": 3,
        "dtype": "uint8",
        "tile_path": f"aa/{number}.tif",
        "display_path": f"aa/{number}.jpg",
    }
    return NewImage(**fields | changes)


def new_candidate(image_id: int, segmenter: str, **changes: Any) -> NewCandidate:
    fields: dict[str, Any] = {
        "image_id": image_id,
        "segmenter": segmenter,
        "mask_path": f"bb/{image_id}-{segmenter}.png",
        "mask_sha256": f"{image_id}-{segmenter}",
        "area_shares": (0.25, 0.75),
    }
    return NewCandidate(**fields | changes)


def head(name: str, project_id: int | None = None, **changes: Any) -> HeadRecord:
    fields: dict[str, Any] = {
        "id": name,
        "project_id": project_id,
        "parent_id": None,
        "path": f"{name}.safetensors",
        "sha256": f"sha of {name}",
        "encoder_fingerprint": "encoder",
        "label_count": 0,
        "metrics": {},
        "created_at": dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    }
    return HeadRecord(**fields | changes)


def scores_by(name: str, found: Sequence[Candidate], seed: int) -> list[Score]:
    generator = random.Random(seed)
    made = []
    for candidate in found:
        value = round(generator.uniform(0.2, 0.8), 1)  # one decimal, so that there are ties
        width = round(generator.uniform(0.0, 0.2), 1)
        made.append(Score(candidate.id, name, value, value - width, value + width))
    return made


def fill(database: Database, count: int = 12, slug: str = "town") -> Filled:
    with database.begin() as session:
        project = projects.create(
            session, slug=slug, name=slug.title(), classes=CLASSES, origin="generated"
        )
        found = images.add(session, project.id, [new_image(n) for n in range(count)])
        masks = candidates.put(
            session, [new_candidate(image.id, name) for image in found for name in SEGMENTERS]
        )
        heads.add(session, head("base"))
        scores.publish(session, project.id, "base", scores_by("base", masks, seed=1))
        project = heads.promote(session, project.id, "base", reviewer="ada")
    with database.read() as session:
        return Filled(database, project, images.all_of(session, project.id), masks)

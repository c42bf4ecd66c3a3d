"""A project for the browser: scenes, candidates of falling quality, scores in a known order."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Container
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from db.store import candidates, heads, images, projects, scores
from rsqa_core.raster import write_tile_geotiff
from rsqa_core.records import (
    Candidate,
    ClassDef,
    HeadRecord,
    ImageRecord,
    NewCandidate,
    NewImage,
    Project,
    Score,
)
from workflows.opening import Installation

CLASSES = (
    ClassDef(0, "Building", (60, 16, 152)),
    ClassDef(1, "Land", (132, 41, 246)),
    ClassDef(2, "Road", (110, 193, 228)),
    ClassDef(3, "Vegetation", (254, 221, 58)),
    ClassDef(4, "Water", (226, 169, 41)),
)
SEGMENTERS = ("unet_mobilenetv3", "segformer_b0", "deeplabv3_resnet", "fpn_efficientnet")
HEAD_ID = "base-2025-06"

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Seeded:
    """What was put in: images in queue order (most uncertain first), candidates best first."""

    project: Project
    images: list[ImageRecord]
    candidates: dict[int, list[Candidate]]
    scores: dict[int, Score]


def seed_project(
    installation: Installation,
    *,
    image_count: int = 16,
    side_px: int = 64,
    candidate_count: int = 4,
    scored: bool = True,
    slug: str = "harbour",
    name: str = "Harbour survey",
    scenes: list[tuple[Pixels, Pixels]] | None = None,
    seed: int = 7,
    pixel_m: float | None = None,
    infrared: Container[int] = (),
) -> Seeded:
    """Add a project.

    Images at the places in ``infrared`` have a fourth band, near infrared: 255 minus red.

    ``scenes`` are (RGB (H, W, 3), mask (H, W)) to be used in turn; with ``pixel_m`` all images lie
    at one place in UTM zone 40 N, their pixels so large.
    """
    rng = np.random.default_rng(seed)
    pictures = scenes or [_blocks(rng, side_px) for _ in range(image_count)]
    with installation.database.begin() as session:
        project = projects.create(
            session, slug=slug, name=name, classes=CLASSES, origin="generated"
        )
        added = images.add(
            session,
            project.id,
            [
                replace(
                    _new_image(
                        installation,
                        index,
                        pictures[index % len(pictures)][0],
                        infrared=index in infrared,
                    ),
                    crs=None if pixel_m is None else "EPSG:32640",
                    transform=None
                    if pixel_m is None
                    else (pixel_m, 0.0, 326_000.0, 0.0, -pixel_m, 2_786_000.0),
                )
                for index in range(image_count)
            ],
        )
        stored = candidates.put(
            session,
            [
                _new_candidate(installation, image, rank, pictures[index % len(pictures)][1], rng)
                for index, image in enumerate(added)
                for rank in range(candidate_count)
            ],
        )
    by_image: dict[int, list[Candidate]] = {image.id: [] for image in added}
    for candidate in stored:
        by_image[candidate.image_id].append(candidate)
    published = _publish(installation, project, by_image) if scored else {}
    with installation.database.read() as session:
        project = projects.get_by_id(session, project.id)
    return Seeded(project, added, by_image, published)


def add_head(
    installation: Installation, head_id: str, *, metrics: dict[str, Any] | None = None
) -> None:
    """Add a base head without scores."""
    with installation.database.begin() as session:
        heads.add(
            session,
            HeadRecord(
                id=head_id,
                project_id=None,
                parent_id=None,
                path=f"{head_id}.safetensors",
                sha256=head_id.encode().hex().ljust(64, "0")[:64],
                encoder_fingerprint="f" * 16,
                label_count=0,
                metrics=metrics or {},
                created_at=dt.datetime(2025, 6, 1, tzinfo=dt.UTC),
            ),
        )


def publish_scores(
    installation: Installation, seeded: Seeded, head_id: str, *, best_first: bool = True
) -> None:
    """Score every candidate by another head and make that head the current one."""
    rows = []
    for index, image in enumerate(seeded.images):
        ordered = seeded.candidates[image.id]
        for rank, candidate in enumerate(ordered if best_first else ordered[::-1]):
            rows.append(_score(candidate.id, head_id, index, rank, len(seeded.images)))
    with installation.database.begin() as session:
        scores.publish(session, seeded.project.id, head_id, rows)
        heads.promote(session, seeded.project.id, head_id, reviewer="Ada")


def publish_advice(
    installation: Installation, seeded: Seeded, *, head_id: str = "advising-2025-07"
) -> None:
    """Make a head current that says all it can: who may be best, alarms, IoU, none acceptable.

    The first image has nothing unusual, the second is unlike the training, of the third the best
    candidate has two alarms, and the fourth has no acceptable candidate. The third and then the
    first are the most informative.
    """
    add_head(installation, head_id, metrics={"best_margin": 0.08, "best_risk": 0.1})
    rows = []
    for index, image in enumerate(seeded.images):
        for rank, candidate in enumerate(seeded.candidates[image.id]):
            score = _score(candidate.id, head_id, index, rank, len(seeded.images))
            if index == 3:
                score = replace(score, score=score.score / 2, low=score.low / 2, high=0.5)
            rows.append(
                replace(
                    score,
                    alarms=_alarms(index, rank),
                    mean_iou=0.72 - 0.1 * rank,
                    boundary_f1=0.63 - 0.1 * rank,
                    class_iou=(0.81 - 0.1 * rank, 0.9, None, 0.62, 0.34),
                )
            )
    with installation.database.begin() as session:
        scores.publish(session, seeded.project.id, head_id, rows)
        heads.promote(session, seeded.project.id, head_id, reviewer="Ada")
        images.set_informative(session, {seeded.images[2].id: 1.0, seeded.images[0].id: 0.5})


def _alarms(index: int, rank: int) -> tuple[str, ...]:
    if index == 1:
        return ("unlike_training",)
    return ("unknown_class", "unknown_segmenter") if index == 2 and rank == 0 else ()


def _publish(
    installation: Installation, project: Project, by_image: dict[int, list[Candidate]]
) -> dict[int, Score]:
    add_head(installation, HEAD_ID)
    rows = [
        _score(candidate.id, HEAD_ID, index, rank, len(by_image))
        for index, ordered in enumerate(by_image.values())
        for rank, candidate in enumerate(ordered)
    ]
    with installation.database.begin() as session:
        scores.publish(session, project.id, HEAD_ID, rows)
        heads.promote(session, project.id, HEAD_ID, reviewer="Ada")
    return {row.candidate_id: row for row in rows}


def _score(candidate_id: int, head_id: str, index: int, rank: int, count: int) -> Score:
    """Best candidate first within an image; the interval narrows from image to image."""
    value = 0.91 - 0.07 * rank - 0.004 * (index % 9)
    half = 0.085 * (1 - 0.8 * index / max(count, 1)) * (1 - 0.1 * rank)
    return Score(candidate_id, head_id, value, max(0.0, value - half), min(1.0, value + half))


def _new_image(installation: Installation, index: int, rgb: Pixels, *, infrared: bool) -> NewImage:
    # One pixel of its own, so that equal pictures are different files.
    own = rgb.copy()
    own[0, 0] = (index % 256, index // 256, 0)
    stream = io.BytesIO()
    Image.fromarray(own).save(stream, "JPEG", quality=92)
    path = tile = installation.files.put(stream.getvalue(), ".jpg")
    if infrared:
        bands = np.concatenate([own, 255 - own[..., :1]], axis=2).transpose(2, 0, 1)
        names = ("red", "green", "blue", "nir")
        tile = installation.files.put(write_tile_geotiff(bands, band_names=names), ".tif")
    digest = f"{index:064x}"
    height, width = rgb.shape[:2]
    return NewImage(
        name=f"tile_{index:03d}",
        scene=f"scene {index % 2 + 1}",
        sha256=digest,
        source_name=f"tile_{index:03d}.tif",
        source_sha256=digest,
        source_width_px=width,
        source_height_px=height,
        x_px=0,
        y_px=0,
        width_px=width,
        height_px=height,
        bands=4 if infrared else 3,
        dtype="uint8",
        tile_path=tile,
        display_path=path,
        generated=True,
    )


def _new_candidate(
    installation: Installation,
    image: ImageRecord,
    rank: int,
    truth: Pixels,
    rng: np.random.Generator,
) -> NewCandidate:
    mask = _spoilt(truth, rank, rng)
    stream = io.BytesIO()
    Image.fromarray(mask, "L").save(stream, "PNG")
    path = installation.files.put(stream.getvalue(), ".png")
    counts = np.bincount(mask.ravel(), minlength=256)[: len(CLASSES)]
    return NewCandidate(
        image_id=image.id,
        segmenter=SEGMENTERS[rank],
        mask_path=path,
        # The hash of a mask of this image: equal pictures would otherwise share one.
        mask_sha256=f"{image.id:08x}{rank:08x}{path[3:51]}",
        area_shares=tuple((counts / mask.size).tolist()),
    )


def _spoilt(truth: Pixels, rank: int, rng: np.random.Generator) -> Pixels:
    """The truth with patches of other classes, more of them at a worse rank."""
    mask = truth.copy()
    height, width = mask.shape
    for _ in range(4 + 6 * rank):
        size = int(rng.integers(max(2, width // 32), max(4, width // 8)))
        row, column = (int(rng.integers(0, side - size)) for side in (height, width))
        mask[row : row + size, column : column + size] = rng.integers(0, len(CLASSES))
    return mask


def _blocks(rng: np.random.Generator, side_px: int) -> tuple[Pixels, Pixels]:
    """A picture of coloured blocks and the mask that says which is which."""
    tiles = rng.integers(0, len(CLASSES), (8, 8))
    mask = np.kron(tiles, np.ones((side_px // 8, side_px // 8))).astype(np.uint8)
    ground = np.array(
        [(150, 90, 80), (200, 180, 140), (120, 120, 125), (80, 120, 70), (50, 90, 140)]
    )
    noise = rng.integers(-12, 12, (side_px, side_px, 3))
    return np.clip(ground[mask] + noise, 0, 255).astype(np.uint8), mask

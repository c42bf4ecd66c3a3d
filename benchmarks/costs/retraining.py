"""Seconds and memory to retrain a head and publish its scores, by number of labels.

Images, candidates and features are made up, with the shapes of real ones: what is measured depends
on their number alone.
"""

from __future__ import annotations

import hashlib
import resource
import subprocess
import sys
import time
import uuid
from pathlib import Path

import numpy as np

from benchmarks.record import ROOT, Value
from db.store import candidates, images, projects, reviewers
from db.tables import VerdictRow
from rsqa_core.datasets.classes import DEFAULT_CLASSES
from rsqa_core.encoders.captions import SCENE_PROMPTS
from rsqa_core.encoders.openclip import load_encoder
from rsqa_core.features.description import SegmenterSide
from rsqa_core.features.grids import CELL_SIDE
from rsqa_core.features.keys import (
    candidate_key,
    context_features,
    context_key,
    semantic_features,
    token_features,
)
from rsqa_core.features.names import (
    CONTEXT_CELLS,
    CONTEXT_GROUPS,
    IMAGE_STATISTICS,
    SEGMENTER_CELLS,
    SEGMENTER_GROUPS,
    names_of,
)
from rsqa_core.records import NewCandidate, NewImage, Project
from rsqa_core.settings import Settings
from workflows.opening import Installation, open_installation
from workflows.process_settings import keep_freed_memory
from workflows.segmenter_cache import append_sides

SLUG = "made-up"
PER_IMAGE = 8
TILES_A_SOURCE = 25
REVIEWER = "benchmark"
FINGERPRINT = "f" * 64
"""Of a segmenter that does not exist."""
_IMAGES_A_SHARD = 512


def measure_retraining(folder: Path, labels: int) -> dict[str, Value]:
    """Return seconds to retrain on ``labels`` labels, twice, each in a process of its own.

    The second time the base head's predictions are known from the first, as they are for everyone
    who trains again after more reviewing.
    """
    make_up(folder, labels)
    figures: dict[str, Value] = {}
    for name in ("first", "again"):
        command = [sys.executable, "-m", "benchmarks.costs.retraining", str(folder)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"Retraining on {labels} labels failed: {done.stderr[-2000:]}")
        seconds, peak_mb = done.stdout.split()[-2:]
        figures[f"retrain_{labels}_{name}_s"] = float(seconds)
        figures[f"retrain_{labels}_{name}_peak_mb"] = float(peak_mb)
    return figures


def make_up(home: Path, labels: int, seed: int = 0) -> None:
    """Fill ``home`` with a project of at least ``labels`` candidates, so many of them labelled."""
    installation = open_installation(Settings(home=home, offline=True, runtime="torch"))
    count = -(-labels // PER_IMAGE)
    with installation.database.begin() as session:
        project = projects.create(
            session, slug=SLUG, name="Made up", classes=DEFAULT_CLASSES, origin="generated"
        )
        reviewers.ensure(session, REVIEWER)
        recorded = images.add(session, project.id, [_image(number) for number in range(count)])
        found = candidates.put(
            session,
            [_candidate(image.id, image.sha256, n) for image in recorded for n in range(PER_IMAGE)],
        )
        quality = np.random.default_rng(seed).beta(6, 2, len(found))
        session.execute(
            VerdictRow.__table__.insert(),
            [
                {
                    "id": str(uuid.uuid4()),
                    "project_id": project.id,
                    "image_id": candidate.image_id,
                    "reviewer": REVIEWER,
                    "kind": "correct",
                    "candidate_id": candidate.id,
                    "candidate_version": candidate.version,
                    "score": float(quality[index]),
                    "note": "",
                    "score_visible": True,
                    "time_spent_s": 1.0,
                }
                for index, candidate in enumerate(found[:labels])
            ],
        )
    shas = [image.sha256 for image in recorded]
    for start in range(0, count, _IMAGES_A_SHARD):
        _features(installation, project, shas[start : start + _IMAGES_A_SHARD], seed + start)
    installation.database.close()


def _features(installation: Installation, project: Project, shas: list[str], seed: int) -> None:
    random = np.random.default_rng(seed)
    compact = load_encoder()
    encoder, root = compact.fingerprint, installation.settings.features_dir
    dim = compact.dim
    length = dim + len(SCENE_PROMPTS) + len(IMAGE_STATISTICS)

    def noise(*shape: int) -> np.ndarray:
        return random.random(shape, dtype=np.float32)

    token_features(root, encoder).append(
        {sha: noise(CELL_SIDE**2 * dim) for sha in shas}, np.float16
    )
    semantic_features(root, encoder).append({sha: noise(length) for sha in shas})
    classes = [one.name for one in project.classes]
    around = len(names_of(CONTEXT_GROUPS)) + len(CONTEXT_CELLS) * CELL_SIDE**2 + len(classes)
    contexts, sides = {}, {}
    for sha in shas:
        masks = [mask_sha256(sha, number) for number in range(PER_IMAGE)]
        peers = [f"{mask} bare" for mask in masks]  # no probabilities are made up for them
        for mask in masks:
            contexts[context_key(sha, mask, peers, classes)] = noise(around)
            sides[candidate_key(sha, mask)] = SegmenterSide(
                noise(len(names_of(SEGMENTER_GROUPS))),
                noise(len(SEGMENTER_CELLS), CELL_SIDE, CELL_SIDE),
                None,
            )
    context_features(root, encoder).append(contexts)
    append_sides(root, FINGERPRINT, sides)


def mask_sha256(image_sha256: str, number: int) -> str:
    """Return what a mask that does not exist is called."""
    return hashlib.sha256(f"{image_sha256} {number}".encode()).hexdigest()


def _image(number: int) -> NewImage:
    source, tile = divmod(number, TILES_A_SOURCE)
    row, column = divmod(tile, 5)
    return NewImage(
        name=f"image-{number:06d}",
        scene=f"scene-{source}",
        sha256=hashlib.sha256(f"image {number}".encode()).hexdigest(),
        source_name=f"source-{source}.tif",
        source_sha256=hashlib.sha256(f"source {source}".encode()).hexdigest(),
        source_width_px=2560,
        source_height_px=2560,
        x_px=512 * column,
        y_px=512 * row,
        width_px=512,
        height_px=512,
        bands=3,
        dtype="uint8",
        tile_path=f"made-up/{number}.tif",
        display_path=f"made-up/{number}.jpg",
        generated=True,
    )


def _candidate(image_id: int, image_sha256: str, number: int) -> NewCandidate:
    mask = mask_sha256(image_sha256, number)
    shares = tuple(1 / len(DEFAULT_CLASSES) for _ in DEFAULT_CLASSES)
    return NewCandidate(
        image_id=image_id,
        segmenter=f"segmenter-{number}",
        mask_path=f"made-up/{mask}.png",
        mask_sha256=mask,
        area_shares=shares,
        segmenter_fingerprint=FINGERPRINT,
    )


def main(home: Path) -> None:
    """Retrain in this process, and print seconds and peak memory in MB."""
    from workflows.retraining import retrain_project

    installation = open_installation(Settings(home=home, offline=True, runtime="torch"))
    # What a job has loaded before it begins; starting Python is not part of the figure.
    import open_clip  # noqa: F401

    import rsqa_core.training.adaptation  # noqa: F401

    keep_freed_memory()  # as jobs do
    began = time.perf_counter()
    retrain_project(installation, SLUG)
    seconds = time.perf_counter() - began
    print(f"{seconds:.3f} {_peak_mb():.0f}")


def _peak_mb() -> float:
    """Return the most memory that this process had, in MB.

    Linux hands ``ru_maxrss`` on to children, who then have the peak of what started them.
    """
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2  # macOS counts bytes
    peak = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(peak.split()[1]) / 1024


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""Seconds to score eight candidates of an image, beside what cannot be saved of it.

What cannot be saved is one encoding of the image, from its file, and one pass over the eight
probability maps. Scoring is the workflow that the app calls on candidates that are there, from
masks and image to the published scores; loading encoder and head is not counted.
"""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.costs.encoding import best_seconds, rsqa_loop
from benchmarks.record import Value
from benchmarks.speed import SLUG, prepare, unscored_copy
from db.store import candidates, images, projects
from rsqa_core.encoders.openclip import load_encoder
from rsqa_core.encoders.runtime import with_runtime
from rsqa_core.segmenters.network import shipped_segmenters
from workflows.scoring import score_project
from workflows.segmenting import segment_project

FURTHER = ("zero-shot-patches", "autoencoder-kmeans")
"""Segmenters beside the shipped networks; together they are eight."""


def measure_candidates(folder: Path, count: int, side_px: int) -> dict[str, Value]:
    """Return seconds an image of scoring and of its unavoidable parts, and their ratio.

    Args:
        count: images, of ``side_px`` each.
    """
    original = prepare(folder / "original", count, side_px, 0)
    segment_project(original, SLUG, names=FURTHER)
    wanted = len(shipped_segmenters()) + len(FURTHER)
    copies = [
        unscored_copy(
            original, folder / f"copy-{number}", original.settings.features_dir, ("segmenter-",)
        )
        for number in range(2)
    ]
    with original.database.read() as session:
        project = projects.get(session, SLUG)
        tiles = images.all_of(session, project.id)
        found = candidates.of_images(session, [tile.id for tile in tiles])
    assert all(len(found[tile.id]) == wanted for tile in tiles)
    score_project(copies[0], SLUG)  # loads and compiles what stays loaded
    began = time.perf_counter()
    report = score_project(copies[1], SLUG)
    scoring = (time.perf_counter() - began) / count
    assert report.scored == wanted * count

    encoder = with_runtime(
        load_encoder(), copies[0].settings.encoders_dir, "auto", images=1_000_000
    )
    paths = [original.files.path(tile.tile_path) for tile in tiles]
    maps = np.random.default_rng(0).random((wanted, len(project.classes), side_px, side_px))
    maps = maps.astype(np.float32)
    encoding, one_pass = best_seconds(
        partial(rsqa_loop, encoder, paths), lambda: [one.max(axis=0).mean() for one in maps]
    )
    encoding /= count
    for installation in (original, *copies):
        installation.database.close()
    return {
        f"score_{wanted}_candidates_s": round(scoring, 4),
        "encode_one_image_s": round(encoding, 4),
        f"pass_over_{wanted}_maps_s": round(one_pass, 4),
        "scoring_ratio": round(scoring / (encoding + one_pass), 2),
    }

"""How quickly candidates are scored and a head is retrained.

``python -m benchmarks.speed`` renders scenes into an installation of its own in a temporary folder,
makes candidates with the shipped segmenters and measures the workflows that the app calls:

- candidates scored per second with nothing cached, with the image features cached, and with all
  features cached; each from the call to the published scores, loading encoder and head included;
- seconds to retrain a head on 1,000 labels, scoring every candidate with it included, its features
  cached as they are after scoring.

It prints the figures and appends them to benchmarks/results/speed.csv. ``--smoke`` is quick and
records nothing.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.record import RESULTS, Value, append_row
from db import open_database
from db.store import candidates, heads, images, projects, reviewers, verdicts
from rsqa_core.datasets.classes import DEFAULT_CLASSES
from rsqa_core.records import Verdict
from rsqa_core.settings import Settings
from workflows.commands.progress import ProgressBar
from workflows.generating import add_generated_scenes
from workflows.opening import Installation, open_installation
from workflows.retraining import retrain_project
from workflows.scoring import score_project
from workflows.segmenting import segment_project

SLUG = "benchmark"
FIRST_SEED = 50_000
"""Scenes that nothing shipped was trained on."""
REVIEWER = "benchmark"

IMAGE_FEATURES = ("semantic-", "tokens-")
CANDIDATE_FEATURES = ("context-",)
"""Folders of the feature cache by what they hold; ``segmenter-`` comes with the candidates."""


@dataclass(frozen=True)
class Sizes:
    """How much is measured; sides in px."""

    images: int = 32
    side_px: int = 512
    labels: int = 1000
    labelled_side_px: int = 128
    seed: int = 0


SMOKE = Sizes(images=2, side_px=64, labels=20, labelled_side_px=64)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and record unless it is only a smoke test."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--smoke", action="store_true", help="quick; records nothing")
    parser.add_argument("--images", type=int, default=Sizes.images, help="images that are scored")
    parser.add_argument("--labels", type=int, default=Sizes.labels, help="labels to retrain on")
    parser.add_argument("--seed", type=int, default=Sizes.seed, help="first scene beyond the usual")
    options = parser.parse_args(arguments)
    chosen = Sizes(images=options.images, labels=options.labels, seed=options.seed)
    sizes = SMOKE if options.smoke else chosen
    with tempfile.TemporaryDirectory(prefix="rsqa-bench-") as folder:
        figures = measure_scoring(Path(folder) / "scoring", sizes)
        figures |= measure_retraining(Path(folder) / "retraining", sizes)
    for name, value in figures.items():
        print(f"{name:44} {value:10.2f}")
    if not options.smoke:
        append_row(RESULTS / "speed.csv", configuration(sizes), figures)
        print(f"Appended to {RESULTS / 'speed.csv'}.")


def configuration(sizes: Sizes) -> dict[str, Value]:
    """Return what was measured, for the row."""
    import torch

    return {**vars(sizes), "torch_threads": torch.get_num_threads()}


def measure_scoring(home: Path, sizes: Sizes) -> dict[str, Value]:
    """Return candidates scored per second with less and more of the features cached."""
    original = prepare(home, sizes.images, sizes.side_px, sizes.seed)
    figures: dict[str, Value] = {}
    cached: tuple[str, ...] = ()
    filled = original.settings.features_dir
    for name, more in (
        ("candidates_per_s_nothing_cached", ()),
        ("candidates_per_s_image_features_cached", IMAGE_FEATURES),
        ("candidates_per_s_all_cached", CANDIDATE_FEATURES),
    ):
        cached += more
        copy = unscored_copy(original, home.with_name(name), filled, ("segmenter-", *cached))
        began = time.perf_counter()
        report = score_project(copy, SLUG)
        figures[name] = round(report.scored / (time.perf_counter() - began), 2)
        filled = copy.settings.features_dir  # complete after the first run
        copy.database.close()
    original.database.close()
    return figures


def measure_retraining(home: Path, sizes: Sizes) -> dict[str, Value]:
    """Return seconds of retraining on ``sizes.labels`` labels, reference OA as the expert."""
    per_image = len(_segmenter_names())
    count = -(-sizes.labels // per_image)
    installation = prepare(home, count, sizes.labelled_side_px, sizes.seed + sizes.images)
    score_project(installation, SLUG)
    label(installation, sizes.labels)
    began = time.perf_counter()
    record = retrain_project(installation, SLUG)
    seconds = time.perf_counter() - began
    with installation.database.read() as session:
        assert heads.get(session, record.id).label_count == sizes.labels
    installation.database.close()
    return {"retrain_s": round(seconds, 2)}


def prepare(home: Path, count: int, side_px: int, seed: int) -> Installation:
    """Return an installation with ``count`` rendered images and their candidates, unscored."""
    installation = open_installation(Settings(home=home, offline=True))
    with installation.database.begin() as session:
        project = projects.create(
            session, slug=SLUG, name="Benchmark", classes=DEFAULT_CLASSES, origin="generated"
        )
    seeds = range(FIRST_SEED + seed, FIRST_SEED + seed + count)
    with ProgressBar() as progress:
        add_generated_scenes(installation, project, seeds, size_px=side_px, progress=progress)
        segment_project(installation, SLUG, progress=progress)
    return installation


def unscored_copy(
    original: Installation, home: Path, features: Path, kinds: tuple[str, ...]
) -> Installation:
    """Return a copy without scores whose cache holds only the kinds that start with ``kinds``."""
    settings = replace(original.settings, home=home)
    original.database.backup(settings.database_path)
    for folder in features.iterdir():
        if folder.name.startswith(kinds):
            shutil.copytree(folder, settings.features_dir / folder.name)
    return Installation(settings, open_database(settings.database_path), original.files)


def label(installation: Installation, count: int) -> None:
    """Record the reference overall accuracy of ``count`` candidates as a reviewer's corrections."""
    with installation.database.begin() as session:
        project = projects.get(session, SLUG)
        reviewers.ensure(session, REVIEWER)
        by_image = candidates.of_images(
            session, [image.id for image in images.all_of(session, project.id)]
        )
        every = [candidate for found in by_image.values() for candidate in found]
        for candidate in every[:count]:
            verdicts.record(
                session,
                Verdict(
                    id=str(uuid.uuid4()),
                    project_id=project.id,
                    image_id=candidate.image_id,
                    reviewer=REVIEWER,
                    kind="correct",
                    candidate_id=candidate.id,
                    score=candidate.overall_accuracy,
                ),
            )


def _segmenter_names() -> list[str]:
    from rsqa_core.segmenters.network import shipped_segmenters

    return [segmenter.name for segmenter in shipped_segmenters()]


if __name__ == "__main__":
    main()

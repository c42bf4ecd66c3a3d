"""Train a segmenter from a project and ship it with its card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from db.store import projects
from rsqa_core.progress import Progress, no_progress
from workflows.opening import Installation
from workflows.training import (
    SEGMENTER_SEEDS,
    current_commit,
    labelled_scenes,
    scenes_with_reference,
    sources_with_reference,
)

if TYPE_CHECKING:
    from rsqa_core.segmenters.network import Segmenter
    from rsqa_core.segmenters.specs import SegmenterSpec


def train_and_save_segmenter(
    installation: Installation,
    name: str,
    slug: str,
    scenes: Sequence[str],
    *,
    generated: int,
    folder: Path,
    steps: int | None = None,
    seed: int = 0,
    progress: Progress = no_progress,
) -> dict[str, dict[str, float]]:
    """Train segmenter ``name`` on ``scenes`` of a project and on generated scenes.

    Returns:
        figures by data set: each scene of the project that it did not train on.
    """
    from rsqa_core.segmenters.network import load_segmenter, save_segmenter
    from rsqa_core.segmenters.specs import segmenter_spec
    from rsqa_core.training.segmenter import SegmenterTraining, train_segmenter

    spec = segmenter_spec(name)
    options = SegmenterTraining(steps=steps or spec.steps, seed=seed)
    with installation.database.read() as session:
        project = projects.get(session, slug)
    classes = tuple(c.name for c in project.classes)
    network, reference = train_segmenter(
        spec,
        labelled_scenes(installation, slug, scenes, generated, SEGMENTER_SEEDS),
        len(classes),
        options,
        checkpoint=installation.settings.home / "training" / f"{name}.pt",
        progress=progress,
    )
    path = folder / f"{name}.safetensors"
    sources = sources_with_reference(installation, slug, scenes)
    save_segmenter(path, spec, network, classes, reference, sources)
    figures = measure_segmenter(installation, load_segmenter(path), slug, scenes)
    write_segmenter_card(folder, spec, slug, scenes, generated, options.steps, seed, figures)
    return figures


def measure_segmenter(
    installation: Installation, segmenter: Segmenter, slug: str, trained_on: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Return the accuracy on each labelled scene of the project that is not in ``trained_on``."""
    from rsqa_core.training.segmenter import evaluate_segmenter

    return {
        scene: evaluate_segmenter(segmenter, labelled_scenes(installation, slug, [scene], 0, 0))
        for scene in scenes_with_reference(installation, slug)
        if scene not in trained_on
    }


def write_segmenter_card(
    folder: Path,
    spec: SegmenterSpec,
    slug: str,
    scenes: Sequence[str],
    generated: int,
    steps: int,
    seed: int,
    figures: Mapping[str, Mapping[str, float]],
) -> None:
    """Write the model card beside the weights."""
    from rsqa_core.training.cards import write_card

    about = {
        "architecture": f"{spec.architecture} with {spec.backbone}, {spec.why}",
        "data": f"scenes {', '.join(scenes)} of project {slug}, {generated} generated scenes from "
        f"seed {SEGMENTER_SEEDS}; trained from random weights",
        "split": "by scene; the table shows scenes that it never saw, in tiles of 512 px",
        "steps": str(steps),
        "seed": str(seed),
        "commit": current_commit(),
        "command": f"rsqa samples fetch dubai; rsqa import var/samples/dubai --project {slug} "
        "--ignore Unlabeled,Void_black; "
        f"rsqa train-segmenter {spec.name} --project {slug}",
        "licence": "Apache-2.0; the Dubai imagery is CC0 1.0",
    }
    write_card(folder / f"{spec.name}.md", spec.name, about, figures)

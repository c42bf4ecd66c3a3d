"""Train the compact encoder from a project and ship it with its card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from db.store import projects
from rsqa_core.progress import Progress, no_progress
from workflows.opening import Installation
from workflows.training import (
    SEGMENTER_SEEDS,
    current_commit,
    labelled_scenes,
    scenes_with_reference,
)


def train_and_save_encoder(
    installation: Installation,
    slug: str,
    scenes: Sequence[str],
    *,
    generated: int,
    folder: Path,
    steps: int | None = None,
    seed: int = 0,
    progress: Progress = no_progress,
) -> dict[str, dict[str, float]]:
    """Train the compact encoder on ``scenes`` of a project and on generated scenes.

    Returns:
        zero-shot figures by data set: each scene of the project that it did not train on.
    """
    from rsqa_core.encoders.openclip import COMPACT
    from rsqa_core.training.encoder import EncoderTraining, save_encoder, train_encoder

    options = EncoderTraining(seed=seed) if steps is None else EncoderTraining(steps, seed=seed)
    with installation.database.read() as session:
        project = projects.get(session, slug)
    model = train_encoder(
        labelled_scenes(installation, slug, scenes, generated, SEGMENTER_SEEDS),
        [c.name for c in project.classes],
        options,
        checkpoint=installation.settings.home / "training" / f"{COMPACT}.pt",
        progress=progress,
    )
    path = folder / f"{COMPACT}.safetensors"
    save_encoder(path, model)
    figures = measure_encoder(installation, path, slug, scenes)
    write_encoder_card(folder, slug, scenes, generated, options.steps, seed, figures)
    return figures


def measure_encoder(
    installation: Installation, path: Path, slug: str, trained_on: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Return zero-shot figures on each labelled scene that is not in ``trained_on``."""
    from rsqa_core.encoders.openclip import load_compact
    from rsqa_core.training.encoder import evaluate_encoder

    with installation.database.read() as session:
        project = projects.get(session, slug)
    encoder = load_compact(path)
    return {
        scene: evaluate_encoder(
            encoder,
            labelled_scenes(installation, slug, [scene], 0, 0),
            [c.name for c in project.classes],
        )
        for scene in scenes_with_reference(installation, slug)
        if scene not in trained_on
    }


def write_encoder_card(
    folder: Path,
    slug: str,
    scenes: Sequence[str],
    generated: int,
    steps: int,
    seed: int,
    figures: Mapping[str, Mapping[str, float]],
) -> None:
    """Write the model card beside the weights."""
    from rsqa_core.encoders.openclip import COMPACT
    from rsqa_core.training.cards import write_card

    about = {
        "architecture": "open_clip with a regnety_002 image tower and a three-layer text tower, "
        "128 shared dimensions",
        "data": f"scenes {', '.join(scenes)} of project {slug}, {generated} generated scenes from "
        f"seed {SEGMENTER_SEEDS}; captions composed from their masks",
        "split": "by scene; the table shows scenes that it never saw",
        "steps": str(steps),
        "seed": str(seed),
        "commit": current_commit(),
        "command": f"rsqa samples fetch dubai; rsqa import var/samples/dubai --project {slug} "
        "--ignore Unlabeled,Void_black; "
        f"rsqa train-encoder --project {slug}",
        "licence": "Apache-2.0; the Dubai imagery is CC0 1.0",
    }
    write_card(folder / f"{COMPACT}.md", COMPACT, about, figures)

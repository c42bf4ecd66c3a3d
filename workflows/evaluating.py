"""Compare predicted quality with reference masks, beside every baseline."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from db.store import candidates as candidate_store
from db.store import images as image_store
from rsqa_core.errors import InvalidInputError
from rsqa_core.evaluation.agreement import (
    Pooled,
    WithinImage,
    constant_best,
    pooled,
    within_image,
)
from rsqa_core.evaluation.baselines import label_free
from rsqa_core.evaluation.resampling import paired_change
from rsqa_core.progress import Progress, no_progress
from rsqa_core.records import is_synthetic
from workflows.describing import DescribedCandidates, describe_candidates
from workflows.opening import Installation
from workflows.scoring import current_head, groups_of, load_project_head

BASELINES = ("ac", "entropy", "margin", "agreement", "constant_best")
METHODS = ("rsqa", *BASELINES, "oracle")


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Figures of every method on one project.

    Attributes:
        head_id: the head behind ``rsqa``.
        seen_scenes: scenes of which the head was trained; scored by members that never saw them.
        pooled: method: figures over all candidates, None where it predicts nothing.
        within_image: method: figures of its recommendation, likewise.
        strongest: the baseline of the highest SRCC, None where none predicts.
        gain: 95 % intervals of what ``rsqa`` gains over it, resampling source images: ``srcc``
            (above zero is better) and ``mae`` (below zero is better).
    """

    slug: str
    head_id: str
    seen_scenes: tuple[str, ...]
    pooled: dict[str, Pooled | None]
    within_image: dict[str, WithinImage | None]
    strongest: str | None
    gain: dict[str, tuple[float, float]]
    n_images: int
    n_candidates: int

    def to_json(self) -> dict[str, Any]:
        """Return the figures as plain values; what a method cannot give is null."""
        empty_pooled = dict.fromkeys(("srcc", "krcc", "plcc", "mae", "rmse"))
        empty_within = dict.fromkeys(("top1", "regret_mean", "regret_p95", "gap_closed"))
        return {
            "project": self.slug,
            "head": self.head_id,
            "seen_scenes": list(self.seen_scenes),
            "pooled": {m: asdict(v) if v else empty_pooled for m, v in self.pooled.items()},
            "within_image": {
                m: asdict(v) if v else empty_within for m, v in self.within_image.items()
            },
            "strongest_baseline": self.strongest,
            "gain_over_strongest": {name: list(found) for name, found in self.gain.items()},
            "n_images": self.n_images,
            "n_candidates": self.n_candidates,
        }


def evaluate_project(
    installation: Installation,
    slug: str,
    *,
    head_id: str | None = None,
    scene: str | None = None,
    progress: Progress = no_progress,
) -> Evaluation:
    """Evaluate the head on all candidates whose image has a reference mask.

    Synthetic candidates count nowhere, neither as candidates nor as peers of others.

    Images that the head was trained on are scored by the members that never saw their fold, so the
    figures are leave-one-scene-out there.

    Raises:
        InvalidInputError: no candidate has a measured overall accuracy.
    """
    project, record = current_head(installation, slug, head_id)
    head = load_project_head(installation, record)
    with installation.database.read() as session:
        images = image_store.all_of(session, project.id)
        # Before anything is described: a degraded mask must not count as a peer either.
        candidates = [
            c for c in candidate_store.all_of(session, project.id) if not is_synthetic(c.segmenter)
        ]
    groups = [
        (image, found)
        for image, found in groups_of(images, candidates)
        if scene in (None, image.scene) and any(c.overall_accuracy is not None for c in found)
    ]
    if not groups:
        raise InvalidInputError(
            f"Project {slug!r} has no candidates with a reference mask"
            + (f" in scene {scene!r}" if scene else "")
            + ". Import masks beside the images (masks/), then make candidates."
        )
    described = describe_candidates(
        installation,
        project,
        groups,
        (head.card.encoder_name, head.card.encoder_fingerprint),
        progress=progress,
    )
    measured = np.array([c.overall_accuracy is not None for c in described.candidates])
    score = head.predict(described.inputs, described.places, head.card.encoder_fingerprint).score
    target = np.array(
        [c.overall_accuracy for c in described.candidates if c.overall_accuracy is not None]
    )
    predictions = baseline_predictions(described)
    predictions["rsqa"] = score
    predictions = {name: values[measured] for name, values in predictions.items()}
    image = described.image_of_row[measured]
    kept = np.flatnonzero(measured)
    usual = constant_best(
        target,
        np.array([described.candidates[row].segmenter for row in kept]),
        np.array([described.images[i].scene for i in image]),
        image,
    )
    predictions["constant_best"] = usual
    predictions["oracle"] = target
    seen = {
        found.scene for found in described.images if head.fold_of(found.source_sha256) is not None
    }
    figures = {m: pooled(predictions[m], target) for m in METHODS}
    ranked = {m: found.srcc for m in BASELINES if (found := figures[m]) and found.srcc is not None}
    strongest = max(ranked, key=ranked.__getitem__) if ranked else None
    source = np.unique([described.images[i].source_sha256 for i in image], return_inverse=True)[1]
    return Evaluation(
        slug=slug,
        head_id=record.id,
        seen_scenes=tuple(sorted(seen)),
        pooled=figures,
        within_image={m: within_image(predictions[m], target, image, usual) for m in METHODS},
        strongest=strongest,
        gain=paired_change(predictions[strongest], predictions["rsqa"], target, source)
        if strongest
        else {},
        n_images=len(described.images),
        n_candidates=len(target),
    )


def baseline_predictions(described: DescribedCandidates) -> dict[str, NDArray[np.float64]]:
    """Return those of `rsqa_core.evaluation.baselines.label_free` that stand in BASELINES."""
    found = label_free(described.rows)
    return {name: found[name] for name in BASELINES if name in found}

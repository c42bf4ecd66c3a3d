"""How much the choice of the head's options flatters its figures.

``python -m benchmarks.nested_choice --home DIR --project dubai`` works on an installation whose
project is scored and has reference masks of three scenes or more. For every scene it chooses the
head's options and prior out of GRID by leave-one-scene-out on the *other* scenes alone, trains with
that choice on those scenes and predicts the scene. No label of a scene and no figure measured on
it in this run reaches the head that predicts it; what remains is that the weights of the prior
``shipped``, one of the four on offer, were once found on the sample's scenes. The predictions stand
beside agreement with the other candidates, with the interval of the difference over resampled
source images. One row goes to benchmarks/results/nested_choice.csv.
"""

from __future__ import annotations

import argparse
import itertools
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.record import RESULTS, append_row
from db.store import candidates as candidate_store
from db.store import images as image_store
from rsqa_core.evaluation.agreement import Values, paired_change, pooled
from rsqa_core.heads import gating
from rsqa_core.records import is_synthetic
from rsqa_core.settings import Settings
from rsqa_core.training.head import HeadData, HeadTraining, train_head
from workflows.describing import describe_candidates
from workflows.evaluating import baseline_predictions
from workflows.opening import open_installation
from workflows.scoring import current_head, groups_of, load_project_head

PRIORS = {
    "shipped": dict(gating.PRIOR),
    "agreement alone": {"peer_mean": 1.0},
    "three alike": dict.fromkeys(gating.PRIOR, 1 / 3),
    "none": {"peer_mean": 0.0},
}
GRID = tuple(
    (prior, HeadTraining(weight_decay=decay, correlation=correlation, seeds=2))
    for prior, decay, correlation in itertools.product(PRIORS, (1.0, 8.0), (0.0, 0.02))
)
"""What is chosen from, with few seeds; the choice is then trained with all of them."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--project", default="dubai")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    data, agreement, encoder = described(options.home.resolve(), options.project)
    scenes = sorted(set(data.fold_names))
    scene_of = np.array(data.fold_names)[data.image_of_row]
    predicted = np.full(len(data.targets), np.nan)
    for scene in scenes:
        others = [other for other in scenes if other != scene]
        figures = []
        for prior, training in GRID:
            training = replace(training, seed=options.seed)
            inner = np.full(len(data.targets), np.nan)
            for other in others:
                rest = [name for name in others if name != other]
                inner[scene_of == other] = trained(data, encoder, prior, training, other, rest)
            known = scene_of != scene
            found = pooled(inner[known], data.targets[known].astype(np.float64))
            figures.append(found.srcc if found and found.srcc is not None else -1.0)
        prior, training = GRID[int(np.argmax(figures))]
        training = replace(training, seed=options.seed, seeds=HeadTraining().seeds)
        inside = scene_of == scene
        predicted[inside] = trained(data, encoder, prior, training, scene, others)
        own = pooled(predicted[inside], data.targets[inside].astype(np.float64))
        rival = pooled(agreement[inside], data.targets[inside].astype(np.float64))
        print(
            f"{scene}: prior {prior}, weight decay {training.weight_decay:g}, correlation "
            f"{training.correlation:g}; inner SRCC {max(figures):.3f}; "
            f"SRCC {own and own.srcc:.3f}, MAE {own and own.mae:.4f}, agreement "
            f"{rival and rival.srcc:.3f} and {rival and rival.mae:.4f}",
            flush=True,
        )
    report(data, predicted, agreement, options.project, options.seed)


def report(data: HeadData, predicted: Values, agreement: Values, project: str, seed: int) -> None:
    """Print the pooled figures with their intervals and append them to the results."""
    target = data.targets.astype(np.float64)
    source = np.unique(np.array(data.sources)[data.image_of_row], return_inverse=True)[1]
    own, rival = pooled(predicted, target), pooled(agreement, target)
    change = paired_change(agreement, predicted, target, source, seed=seed)
    print(f"options chosen without the scene: {own}\nagreement: {rival}\ndifference: {change}")
    figures: dict[str, float] = {}
    for name, values in (("nested", own), ("agreement", rival)):
        if values is not None and values.srcc is not None:
            figures |= {f"{name}_srcc": round(values.srcc, 4), f"{name}_mae": round(values.mae, 4)}
    for name, interval in change.items():
        figures |= {f"{name}_low": round(interval[0], 4), f"{name}_high": round(interval[1], 4)}
    append_row(
        RESULTS / "nested_choice.csv",
        {"project": project, "choices": len(GRID), "seed": seed},
        figures,
    )


def trained(
    data: HeadData,
    encoder: tuple[str, str],
    prior: str,
    training: HeadTraining,
    scene: str,
    others: list[str],
) -> Values:
    """Predict the candidates of ``scene`` by a head that learns from ``others`` alone."""
    chosen = np.isin(data.fold_names, [scene, *others])
    rows = np.flatnonzero(chosen[data.image_of_row])
    position = np.cumsum(chosen) - 1
    images = np.flatnonzero(chosen)
    part = HeadData(
        semantic=data.semantic[images],
        embedding_dim=data.embedding_dim,
        sources=tuple(data.sources[i] for i in images),
        fold_names=tuple("held" if data.fold_names[i] == scene else "learnt" for i in images),
        rows=data.rows[rows],
        image_of_row=position[data.image_of_row[rows]],
        targets=data.targets[rows],
        weights=data.weights[rows],
    )
    # The prior is a constant of the shipped architecture, so only this comparison swaps it.
    with mock.patch.dict(gating.PRIOR, PRIORS[prior], clear=True):
        head = train_head(part, encoder, training)
    inside = np.flatnonzero(np.array(data.fold_names)[data.image_of_row[rows]] == scene)
    image = part.image_of_row[inside]
    return head.predict(
        part.semantic[image], part.rows[inside], [part.sources[i] for i in image], encoder[1]
    ).score


def described(home: Path, slug: str) -> tuple[HeadData, NDArray[np.float64], tuple[str, str]]:
    """Return a project's candidates as the head learns from them, their agreement, the encoder."""
    installation = open_installation(Settings(home=home))
    project, record = current_head(installation, slug)
    head = load_project_head(installation, record)
    with installation.database.read() as session:
        images = image_store.all_of(session, project.id)
        candidates = candidate_store.all_of(session, project.id)
    groups = [
        (
            image,
            [c for c in found if c.overall_accuracy is not None and not is_synthetic(c.segmenter)],
        )
        for image, found in groups_of(images, candidates)
    ]
    encoder = (head.card.encoder_name, head.card.encoder_fingerprint)
    found = describe_candidates(installation, project, [g for g in groups if g[1]], encoder)
    data = HeadData(
        semantic=found.semantic,
        embedding_dim=head.preparation.embedding_dim,
        sources=tuple(image.source_sha256 for image in found.images),
        fold_names=tuple(image.scene for image in found.images),
        rows=found.rows,
        image_of_row=found.image_of_row,
        targets=np.array([c.overall_accuracy for c in found.candidates], dtype=np.float32),
        weights=np.ones(len(found.candidates), dtype=np.float32),
    )
    return data, baseline_predictions(found)["agreement"], encoder


if __name__ == "__main__":
    main()
